"""From a cross-validation to an artefact: calibration, weights, ranges of values, and ranges of probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from models.runtime.artefact import Artefact, Ranges
from models.runtime.calibration import Calibration
from models.runtime.explain import Explainer
from models.training.cross_validate import CrossValidated, calibrate
from models.training.evidence.clusters import drawn
from models.training.fit import Floats
from models.training.folds import Numbers, held_out
from models.training.recipe import EVERY_ROW, Recipe
from models.training.rows import Rows
from models.training.venn_abers import venn_abers

# How many rows are explained to see what the model leans on. No answer leaves here, so rows seen in training do.
SAMPLE = 800
_SEED = 20120803


def assemble(rows: Rows, validated: CrossValidated, recipe: Recipe, features: tuple[str, ...]) -> Artefact:
    """The artefact. The calibration is fitted on the out-of-fold margins of the rows that the model would answer."""
    at = rows.answered
    step = calibrate(validated.margins[at], rows.hour[at], rows.outcome[at], by_day=recipe.by_day)
    known = rows.features[at]
    bare = Artefact(
        members=validated.members,
        calibration=step,
        features=features,
        weights=np.zeros(len(features)),
        lowest=_extreme(known, np.fmin),
        highest=_extreme(known, np.fmax),
        ranges=_ranges(rows, validated.probabilities, recipe.main),
    )
    return replace(bare, weights=weights(bare, rows))


def weights(artefact: Artefact, rows: Rows) -> Floats:
    """The mean absolute Shapley value of each column over a sample of rows, shape (m,)."""
    return np.asarray(np.abs(explained(artefact, rows)[1]).mean(axis=0), dtype=np.float64)


def explained(artefact: Artefact, rows: Rows) -> tuple[npt.NDArray[np.float32], Floats]:
    """A sample of the answered rows, and their Shapley values on the calibrated log-odds, both of shape (k, m)."""
    at = np.flatnonzero(rows.answered)
    sample = np.random.default_rng(_SEED).choice(at, min(SAMPLE, len(at)), replace=False)
    explainer = Explainer(artefact)
    return rows.features[sample], np.array([explainer.explain(row).attributions for row in rows.features[sample]])


def _extreme(features: npt.NDArray[np.float32], worst: np.ufunc) -> Floats:
    """The lowest or highest value of each column; NaN where nothing was ever seen."""
    return np.asarray(worst.reduce(features, axis=0), dtype=np.float64)


def _ranges(rows: Rows, probabilities: Floats, main: str) -> tuple[Ranges, ...]:
    """The Venn-ABERS ranges at each landmark; where all rows are one slice, there is one table for all hours."""
    answered, p = rows.take(rows.answered), probabilities[rows.answered]
    if main == EVERY_ROW:
        return (_range_table(answered, p, 0.0),)
    return tuple(
        _range_table(answered.take(at), p[at], float(hour))
        for hour in np.unique(answered.hour)
        for at in [np.flatnonzero(answered.hour == hour)]
    )


def cross_ranges(rows: Rows, probabilities: Floats, fold: Numbers, main: str) -> tuple[Floats, Floats]:
    """Lower and upper ends for every row, each shape (n,), from tables without any row of its fold.

    The predictions in a table are out of fold: members that were fitted with rows of this fold made some of them. So a
    row has a small part in its own range, as it has in every second step of a single cross-validation.
    """
    lower, upper = np.zeros(len(rows)), np.ones(len(rows))
    for held in held_out(fold):
        tables = _ranges(rows.take(~held), probabilities[~held], main)
        lower[held], upper[held] = ends_by(tables, probabilities[held], rows.hour[held])
    return lower, upper


def ends_by(tables: Sequence[Ranges], p: Floats, hours: Floats) -> tuple[Floats, Floats]:
    """Lower and upper ends of the ranges of predictions (n,) at hours (n,): as `Artefact.interval` gives them."""
    which = np.maximum(np.searchsorted([table.from_hour for table in tables], hours, side="right") - 1, 0)
    lower, upper = p.copy(), p.copy()
    for number, table in enumerate(tables):
        at = which == number
        place = np.minimum(np.searchsorted(table.at, p[at], side="right") - 1, len(table.lower) - 1)
        lower[at], upper[at] = np.minimum(table.lower[place], p[at]), np.maximum(table.upper[place], p[at])
    return lower, upper


def _range_table(rows: Rows, p: Floats, hour: float) -> Ranges:
    """One table, from as many rows as there are patients: all rows would make it look more certain than it is."""
    chosen = drawn(np.ones(len(rows), dtype=np.bool_), rows.patient)
    table = venn_abers(p[chosen], rows.outcome[chosen].astype(np.bool_))
    return Ranges(hour, table.at, table.lower, table.upper)


def recalibrated(artefact: Artefact, slope: float, intercept: float) -> Artefact:
    """The artefact with another step behind its own: log-odds' = slope * log-odds + intercept. Ranges are dropped."""
    old = artefact.calibration
    step = Calibration(
        slope * old.slope, slope * old.intercept + intercept, slope * old.slope_by_day, slope * old.intercept_by_day
    )
    return replace(artefact, calibration=step, weights=slope * artefact.weights, ranges=())
