"""How this model is trained: what was tried and kept (docs/recipes.md). `chartside train readmission-30d` runs it."""

from __future__ import annotations

from models.readmission_30d.training.comparators import COMPARATORS
from models.readmission_30d.training.data import SLICE, Diabetes130
from models.training.learners import LightGBM
from models.training.recipe import Recipe

RECIPE = Recipe(
    source=Diabetes130(),
    learner=LightGBM(
        learning_rate=0.02,
        rounds=600,
        num_leaves=15,
        min_data_in_leaf=60,
        lambda_l2=5.0,
        feature_fraction=0.6,
        bagging_fraction=0.8,
    ),
    seeds=(1, 2, 3),
    main=SLICE,
    folds=5,
    fold_seed=20120801,
    budgets={"raised": 0.20, "high": 0.10},
    beside=COMPARATORS,
    periods_note="Fifths of the encounter numbers, which mostly rise with time and not always",
)
