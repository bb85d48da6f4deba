"""How this model is trained: what was tried and kept (docs/recipes.md). `chartside train icu-mortality` runs it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from models.icu_mortality.features import TYPES
from models.icu_mortality.training.data import MANIFEST, Cinc2012
from models.runtime.features import features_of
from models.runtime.read_manifest import read_untrained
from models.training.learners import LightGBM
from models.training.recipe import Recipe
from models.training.rows import Rows

# The share of the stays whose type of unit a member does not get to know, so that an unknown type is nothing new.
HIDDEN = 0.3
# Where the columns of the type of the unit stand.
UNIT = [place for place, feature in enumerate(features_of(read_untrained(MANIFEST))) if feature.name in TYPES]


def prepare(rows: Rows, rng: np.random.Generator) -> Rows:
    """What one member is fitted on: the type of the unit hidden for some stays, and no row that counts for nothing."""
    return hide_units(rows.take(rows.weight > 0), rng)


def hide_units(rows: Rows, rng: np.random.Generator) -> Rows:
    """The same with the type of the unit unknown in all rows of some stays."""
    stays, stay = np.unique(rows.patient, return_inverse=True)
    hidden = (rng.random(len(stays)) < HIDDEN)[stay]
    features = rows.features.copy()
    features[np.ix_(np.flatnonzero(hidden), np.array(UNIT))] = np.nan
    return replace(rows, features=features)


RECIPE = Recipe(
    source=Cinc2012(),
    learner=LightGBM(
        learning_rate=0.02,
        rounds=1000,
        num_leaves=8,
        min_data_in_leaf=200,
        lambda_l2=10.0,
        feature_fraction=0.12,
        bagging_fraction=0.5,
    ),
    seeds=(1, 2, 3),
    main="hour 24",
    prepare=prepare,
    folds=5,
    fold_seed=20120801,
    by_day=True,
    budgets={"raised": 0.20, "high": 0.05},
)
