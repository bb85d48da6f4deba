"""Cross-validation by patient: every prediction comes from a model, and a calibration, that never saw the patient."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass

import numpy as np

from models.runtime.calibration import Calibration
from models.runtime.trees import Member
from models.training.batch import margin
from models.training.fit import Flags, Floats, fit_by_day, fit_platt, probability
from models.training.folds import Numbers, alike_across, held_out
from models.training.recipe import Recipe
from models.training.rows import Rows

Say = Callable[[str], None]
# Nothing is held out: the members that are shipped.
_FINAL = -1


@dataclass(frozen=True, slots=True)
class Effort:
    """How many members are fitted at the same time, with how many threads each. The result is the same."""

    at_once: int = 1
    threads: int = 1


@dataclass(frozen=True, slots=True)
class CrossValidated:
    """Out-of-fold margins and calibrated probabilities, each of shape (n,), and the members fitted on all rows.

    `alike` counts rows that look, by chance, like a row of another patient in another fold.
    """

    margins: Floats
    probabilities: Floats
    members: tuple[Member, ...]
    alike: int


@dataclass(frozen=True, slots=True)
class _Job:
    """What every fit needs."""

    rows: Rows
    fold: Numbers
    directions: Sequence[int]
    recipe: Recipe
    threads: int

    def fit(self, number: int, seed: int) -> tuple[int, int, Member, Floats]:
        """One member without one fold, and its margins for the rows of that fold (for none: no margins)."""
        held = self.fold == number
        kept = self.recipe.prepare(self.rows.take(~held), np.random.default_rng([seed, number + 1]))
        member = self.recipe.learner.fit(
            kept.features, kept.outcome, self.directions, seed, weights=kept.weight, threads=self.threads
        )
        return number, seed, member, margin([member], self.rows.features[held])


_Task = tuple[int, int]


def cross_validate(
    rows: Rows, fold: Numbers, directions: Sequence[int], recipe: Recipe, say: Say, effort: Effort = Effort()
) -> CrossValidated:
    """Fit all members of all folds and of none; calibrate each fold by the margins of the other folds.

    `fold` (n,) keeps the rows of a patient together; else `LeakingSplit` is raised. Raises ValueError, in words, where
    there are too few patients for that.
    """
    _check_both(rows, fold)
    alike = alike_across(rows.features, rows.patient, fold)
    numbers = [int(number) for number in np.unique(fold)]
    tasks = [(number, seed) for number in (*numbers, _FINAL) for seed in recipe.seeds]
    job = _Job(rows, fold, directions, recipe, effort.threads)
    sums, members = np.zeros(len(rows)), dict.fromkeys(recipe.seeds, Member(0.0, ()))
    margins: dict[_Task, Floats] = {}
    for done, (number, seed, member, found) in enumerate(_run(job, tasks, effort.at_once), start=1):
        margins[number, seed] = found
        if number == _FINAL:
            members[seed] = member
        say(f"fit {done} of {len(tasks)} done")
    for number in numbers:
        # In the order of the seeds, whichever came first: sums of floats depend on the order.
        sums[fold == number] = np.sum([margins[number, seed] for seed in recipe.seeds], axis=0)
    total = sums / len(recipe.seeds)
    return CrossValidated(
        total, cross_calibrate(rows, total, fold, by_day=recipe.by_day), tuple(members.values()), alike
    )


def _check_both(rows: Rows, fold: Numbers) -> None:
    """What is learnt from, and what a calibration is fitted on, needs rows with the outcome and rows without."""
    for held in held_out(fold):
        for part in (~held, ~held & rows.answered):
            happened = rows.outcome[part] > 0
            if not happened.any() or happened.all():
                raise ValueError("without one of the folds they do not hold both outcomes; there are too few patients")


def _run(job: _Job, tasks: Sequence[_Task], at_once: int) -> Iterator[tuple[int, int, Member, Floats]]:
    """The results of all tasks, in the order in which they are done. The learners let other threads run meanwhile."""
    with ThreadPoolExecutor(at_once) as pool:
        for future in as_completed([pool.submit(job.fit, *task) for task in tasks]):
            yield future.result()


def calibrate(margins: Floats, hours: Floats, outcome: Flags, *, by_day: bool) -> Calibration:
    """The calibration of margins that come from members fitted on other patients."""
    if by_day:
        return fit_by_day(margins, hours, outcome)
    return Calibration(*fit_platt(margins, outcome))


def cross_calibrate(rows: Rows, margins: Floats, fold: Numbers, *, by_day: bool) -> Floats:
    """Probabilities by a calibration that saw neither the row nor its fold.

    It is fitted on the rows that the model would answer, all alike: they are those that somebody will read.
    """
    found = np.full(len(margins), np.nan)
    for held in held_out(fold):
        others = ~held & rows.answered
        step = calibrate(margins[others], rows.hour[others], rows.outcome[others], by_day=by_day)
        found[held] = probability(step.log_odds(margins[held], rows.hour[held]))
    return found
