"""How long it takes to make training rows: CPU time for a row, from files to records and from records to columns.

    python -m bench.row_making sepsis_6h ../shared/data/tabular/cinc2019_hospitalB_16000.parquet --first 400

Rows are made by the code that serves, so this bounds how many can be trained on or evaluated. All in one process.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import click

from models.runtime.folder_code import MODELS
from models.runtime.read_manifest import read_untrained
from models.runtime.sight import TreeSight
from models.training.cases import Case
from models.training.load_recipe import load_recipe


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds for a number of rows of so many columns."""

    rows: int
    columns: int
    reading: float
    looking: float

    def line(self) -> str:
        """In words."""
        read, looked = (1e6 * seconds / self.rows for seconds in (self.reading, self.looking))
        return (
            f"{self.rows:,} rows of {self.columns} columns: {read:.0f} µs a row to read the files, "
            f"{looked:.0f} µs a row to make the columns; {(read + looked) / 60:.1f} min CPU for a million rows"
        )


def measure(folder: Path, files: list[Path], first: int | None) -> Cost:
    """Make the rows of the first patients, and throw them away."""
    sight = TreeSight(read_untrained(folder / "model.toml"))
    begun = time.process_time()
    cases = list(islice(load_recipe(folder).source.cases(files), first))
    read = time.process_time()
    rows = sum(_rows(sight, case) for case in cases)
    return Cost(rows, len(sight.features), read - begun, time.process_time() - read)


def _rows(sight: TreeSight, case: Case) -> int:
    """How many rows a patient gives."""
    return sum(seen is not None for seen in sight.see(case.record, [moment.as_of for moment in case.moments]))


@click.command(help=__doc__)
@click.argument("model")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--first", type=int, default=None, help="Only so many patients.")
def main(model: str, files: tuple[Path, ...], first: int | None) -> None:
    """Measure and tell."""
    click.echo(measure(MODELS / model, list(files), first).line())


if __name__ == "__main__":
    main()
