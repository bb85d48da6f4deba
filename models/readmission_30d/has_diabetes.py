"""Whether a record shows diabetes: by a diagnosis, by a medicine that is given for nothing else, or by an HbA1c."""

from __future__ import annotations

import re
from datetime import datetime

from clinical.assessment import AbstentionReason
from clinical.record import LOINC, Condition, Observation, PatientRecord
from models.runtime.code_list import SNOMED_CT, canonical
from models.runtime.whereabouts import Refusal, outside

from .diagnoses import began_by, is_icd, meaning_of
from .medicines import tells_of_diabetes

# Diabetes, its types, and complications of it that senders often code alone. SNOMED CT has hundreds more: where the
# code is not one of these, its name decides.
_SNOMED = frozenset(
    (
        "73211009",  # diabetes mellitus
        "44054006",  # type 2
        "46635009",  # type 1
        "8801005",  # secondary
        "313435000",  # type 1 without complication
        "313436004",  # type 2 without complication
        "127013003",  # disorder of the kidney due to diabetes
        "4855003",  # disorder of the retina due to diabetes
        "230572002",  # disorder of nerves due to diabetes
        "422034002",  # disorder of the retina due to type 2
        "368581000119106",  # disorder of nerves due to type 2
        "90781000119102",  # microalbuminuria due to type 2
        "157141000119108",  # proteinuria due to type 2
    )
)
_WORD = re.compile(r"\bdiabet(?:es|ic)\b|\b(?:t[12]dm|n?iddm)\b", re.IGNORECASE)
# What names diabetes and says something else.
_NOT_IT = re.compile(
    r"insipidus|gestational|family history|\bfh\b|screening|\b(?:pre|non)[- ]?diabet|without diabet|\brisk\b"
    r"|\b(?:no|not) (?:known )?(?:history of )?diabet|mother|maternal|father|parent|sibling|relative",
    re.IGNORECASE,
)
HBA1C = "4548-4"
# American Diabetes Association, Standards of Care 2024, Diabetes Care 47:S20.
_HBA1C_OF_DIABETES = 6.5


def without_diabetes(record: PatientRecord, as_of: datetime, unread: bool) -> Refusal | None:
    """Why there is no answer for somebody of whom no diabetes is known; `unread`: not everything could be read."""
    conditions = [one for one in record.conditions if began_by(one, as_of)]
    shown = (
        any(map(is_diabetes, conditions))
        or any(tells_of_diabetes(use, as_of) for use in record.medications)
        or any(_is_high_hba1c(fact, as_of) for fact in record.observations)
    )
    if shown:
        return None
    if unread:
        return lacking("it is not known whether the patient has diabetes: not everything could be read", "Diabetes")
    if not all(map(_is_read, conditions)):
        return lacking("the record does not say whether the patient has diabetes", "Diabetes")
    return outside("the model is for people with diabetes, and the record shows none")


def lacking(text: str, what: str) -> Refusal:
    """No answer for somebody who may be meant, with the name of what is missing."""
    return Refusal(AbstentionReason.NOT_ENOUGH_DATA, text, in_population=True, missing=(what,))


def is_diabetes(condition: Condition) -> bool:
    """Whether a diagnosis is diabetes, by its code or by its name."""
    for coding in condition.codings:
        meaning = meaning_of(coding.system, coding.code)
        if meaning is not None and meaning.diabetes is not None:
            return True
        if canonical(coding.system) == SNOMED_CT and coding.code.strip() in _SNOMED:
            return True
    return any(_WORD.search(name) and not _NOT_IT.search(name) for name in _names(condition))


def _is_read(condition: Condition) -> bool:
    """Whether a diagnosis that is not diabetes says so: by a code of ICD, or one of SNOMED CT with its name."""
    names = _names(condition)
    if any(is_icd(coding.system, coding.code) for coding in condition.codings):
        return True
    if any(_WORD.search(name) for name in names):
        return True
    return bool(names) and any(canonical(coding.system) == SNOMED_CT for coding in condition.codings)


def _names(condition: Condition) -> list[str]:
    """What the sender calls it."""
    return [name for name in (condition.text, *(coding.display for coding in condition.codings)) if name]


def _is_high_hba1c(fact: Observation, as_of: datetime) -> bool:
    """Whether it is an HbA1c of diabetes, in the unit that the reader gives it."""
    known = any((coding.system, coding.code) == (LOINC, HBA1C) for coding in fact.codings)
    return known and fact.unit == "%" and fact.value >= _HBA1C_OF_DIABETES and fact.time <= as_of
