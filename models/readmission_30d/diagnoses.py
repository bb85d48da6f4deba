"""The diagnoses of a stay, in their order, and what each of them says to the model."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from clinical.assessment import Basis
from clinical.record import Condition, PatientRecord, Stay, StayDiagnosis
from models.runtime.code_list import ICD_9_CM, ICD_10, ICD_10_CM, bare, canonical

from .diabetes import Diabetes, icd9_diabetes, icd10_diabetes
from .icd_groups import LABELS, of_icd9, of_icd10

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


def is_icd(system: str, code: str) -> bool:
    """Whether a code has the form of ICD-9-CM, ICD-10 or ICD-10-CM."""
    form = _FORMS.get(canonical(system))
    return form is not None and form.fullmatch(code.strip().upper()) is not None


@lru_cache(maxsize=8192)
def meaning_of(system: str, code: str) -> Meaning | None:
    """What a code of ICD-9-CM, ICD-10 or ICD-10-CM says; None for another system, or a code in no group."""
    system = canonical(system)
    if not is_icd(system, code):
        return None
    plain = bare(code.strip())
    if system == ICD_9_CM:
        diabetes, group = icd9_diabetes(plain), of_icd9(plain[:4] if plain.startswith("E") else plain[:3])
    else:
        diabetes, group = icd10_diabetes(plain), of_icd10(plain[:3])
    if diabetes is not None:
        return Meaning(diabetes.group, diabetes)
    return Meaning(group) if group else None


def diagnoses_of(record: PatientRecord, stay: Stay, as_of: datetime) -> Diagnoses:
    """What the encounter names comes first, by role and rank; then what names the encounter, in the order of writing.

    A diagnosis whose rank is known and is not 1 is not the principal one, wherever it stands; nor is one of several
    of the same role without a rank: the order in which a sender lists them means nothing. What begins after `as_of`
    does not count.
    """
    known = {one.reference: one for one in record.conditions}
    later = {one.reference for one in record.conditions if not began_by(one, as_of)}
    final = [one for one in stay.diagnoses if one.role not in _NOT_FINAL and one.condition not in later]
    listed = sorted((one for one in final if one.condition in known), key=lambda one: _place(one, known))
    ranks: dict[str, int | None] = {}
    for one in listed:
        ranks.setdefault(one.condition, one.rank)
    excluded = {one.condition for one in stay.diagnoses} - ranks.keys()
    for condition in sorted(record.conditions, key=_written):
        if condition.encounter == stay.reference and condition.reference not in excluded | later:
            ranks.setdefault(condition.reference, None)
    named = tuple(_named(known[reference]) for reference in list(ranks)[:NAMED])
    number = len(ranks) + sum(1 for one in final if one.condition not in known)
    if not named or not _is_principal(next(iter(ranks.values())), listed):
        return Diagnoses(None, named, number)
    return Diagnoses(named[0], named[1:], number)


def began_by(condition: Condition, as_of: datetime) -> bool:
    """Whether a diagnosis does not begin after a moment."""
    return condition.onset is None or condition.onset <= as_of


def _is_principal(rank: int | None, listed: Sequence[StayDiagnosis]) -> bool:
    """Whether the first diagnosis is the principal one: ranked so, or the only one of its role."""
    if rank is not None or not listed:
        return rank in (None, 1)
    alike = {one.condition for one in listed if _role(one) == _role(listed[0])}
    return len(alike) == 1


def _role(one: StayDiagnosis) -> int:
    """The place of a role among the others."""
    return _ROLES.get(one.role, _ROLES[""])


def _place(one: StayDiagnosis, known: Mapping[str, Condition]) -> tuple[object, ...]:
    """By role, then by rank; what has none, by its code."""
    return (_role(one), one.rank or _LAST, *_content(known[one.condition]))


def _content(condition: Condition) -> tuple[object, ...]:
    """What a diagnosis says, as an order that does not hang on its sender's."""
    return (sorted((coding.code, coding.system) for coding in condition.codings), condition.text, condition.reference)


def _written(condition: Condition) -> tuple[object, ...]:
    """When it was written down; what has no time comes last."""
    return (condition.recorded.timestamp() if condition.recorded else float("inf"), *_content(condition))


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
