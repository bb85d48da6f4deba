"""The diagnoses of a stay, in their order, and what each of them says to the model."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from clinical.assessment import Basis
from clinical.record import Coding, Condition, PatientRecord, Stay, StayDiagnosis
from models.readmission_30d.diabetes import Diabetes, icd9_diabetes, icd10_diabetes
from models.readmission_30d.icd_groups import LABELS, of_icd9, of_icd10
from models.runtime.code_list import ICD_9_CM, ICD_10, ICD_10_CM, bare

# The training data name three diagnoses of a stay and only count the others.
NAMED = 3
# FHIR R4 diagnosis-role: what was thought on admission or before an operation is no diagnosis at discharge.
_NOT_FINAL = frozenset({"AD", "CC", "pre-op", "post-op"})
_ROLES = {"DD": 0, "billing": 1, "": 2, "CM": 3}
_LAST = 1_000_000
# A code with the dot in another place is another code, or none: 42.80 must not become 428.0.
_ICD9 = re.compile(r"(?:[0-9]{3}|V[0-9]{2}|E[0-9]{3})(?:\.?[0-9]{1,2})?")
_ICD10 = re.compile(r"[A-Z][0-9][0-9A-Z](?:\.?[0-9A-Z]{1,4})?")
_FORMS: Mapping[str, re.Pattern[str]] = {ICD_9_CM: _ICD9, ICD_10: _ICD10, ICD_10_CM: _ICD10}


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a code says: its group (`icd_groups`), and more where it is one of diabetes."""

    group: str
    diabetes: Diabetes | None = None


@dataclass(frozen=True, slots=True)
class Named:
    """One of the first diagnoses of a stay. `meaning` is None where no code of it can be read."""

    meaning: Meaning | None
    basis: Basis


@dataclass(frozen=True, slots=True)
class Diagnoses:
    """The diagnoses of a stay: the principal one if it is known, the others that are named, and how many there are."""

    principal: Named | None
    others: tuple[Named, ...]
    number: int

    @property
    def named(self) -> tuple[Named, ...]:
        """All that are named, in order."""
        return self.others if self.principal is None else (self.principal, *self.others)

    @property
    def readable(self) -> bool:
        """Whether at least one of them has a code that the model can read."""
        return any(one.meaning is not None for one in self.named)


@lru_cache(maxsize=8192)
def meaning_of(system: str, code: str) -> Meaning | None:
    """What a code of ICD-9-CM, ICD-10 or ICD-10-CM says; None for another system, or a code in no group."""
    form = _FORMS.get(system)
    if form is None or not form.fullmatch(code.strip().upper()):
        return None
    plain = bare(code.strip())
    if system == ICD_9_CM:
        diabetes, group = icd9_diabetes(plain), of_icd9(plain[:4] if plain.startswith("E") else plain[:3])
    else:
        diabetes, group = icd10_diabetes(plain), of_icd10(plain[:3])
    if diabetes is not None:
        return Meaning(diabetes.group, diabetes)
    return Meaning(group) if group else None


def diagnoses_of(record: PatientRecord, stay: Stay) -> Diagnoses:
    """What the encounter names comes first, by role and rank; then what names the encounter, in the order of writing.

    A diagnosis whose rank is known and is not 1 is not the principal one, wherever it stands.
    """
    known = {condition.reference: condition for condition in record.conditions}
    listed = [one for one in _final(stay.diagnoses) if one.condition in known]
    ranks: dict[str, int | None] = {}
    for one in listed:
        ranks.setdefault(one.condition, one.rank)
    excluded = {one.condition for one in stay.diagnoses} - ranks.keys()
    for condition in sorted(record.conditions, key=_written):
        if condition.encounter == stay.reference and condition.reference not in excluded:
            ranks.setdefault(condition.reference, None)
    first = [(rank, _named(known[reference])) for reference, rank in list(ranks.items())[:NAMED]]
    uncounted = sum(1 for one in _final(stay.diagnoses) if one.condition not in known)
    if not first or first[0][0] not in (None, 1):
        return Diagnoses(None, tuple(one for _, one in first), len(ranks) + uncounted)
    return Diagnoses(first[0][1], tuple(one for _, one in first[1:]), len(ranks) + uncounted)


def _final(listed: Iterable[StayDiagnosis]) -> list[StayDiagnosis]:
    """The diagnoses at discharge: by role, then by rank, else as they stand."""
    final = [one for one in listed if one.role not in _NOT_FINAL]
    return sorted(final, key=lambda one: (_ROLES.get(one.role, 2), one.rank or _LAST))


def _written(condition: Condition) -> tuple[float, str]:
    """When it was written down; what has no time comes last."""
    return (condition.recorded.timestamp() if condition.recorded else float("inf"), condition.reference)


def _named(condition: Condition) -> Named:
    meaning = next((found for coding in condition.codings if (found := meaning_of(coding.system, coding.code))), None)
    return Named(meaning, Basis(condition.reference, _text(condition, meaning), condition.onset or condition.recorded))


def _text(condition: Condition, meaning: Meaning | None) -> str:
    """What the sender calls it, else its code with the name of its group."""
    display = condition.text or next((coding.display for coding in condition.codings if coding.display), "")
    code = next((coding.code for coding in condition.codings), "")
    if display or meaning is None:
        return display or code
    return f"{code} ({LABELS[meaning.group]})"


def any_diabetes(conditions: Iterable[Condition], snomed: Mapping[Coding, str]) -> Condition | None:
    """The first diagnosis of diabetes, if there is one; `snomed` are codes that say so outside ICD."""
    for condition in conditions:
        for coding in condition.codings:
            meaning = meaning_of(coding.system, coding.code)
            if (meaning and meaning.diabetes) or Coding(coding.system, coding.code) in snomed:
                return condition
    return None
