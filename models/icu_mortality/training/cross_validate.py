"""Cross-validation by stay: every prediction comes from a model, and a calibration, that never saw the stay."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.icu_mortality.training.rows import Rows
from models.training.fit import Floats, Settings, fit_members, fit_platt, margin, probability

FOLDS = 5
FOLD_SEED = 20120801


@dataclass(frozen=True, slots=True)
class CrossValidated:
    """Out-of-fold margins and calibrated probabilities, each of shape (n,)."""

    margins: Floats
    probabilities: Floats


def folds_by_stay(stays: npt.NDArray[np.int64], folds: int = FOLDS) -> npt.NDArray[np.int64]:
    """A fold for every row, shape (n,); all rows of a stay share one."""
    unique, position = np.unique(stays, return_inverse=True)
    of_stay = np.random.default_rng(FOLD_SEED).permutation(len(unique)) % folds
    return of_stay[position]


def cross_validate(
    rows: Rows, directions: Sequence[int], settings: Settings, progress: Callable[[str], None]
) -> CrossValidated:
    """Margins by fold, then for each fold the Platt step fitted on the out-of-fold margins of the other folds."""
    fold = folds_by_stay(rows.stay)
    margins = np.full(len(fold), np.nan)
    for k in range(FOLDS):
        held = fold == k
        members = fit_members(rows.features[~held], rows.died[~held], directions, settings)
        margins[held] = margin(members, rows.features[held])
        progress(f"fold {k + 1} of {FOLDS} done")
    probabilities = np.full(len(fold), np.nan)
    for k in range(FOLDS):
        held = fold == k
        slope, intercept = fit_platt(margins[~held], rows.died[~held])
        probabilities[held] = probability(slope * margins[held] + intercept)
    return CrossValidated(margins, probabilities)
