"""Other predictions for the same rows: LACE as far as the source allows, and the number of earlier stays alone.

LACE is worked out from three named diagnoses and diabetes, which everybody here has, and from the emergency visits of
twelve months instead of six: so it can only be a little off, and mostly too low. A score of a real record (the model
`lace`) reads all diagnoses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import numpy as np

from models.formulae import lace
from models.runtime.features import features_of
from models.runtime.read_manifest import read_untrained
from models.training.fit import Floats
from models.training.rows import Rows

MANIFEST = Path(__file__).resolve().parent.parent / "model.toml"
# The groups of LACE that the groups of this model tell.
_GROUPS: Mapping[str, tuple[str, ...]] = {
    "myocardial_infarction": ("infarction",),
    "heart_failure": ("heart_failure", "cardiomyopathy"),
    "peripheral_vascular": ("arteries", "aneurysm"),
    "cerebrovascular": ("stroke", "stroke_bleeding", "stroke_late", "tia"),
    "dementia": ("dementia",),
    "chronic_pulmonary": ("copd", "asthma"),
    "mild_liver": ("liver",),
    "diabetes_complicated": ("diabetes_kidney", "diabetes_eye", "diabetes_nerve", "diabetes_arteries"),
    "renal": ("kidney_disease", "hypertensive_kidney"),
    "cancer": ("digestive_cancer", "lung_cancer", "blood_cancer", "other_cancer"),
    "metastatic_cancer": ("metastasis",),
}


@cache
def _places() -> Mapping[str, int]:
    """Where each column stands."""
    return {feature.name: place for place, feature in enumerate(features_of(read_untrained(MANIFEST)))}


def _column(rows: Rows, name: str) -> Floats:
    return rows.features[:, _places()[name]].astype(np.float64)


def lace_of(rows: Rows) -> Floats:
    """LACE of each row, shape (n,); NaN where the urgency of the admission is not known."""
    acute = _column(rows, "urgency_emergency") + _column(rows, "urgency_urgent")
    comorbid = {name: _has(rows, groups) for name, groups in _GROUPS.items()}
    lines = zip(_column(rows, "days"), acute, _column(rows, "emergency_year"), strict=True)
    found = [_lace(*line, [name for name in comorbid if comorbid[name][row]]) for row, line in enumerate(lines)]
    return np.array(found, dtype=np.float64)


def _has(rows: Rows, groups: tuple[str, ...]) -> Floats:
    """1 where one of the named diagnoses is in one of the groups, as far as these have a column."""
    names = [f"{prefix}_{group}" for group in groups for prefix in ("principal", "other")]
    known = [np.nan_to_num(_column(rows, name)) for name in names if name in _places()]
    return np.max(known, axis=0) if known else np.zeros(len(rows))


def _lace(days: float, acute: float, visits: float, groups: list[str]) -> float:
    if np.isnan(acute) or np.isnan(visits):
        return float("nan")
    points = lace.comorbidity_points([*groups, "diabetes"])
    given = {"days": days, "acute": acute, "comorbidity": points, "emergency_visits": visits}
    return lace.work(given).value


def earlier_stays(rows: Rows) -> Floats:
    """The number of stays in hospital in the year before, shape (n,)."""
    return _column(rows, "inpatient_year")


COMPARATORS: Mapping[str, Callable[[Rows], Floats]] = {
    "LACE, as far as the data allow": lace_of,
    "number of stays in the year before": earlier_stays,
}
