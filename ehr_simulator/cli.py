"""`python -m ehr_simulator`: the stand-in EHR from the command line."""

from __future__ import annotations

import signal
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from ehr_simulator.demo.deployment import FolderNotOurs, Ports
from ehr_simulator.demo.run import Wishes, run_demo, run_serve
from ehr_simulator.loader import LoadFailed
from ehr_simulator.patients import write
from ehr_simulator.processes import NotReady

STEP_FAILED = 1
NOT_STARTED = 3

Command = TypeVar("Command", bound=Callable[..., Any])

EXIT_CODES = """
\b
Exit codes: 0 all went well; 1 a step of the demo failed; 2 a wrong option;
3 something could not be started, the message says what.
"""


def _interrupt(_signal: int, _frame: object) -> None:
    """SIGTERM and a closed terminal stop like Ctrl-C."""
    raise KeyboardInterrupt


def _where(command: Command) -> Command:
    """The options that `demo` and `serve` share."""
    for option in reversed(
        [
            click.option("--patients", type=click.Path(exists=True, file_okay=False, path_type=Path),
                         help="Load the FHIR R4 bundles (*.json) of this folder instead of the invented patients."),
            click.option("--pattern", default="*.json", show_default=True, help="Which files of --patients to load."),
            click.option("--shift", type=click.Choice(["now", "no"]), default="now", show_default=True,
                         help="With --patients: move each bundle's dates so that the last fact of its last stay is "
                              "now, or leave them as written."),
            click.option("--at-hour", type=click.FloatRange(min=0), metavar="H",
                         help="With --patients: move the dates so that it is now hour H of the last stay, and leave "
                              "out what happens later."),
            click.option("--var", type=click.Path(file_okay=False, path_type=Path), default=Path("var/demo"),
                         show_default=True, help="Folder for databases, logs and secrets. Made fresh each run."),
            click.option("--port-ehr", type=int, default=8101, show_default=True, help="Port of the EHR."),
            click.option("--port-fhir", type=int, default=8104, show_default=True, help="Port of the FHIR server."),
        ]
    ):  # fmt: skip
        command = option(command)
    return command


@click.group(help="A stand-in EHR with invented patients, for trying Chartside out.\n" + EXIT_CODES)
def main() -> None:
    """The command group."""


@main.command(epilog="Example: python -m ehr_simulator demo --check")
@_where
@click.option("--port-chartside", type=int, default=8100, show_default=True, help="Port of Chartside.")
@click.option("--check", is_flag=True, help="Do every step, stop everything, and say by the exit code if all worked.")
@click.option("--strict", is_flag=True, help="Register only the EHR with its signed calls, not this machine itself.")
@click.option(
    "--without-history",
    is_flag=True,
    help="Start with an empty ledger: quicker, but the quality team's pages have nothing to say.",
)
def demo(check: bool, strict: bool, without_history: bool, port_chartside: int, **where: Any) -> None:
    """Start FHIR server, EHR and Chartside; open every chart; walk one clinician's road.

    Before that, 90 made-up days go into the ledger, so that the quality team's pages show something; what is true of
    them stands in truth.json of the --var folder. Prints each card, launches the app from a card, overrides there with
    a reason, accepts another card in the EHR, and compares Chartside's override rates with what was done. Then serves
    until Ctrl-C, unless --check is given.
    """
    wishes = _wishes(where, port_chartside, strict=strict, history=not without_history)
    worked = _guarded(lambda: run_demo(wishes, click.echo, check=check))
    if check:
        click.echo("\nEverything worked." if worked else "\nNot everything worked. The logs are in the --var folder.")
        raise SystemExit(0 if worked else STEP_FAILED)


@main.command(epilog="Example: python -m ehr_simulator serve --chartside http://127.0.0.1:8100")
@_where
@click.option("--chartside", default="http://127.0.0.1:8100", show_default=True, help="Where Chartside runs.")
def serve(chartside: str, **where: Any) -> None:
    """Start FHIR server and EHR only, beside a Chartside that runs already.

    Chartside's client registry needs an entry with the EHR's issuer and key address, which are printed.
    """
    _guarded(lambda: run_serve(_wishes(where), chartside, click.echo))


@main.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--seed", default=2026, show_default=True, help="Another seed gives other values.")
def patients(folder: Path, seed: int) -> None:
    """Write the invented patients into FOLDER as FHIR R4 transaction bundles, current as of now."""
    written = write(folder, datetime.now(UTC), seed)
    click.echo(f"Wrote {len(written)} bundles into {folder}.")


def _wishes(
    where: dict[str, Any], port_chartside: int = 8100, *, strict: bool = False, history: bool = False
) -> Wishes:
    """The options as one value."""
    if where["patients"] is None and where["at_hour"] is not None:
        raise click.UsageError("--at-hour goes with --patients; the invented patients are always current.")
    return Wishes(
        var=where["var"],
        ports=Ports(port_chartside, where["port_ehr"], where["port_fhir"]),
        patients=where["patients"],
        pattern=where["pattern"],
        shift_now=where["shift"] == "now",
        at_hour=where["at_hour"],
        strict=strict,
        history=history,
    )


def _guarded(act: Callable[[], bool | None]) -> bool:
    """Run until done or interrupted; a fault at the start is a sentence and exit code 3."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # SIGINT too: a shell's "&" has it ignored
        signal.signal(number, _interrupt)
    try:
        return act() is not False
    except KeyboardInterrupt:
        click.echo("\nStopped.")
        return False
    except (NotReady, FolderNotOurs, LoadFailed) as fault:
        click.echo(str(fault), err=True)
        raise SystemExit(NOT_STARTED) from None
