"""Codes of diabetes: its complication, its type, whether it was out of control, and whether somebody has it at all.

ICD-9-CM tells complication by the fourth digit of 249 and 250, and type and control by the fifth of 250 (odd: type 1;
2 and 3: uncontrolled). ICD-10(-CM) tells the type by the category (E08 to E14) and the complication by the digit after
the dot; E1x.65 (with hyperglycaemia) is what the US mapping of 2018 (GEM) has for "uncontrolled", E1x.641 is
hypoglycaemia with coma.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_ICD9 = {
    "0": "diabetes_plain",
    "1": "diabetes_acute",
    "2": "diabetes_acute",
    "3": "diabetes_acute",
    "4": "diabetes_kidney",
    "5": "diabetes_eye",
    "6": "diabetes_nerve",
    "7": "diabetes_arteries",
    "8": "diabetes_other",
    "9": "diabetes_other",
}
_ICD10 = {
    "0": "diabetes_acute",
    "1": "diabetes_acute",
    "2": "diabetes_kidney",
    "3": "diabetes_eye",
    "4": "diabetes_nerve",
    "5": "diabetes_arteries",
    "6": "diabetes_other",
    "7": "diabetes_other",
    "8": "diabetes_other",
    "9": "diabetes_plain",
}
# What four digits and more of ICD-10-CM say.
_LONGER: Mapping[str, str] = {"641": "diabetes_acute", "65": "diabetes_plain"}
_UNCONTROLLED = ("0", "1", "641", "65")


@dataclass(frozen=True, slots=True)
class Diabetes:
    """What a code of diabetes says: the group of its complication, type 1 or not, out of control or not."""

    group: str
    type_1: bool
    uncontrolled: bool


def icd9_diabetes(code: str) -> Diabetes | None:
    """What a code of ICD-9-CM without dot says (25083), or None where it is none of diabetes."""
    if code[:3] not in ("249", "250"):
        return None
    fifth = code[4:5] if code[:3] == "250" else ""
    return Diabetes(_ICD9[code[3:4] or "0"], fifth in ("1", "3"), fifth in ("2", "3"))


def icd10_diabetes(code: str) -> Diabetes | None:
    """What a code of ICD-10 or ICD-10-CM without dot says (E1122), or None where it is none of diabetes."""
    if not "E08" <= code[:3] <= "E14":
        return None
    after = code[3:]
    longer = next((group for digits, group in _LONGER.items() if after.startswith(digits)), "")
    group = longer or _ICD10.get(after[:1], "diabetes_plain")
    return Diabetes(group, code[:3] == "E10", after.startswith(_UNCONTROLLED))
