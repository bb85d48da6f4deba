"""How this model is trained: what was tried and kept (docs/recipes.md). `chartside train sepsis-6h` runs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from models.runtime.read_manifest import read_untrained
from models.sepsis_6h.training import utility
from models.sepsis_6h.training.beside import partial_scores
from models.sepsis_6h.training.data import MANIFEST, Cinc2019
from models.training.learners import HistGradientBoosting
from models.training.recipe import EVERY_ROW, Figure, Recipe
from models.training.rows import Rows

# A member sees this share of the hours without the label, which are 70 times as many; each stands for all it replaces.
SHARE = 0.07
# Where an alert in every hour was worth most in cross-validation. Where alerts that hold for twelve hours were is the
# manifest's tier "raised".
EVERY_HOUR = 0.0246
RAISED = "raised"
# Both budgets are shares of hours; the first is what an alert that holds came to.
BUDGETS = {RAISED: 0.08, "high": 0.02}
LEARNER = HistGradientBoosting(
    learning_rate=0.05,
    max_iter=400,
    max_leaf_nodes=8,
    min_samples_leaf=100,
    l2_regularization=10.0,
    max_features=0.15,
)


def prepare(rows: Rows, rng: np.random.Generator) -> Rows:
    """What one member is fitted on: all labelled hours and some of the others, with weights that make up for it."""
    drawn = rows.take((rows.outcome > 0) | (rng.random(len(rows)) < SHARE))
    weight = np.where(drawn.outcome > 0, 1.0, 1.0 / SHARE)
    return replace(drawn, weight=weight / weight.mean())


def measures(every_hour: float, manifest: Path) -> Mapping[str, Figure]:
    """The further figures, at the threshold for an alert in every hour and at the manifest's, for alerts that hold."""
    (held,) = (tier.at_least for tier in read_untrained(manifest).tiers if tier.name == RAISED)
    return {
        "utility": partial(utility.utility, threshold=every_hour),
        "utility_from_late_hours": partial(utility.share_of_late_hours, threshold=every_hour),
        "utility_held": partial(utility.utility_held, threshold=held),
        "alerts_a_day": partial(utility.alerts_a_day, threshold=held),
        "septic_of_alerted": partial(utility.septic_of_alerted, threshold=held),
        "caught_before_onset": partial(utility.caught_before_onset, threshold=held),
    }


RECIPE = Recipe(
    source=Cinc2019(),
    learner=LEARNER,
    seeds=(1, 3),
    main=EVERY_ROW,
    prepare=prepare,
    folds=5,
    fold_seed=20190901,
    budgets=BUDGETS,
    measures=measures(EVERY_HOUR, MANIFEST),
    beside=partial_scores(MANIFEST),
)
