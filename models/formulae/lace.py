"""LACE, the index of early death or unplanned readmission (2010).

Source: van Walraven C, Dhalla IA, Bell C, et al. Derivation and validation of an index to predict early death or
unplanned readmission after discharge from hospital to the community. CMAJ 2010;182:551-557, doi 10.1503/cmaj.091117
(PMC2845681). Points and the groups low 0–4, moderate 5–9, high ≥ 10 as restated in Wang H et al., BMC Cardiovasc Disord
2014;14:97, table 1, and on MDCalc.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import floor, inf

from models.formulae.worked import FLAG, Band, Given, Worked, banded, checked, counted, flagged, tidy, worked

INPUTS = {"days": "d", "acute": FLAG, "comorbidity": "{points}", "emergency_visits": "{count}"}

_STAY = (
    Band(0, 0, "less than 1 day"),
    Band(1, 1, "1 day"),
    Band(2, 2, "2 days"),
    Band(3, 3, "3 days"),
    Band(6, 4, "4 to 6 days"),
    Band(13, 5, "7 to 13 days"),
    Band(inf, 7, "14 days or more"),
)
_COMORBIDITY = (Band(0, 0, "0"), Band(1, 1, "1"), Band(2, 2, "2"), Band(3, 3, "3"), Band(inf, 5, "4 or more"))
_VISITS = (
    Band(0, 0, "none"),
    Band(1, 1, "1 visit"),
    Band(2, 2, "2 visits"),
    Band(3, 3, "3 visits"),
    Band(inf, 4, "4 visits or more"),
)

# LACE does not use the weights of Charlson 1987. Those below stand alike in Wang 2014 and in a table of BMJ Open
# (modified LACE), but for two. For kidney disease Wang has 2 (mild) and 4 (moderate or severe), the other 2. AIDS is in
# the second only; it has 4 in Schneeweiss 2003 too, whose weights these resemble. The footnote of the paper itself
# could not be opened.
COMORBIDITY_WEIGHTS = {
    "myocardial_infarction": 1,
    "peripheral_vascular": 1,
    "cerebrovascular": 1,
    "diabetes": 1,
    "heart_failure": 2,
    "chronic_pulmonary": 2,
    "mild_liver": 2,
    "diabetes_complicated": 2,
    "renal": 2,
    "cancer": 2,
    "dementia": 3,
    "rheumatic": 3,
    "severe_liver": 4,
    "aids": 4,
    "metastatic_cancer": 6,
}
RENAL_MILD, RENAL_SEVERE = 2, 4
_MILDER = {"mild_liver": "severe_liver", "diabetes": "diabetes_complicated", "cancer": "metastatic_cancer"}


def work(given: Given) -> Worked:
    """Work out LACE (0 to 19): "low" (0–4), "moderate" (5–9) or "high" (10 or more).

    `days` in hospital (whole days; parts of a day do not count), `acute` admission as a flag, `comorbidity` points of
    LACE's own rule (see `comorbidity_points`), `emergency_visits` in the six months before admission, without the one
    that led to it.
    """
    known = checked(given, INPUTS)
    lines = (
        banded("days", _whole(known["days"]), _STAY),
        flagged("acute", known["acute"], 3.0, "acute admission", "planned admission"),
        banded("comorbidity", _whole(known["comorbidity"]), _COMORBIDITY),
        banded("emergency_visits", _whole(known["emergency_visits"]), _VISITS),
    )
    value = counted(lines)
    band = "high" if value >= 10 else "moderate" if value >= 5 else "low"
    return worked(lines, band=band, maximum=19.0)


def comorbidity_points(groups: Iterable[str], *, renal: int = RENAL_MILD) -> float:
    """LACE's comorbidity points of groups named as in `charlson`; the severer of two forms counts alone.

    `renal` are the points of a kidney disease, if there is one. Peptic ulcer and hemiplegia give no points in LACE.
    """
    there = set(groups)
    weights = {**COMORBIDITY_WEIGHTS, "renal": renal}
    return float(sum(weights.get(group, 0) for group in there if _MILDER.get(group) not in there))


def _whole(value: float | None) -> float | None:
    """The whole part."""
    return None if value is None else float(floor(tidy(value)))
