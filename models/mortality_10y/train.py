"""How this model is trained: `chartside train mortality-10y --data FOLDER`.

Three members on masked rows of the survey cycles 1999 to 2006. Cross-validated on the same people, with everything that
the survey measured and with less of it: see docs/recipes.md. No ready alert budgets: nothing here is an alert.
"""

from __future__ import annotations

from models.mortality_10y.training.beside import age_alone, pheno_age
from models.mortality_10y.training.data import MANIFEST, Nhanes
from models.mortality_10y.training.mask import Masking
from models.runtime.features import features_of
from models.runtime.read_manifest import read_untrained
from models.training.learners import HistGradientBoosting
from models.training.recipe import EVERY_ROW, Recipe

_NAMES = tuple(feature.name for feature in features_of(read_untrained(MANIFEST)))

RECIPE = Recipe(
    source=Nhanes(),
    learner=HistGradientBoosting(
        learning_rate=0.03,
        max_iter=400,
        max_leaf_nodes=8,
        min_samples_leaf=180,
        l2_regularization=10.0,
        max_features=0.3,
    ),
    seeds=(1, 2, 3),
    main=EVERY_ROW,
    prepare=Masking(_NAMES),
    folds=5,
    fold_seed=20120801,
    periods_note="Cycles of the survey, in order of time",
    beside={"age alone": age_alone(_NAMES), "PhenoAge": pheno_age(_NAMES)},
)
