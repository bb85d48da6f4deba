"""What shipped models cost: one explained prediction of each, and the service that has them all: `make bench-models`.

Patients are the first of the open rows, asked at the middle of their moments; the record is there already, so this is
the model's own part of a call: features, probability, Shapley values, range, published scores beside it. Then the
shipped service is started with every model on offer, and each answers. A goal that is missed makes the exit code 1.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import click

from bench import every_service
from bench.goals import Goal
from bench.side_by_side import ROOT, free_port
from clinical.assessment import RiskAssessment
from models.runtime.catalogue import MODELS_FOLDER, AnyModel, load_models, trained_folders
from models.runtime.manifest_parts import parse
from models.training.cases import check_files
from models.training.load_recipe import load_recipe

PATIENTS = 60
ROUNDS = 7
TIMES = 5
PREDICTION = Goal("CPU of one explained prediction", 4.0, "ms", 2)
START = Goal("start of the service with all models", 5.0, "s wall", 2)
MEMORY = Goal("memory of one worker that has answered with all models", 400.0, "MB", 0)


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU milliseconds of one explained prediction in each round after the first, and how many patients had a risk."""

    model: str
    rounds: Sequence[float]
    assessed: int
    asked: int

    @property
    def median(self) -> float:
        """The figure that counts."""
        return statistics.median(self.rounds)

    def line(self) -> str:
        """In words. Only patients with a risk cost an explanation, so the others are told."""
        return (
            f"{self.model:24}{self.median:8.2f}{min(self.rounds):8.2f}{self.assessed:6} of {self.asked}"
            f"   {PREDICTION.verdict(self.median)}"
        )


@click.command(help=__doc__)
@click.option("--data", required=True, type=click.Path(exists=True, path_type=Path), help="Folder of the open data.")
def main(data: Path) -> None:
    """Measure, print, and end with 1 where a goal is missed."""
    models = load_models()
    click.echo(f"{'':24}{'CPU ms per prediction':>16}\n{'':24}{'median':>8}{'lowest':>8}{'assessed':>12}")
    met = [_told(cost_of(folder, models, data)) for folder in trained_folders(MODELS_FOLDER)]
    met += _service()
    if not all(met):
        raise SystemExit(1)


def cost_of(folder: Path, models: Mapping[str, AnyModel], data: Path) -> Cost:
    """What one prediction of a trained model costs."""
    recipe = load_recipe(folder)
    cases = islice(recipe.source.cases(check_files(data, recipe.source.sha256)), PATIENTS)
    asked = [(case.record, case.moments[len(case.moments) // 2].as_of) for case in cases]
    model = models[str(parse(folder / "model.toml", [])["id"])]
    found = [model.assess(record, as_of) for record, as_of in asked]
    asked = [one for one, finding in zip(asked, found, strict=True) if isinstance(finding, RiskAssessment)]
    if not asked:
        raise click.ClickException(f"{model.info.id}: nobody of the first {PATIENTS} has a risk; there is no figure.")
    spent = []
    for _ in range(ROUNDS):
        start = time.process_time()
        for record, as_of in asked:
            model.assess(record, as_of)
        spent.append((time.process_time() - start) / len(asked) * 1000)
    return Cost(model.info.id, spent[1:], len(asked), len(found))


def _told(cost: Cost) -> bool:
    """Print a line; whether the goal is met."""
    click.echo(cost.line())
    return PREDICTION.met(cost.median)


def _service() -> list[bool]:
    """Start, memory, and whether the goals are met."""
    (ROOT / "var").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ROOT / "var", prefix="bench-") as folder:
        found = every_service.measure(ROOT, Path(folder), free_port(), TIMES)
    click.echo(f"\n{len(found.answered)} services answered, {len(found.assessed)} of them with a level.")
    click.echo(START.line(found.start_s) + f" ({found.start_cpu_s:.2f} s CPU)")
    click.echo(MEMORY.line(found.worker_mb) + f" (with the master, shared pages once: {found.memory_mb:.0f} MB)")
    return [START.met(found.start_s), MEMORY.met(found.worker_mb)]


if __name__ == "__main__":
    main()
