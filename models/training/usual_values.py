"""`usual_values.toml`: between which values the latest value of each signal usually lies in the training data.

It needs no fit: the rows alone decide it. Run it as `python -m models.training.usual_values FOLDER DATA_FOLDER`, then
sign the model anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click
import numpy as np

from models.runtime.manifest import Manifest
from models.runtime.read_manifest import read_untrained
from models.runtime.sight import TreeSight
from models.runtime.what_if_usual import PERCENTILES, USUAL_FILE, level_column
from models.training.cases import check_files
from models.training.load_recipe import load_recipe
from models.training.read_rows import read_rows
from models.training.rows import Rows

# Fewer values than this are no distribution.
LEAST = 200
_ELSE = "of another level where the model has no latest one"


def usual(rows: Rows, manifest: Manifest, names: tuple[str, ...]) -> Mapping[str, tuple[float, float]]:
    """The 5th and 95th percentile of each signal among the rows that the model would answer, in the signal's unit."""
    known = rows.features[rows.answered]
    found: dict[str, tuple[float, float]] = {}
    for signal in manifest.signals:
        column = level_column(manifest, signal)
        if column is None:
            continue
        values = known[:, names.index(column)]
        values = values[~np.isnan(values)]
        if len(values) >= LEAST:
            low, high = np.percentile(values, PERCENTILES)
            found[signal] = (float(f"{low:.4g}"), float(f"{high:.4g}"))
    return found


def as_toml(values: Mapping[str, tuple[float, float]], rows: int) -> str:
    """The file."""
    lines = [
        "# Written by models/training/usual_values.py from the training rows that the model answers.",
        f'of = "{PERCENTILES[0]}th and {PERCENTILES[1]}th percentile of the latest value ({_ELSE})"',
        f"rows = {rows}",
        "",
        "[signals]",
    ]
    lines += [f"{name} = [{low!r}, {high!r}]" for name, (low, high) in values.items()]
    return "\n".join(lines) + "\n"


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
def main(folder: Path, data: Path) -> None:
    """Write the file of the model in FOLDER from the training files in DATA."""
    manifest = read_untrained(folder / "model.toml")
    sight = TreeSight(manifest)
    recipe = load_recipe(folder)
    rows = read_rows(recipe.source.cases(check_files(data, recipe.source.sha256)), sight, click.echo)
    found = usual(rows, manifest, tuple(feature.name for feature in sight.features))
    (folder / USUAL_FILE).write_text(as_toml(found, int(rows.answered.sum())))
    click.echo(f"{len(found)} signals of {int(rows.answered.sum()):,} rows")


if __name__ == "__main__":
    main()
