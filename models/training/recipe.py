"""How a model is trained: a decision of people, written down in `train.py` of its folder as `RECIPE`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from models.training.cases import Source
from models.training.fit import Floats
from models.training.learners import Learner
from models.training.rows import EVERY_ROW, Rows

__all__ = ["EVERY_ROW", "Recipe"]
Prepare = Callable[[Rows, np.random.Generator], Rows]
# A figure of all rows and their predictions, and another score of the same rows, NaN where it gives nothing.
Figure = Callable[[Rows, Floats], float]
Beside = Callable[[Rows], Floats]


def measured(figure: Figure, rows: Rows, p: Floats) -> float | None:
    """A further figure; None where these rows do not allow it (nobody has the outcome)."""
    try:
        return round(figure(rows, p), 4)
    except ValueError:
        return None


def as_they_are(rows: Rows, _rng: np.random.Generator) -> Rows:
    """Every member is fitted on all rows."""
    return rows


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that decides a training but the data.

    `prepare` makes what one member is fitted on out of the training rows: it may draw, weight or mask, with a generator
    that the member's seed decides. `main` is the slice that is reported first (`EVERY_ROW`: all). `by_day` lets the
    calibration change with the length of the stay. `budgets` are shares of the main slice that a tier may reach, to
    compare the manifest's thresholds with. `measures` are further figures, `beside` further predictions to compare
    with, by name. `groups_note` and `periods_note` say in the report what the groups and the periods of the source are.
    """

    source: Source
    learner: Learner
    seeds: tuple[int, ...]
    main: str
    prepare: Prepare = as_they_are
    folds: int = 5
    fold_seed: int = 20120801
    by_day: bool = False
    budgets: Mapping[str, float] = field(default_factory=dict)
    measures: Mapping[str, Figure] = field(default_factory=dict)
    beside: Mapping[str, Beside] = field(default_factory=dict)
    groups_note: str = ""
    periods_note: str = ""

    def parameters(self) -> dict[str, Any]:
        """What goes into the provenance, apart from code and data."""
        return {
            "learner": repr(self.learner),
            "seeds": list(self.seeds),
            "folds": self.folds,
            "fold_seed": self.fold_seed,
            "main": self.main,
            "by_day": self.by_day,
            "budgets": dict(self.budgets),
        }
