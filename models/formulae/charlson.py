"""The Charlson comorbidity index, with the weights of 1987 or those of 2011.

Sources: Charlson ME, Pompei P, Ales KL, MacKenzie CR. A new method of classifying prognostic comorbidity in
longitudinal studies: development and validation. J Chronic Dis 1987;40:373-383, doi 10.1016/0021-9681(87)90171-8
(weights as in the R package medicalrisk, "original paper, table 3"). Quan H, Li B, Couris CM, et al. Updating and
validating the Charlson comorbidity index and score for risk adjustment in hospital discharge abstracts using data from
6 countries. Am J Epidemiol 2011;173:676-682, doi 10.1093/aje/kwq433 (weights
as in the R packages comorbidity and RCharlson and in pycomorb; they add up to the published maximum of 24; an early
version of the first has 2 for AIDS, with which they would not).

Age gives no points here: that is another index (Charlson 1994). Codes: `charlson_codes`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

from models.formulae.charlson_codes import GROUPS
from models.formulae.worked import FLAG, Given, Line, Worked, checked

INPUTS = dict.fromkeys(GROUPS, FLAG)

ORIGINAL: Mapping[str, int] = MappingProxyType(
    {
        "myocardial_infarction": 1,
        "heart_failure": 1,
        "peripheral_vascular": 1,
        "cerebrovascular": 1,
        "dementia": 1,
        "chronic_pulmonary": 1,
        "rheumatic": 1,
        "peptic_ulcer": 1,
        "mild_liver": 1,
        "diabetes": 1,
        "diabetes_complicated": 2,
        "hemiplegia": 2,
        "renal": 2,
        "cancer": 2,
        "severe_liver": 3,
        "metastatic_cancer": 6,
        "aids": 6,
    }
)
UPDATED: Mapping[str, int] = MappingProxyType(
    {
        "myocardial_infarction": 0,
        "heart_failure": 2,
        "peripheral_vascular": 0,
        "cerebrovascular": 0,
        "dementia": 2,
        "chronic_pulmonary": 1,
        "rheumatic": 1,
        "peptic_ulcer": 0,
        "mild_liver": 2,
        "diabetes": 0,
        "diabetes_complicated": 1,
        "hemiplegia": 2,
        "renal": 1,
        "cancer": 2,
        "severe_liver": 4,
        "metastatic_cancer": 6,
        "aids": 4,
    }
)
# The milder form counts nothing beside the severer one.
SEVERER: Mapping[str, str] = MappingProxyType(
    {"mild_liver": "severe_liver", "diabetes": "diabetes_complicated", "cancer": "metastatic_cancer"}
)


def work(given: Given, weights: Mapping[str, int] = ORIGINAL) -> Worked:
    """Work out the index from 17 flags; `weights` is `ORIGINAL` (0 to 29) or `UPDATED` (0 to 24).

    A flag of None means that nobody looked; a diagnosis list that was read and does not name the group is a 0.0.

    The bands are the groups of Charlson 1987 ("0", "1 to 2", "3 to 4", "5 or more"); for the updated weights none were
    published, and the band is empty.
    """
    known = checked(given, INPUTS)
    value = _index(known, weights, 0.0)
    return Worked(
        value=value,
        highest=_index(known, weights, 1.0),
        lines=tuple(_line(group, known, weights) for group in GROUPS),
        band=_band(value) if weights is ORIGINAL else "",
        maximum=_index({}, weights, 1.0),
    )


def _index(known: Given, weights: Mapping[str, int], unknown: float) -> float:
    """The index with every flag that was not found taken as `unknown`."""
    there = {group: known.get(group) for group in GROUPS}
    flags = {group: unknown if flag is None else flag for group, flag in there.items()}
    return math.fsum(weights[group] for group in GROUPS if flags[group] and not flags.get(SEVERER.get(group, "")))


def _line(group: str, known: Given, weights: Mapping[str, int]) -> Line:
    """The line of one group."""
    flag, severer = known[group], SEVERER.get(group, "")
    most = float(weights[group])
    if severer and known[severer]:
        return Line(group, 0.0, most, "counted with its severer form")
    if flag is None:
        return Line(group, None, most, "")
    return Line(group, most if flag else 0.0, most, "yes" if flag else "no")


def _band(value: float) -> str:
    """The group of Charlson 1987."""
    if value >= 5:
        return "5 or more"
    if value >= 3:
        return "3 to 4"
    return "1 to 2" if value else "0"
