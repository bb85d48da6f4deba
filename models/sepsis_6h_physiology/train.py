"""How this model is trained: as its twin, on other columns. `chartside train sepsis-6h-physiology` runs it."""

from __future__ import annotations

from pathlib import Path

from models.sepsis_6h.train import BUDGETS, LEARNER, measures, prepare
from models.sepsis_6h.training.beside import partial_scores
from models.sepsis_6h.training.data import Cinc2019
from models.training.recipe import EVERY_ROW, Recipe

MANIFEST = Path(__file__).resolve().parent / "model.toml"
# Where an alert in every hour was worth most in cross-validation.
EVERY_HOUR = 0.0223

RECIPE = Recipe(
    source=Cinc2019(manifest=MANIFEST),
    learner=LEARNER,
    seeds=(1,),
    main=EVERY_ROW,
    prepare=prepare,
    folds=5,
    fold_seed=20190901,
    budgets=BUDGETS,
    measures=measures(EVERY_HOUR, MANIFEST),
    beside=partial_scores(MANIFEST),
)
