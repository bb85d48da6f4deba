"""Start the command line."""

from ehr_simulator.cli import main

if __name__ == "__main__":
    main(prog_name="python -m ehr_simulator")
