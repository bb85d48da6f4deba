"""CPU time of one explained prediction of each trained model, and what opening them all takes: `make bench-models`.

Patients are the first of the open rows, asked at the middle of their moments; the record is there already, so this is
the model's own part of a call: features, probability, Shapley values, range, published scores beside it.
"""

from __future__ import annotations

import resource
import time
from itertools import islice
from pathlib import Path

import click

from models.runtime.catalogue import MODELS_FOLDER, load_models, trained_folders
from models.runtime.manifest_parts import parse
from models.training.cases import check_files
from models.training.load_recipe import load_recipe

PATIENTS = 60
ROUNDS = 7


@click.command(help="Print CPU milliseconds of one explained prediction of each trained model.")
@click.option("--data", required=True, type=click.Path(exists=True, path_type=Path), help="Folder of the open data.")
def main(data: Path) -> None:
    """Open, warm up, measure."""
    begun = time.process_time()
    models = load_models()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    click.echo(f"all models open: {time.process_time() - begun:.2f} s CPU, {memory:.0f} MB")
    for folder in trained_folders(MODELS_FOLDER):
        recipe = load_recipe(folder)
        cases = islice(recipe.source.cases(check_files(data, recipe.source.sha256)), PATIENTS)
        asked = [(case.record, case.moments[len(case.moments) // 2].as_of) for case in cases]
        model = models[str(parse(folder / "model.toml", [])["id"])]
        spent = []
        for _ in range(ROUNDS):
            start = time.process_time()
            for record, as_of in asked:
                model.assess(record, as_of)
            spent.append((time.process_time() - start) / len(asked) * 1000)
        # The first round warms up; the median of the others is told, with the lowest.
        later = sorted(spent[1:])
        click.echo(f"{model.info.id}: {later[len(later) // 2]:.2f} ms (lowest {later[0]:.2f})")


if __name__ == "__main__":
    main()
