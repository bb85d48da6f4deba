"""Cross-validation by patient: every prediction comes from a model, and a calibration, that never saw the patient."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.training.fit import Flags, Floats, Settings, fit_members, fit_platt, margin, probability
from models.training.folds import check_apart, held_out
from models.training.rows import Rows

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class CrossValidated:
    """Out-of-fold margins and calibrated probabilities, each of shape (n,).

    `alike` counts rows that stand, by chance, with another patient in another fold.
    """

    margins: Floats
    probabilities: Floats
    alike: int


def cross_validate(
    rows: Rows, fold: npt.NDArray[np.int64], directions: Sequence[int], settings: Settings, say: Say
) -> CrossValidated:
    """Margins by fold, then for each fold the Platt step fitted on the out-of-fold margins of the other folds.

    `fold` (n,) keeps the rows of a patient together; else `LeakingSplit` is raised.
    """
    margins, alike = np.full(len(rows), np.nan), 0
    for number, held in enumerate(held_out(fold), start=1):
        alike += check_apart(rows.features, rows.patient, held)
        kept = ~held
        members = fit_members(rows.features[kept], rows.outcome[kept], directions, settings, rows.weight[kept])
        margins[held] = margin(members, rows.features[held])
        say(f"fold {number} of {len(np.unique(fold))} done")
    return CrossValidated(margins, cross_calibrate(margins, rows.outcome, fold), alike)


def cross_calibrate(margins: Floats, outcome: Flags, fold: npt.NDArray[np.int64]) -> Floats:
    """Probabilities by a Platt step that saw neither the row nor its fold. All rows count alike in it."""
    found = np.full(len(margins), np.nan)
    for held in held_out(fold):
        slope, intercept = fit_platt(margins[~held], outcome[~held])
        found[held] = probability(slope * margins[held] + intercept)
    return found
