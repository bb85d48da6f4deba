"""The monthly pack for a committee: one HTML file that needs nothing else."""
