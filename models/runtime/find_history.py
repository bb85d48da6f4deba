"""Inputs out of a patient's history: diagnoses, medicines, procedures and visits.

What is not there counts as absent only if its kind of data could be read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

from clinical.assessment import Basis
from clinical.record import Condition, MedicationUse, ProcedureDone, SetAside, Stay
from clinical.record import SetAsideReason as Reason
from models.runtime.chart import NOTHING, Chart, Found
from models.runtime.score_inputs import Diagnosed, Medicated, Performed, Visits

_NEVER_HAPPENED = frozenset({"planned", "cancelled", "entered-in-error"})
_FOREIGN = "diagnosis without a code that the score can read"
_WORD = re.compile(r"[a-z]+")


def diagnosed(one: Diagnosed, chart: Chart) -> Found:
    """Whether one of the diagnoses is recorded, with those that are."""
    found = [
        condition
        for condition in chart.diagnoses.of[one.name]
        if (condition.active or not one.active_only) and not _is_ahead(condition, chart.as_of)
    ]
    if found:
        return Found(1.0, "recorded", basis=_newest_of_each(found))
    if chart.unread(one.need, "Condition/", one.codes.any_of) or not _can_be_told(one, chart):
        return NOTHING
    return Found(0.0, "not recorded")


def _can_be_told(one: Diagnosed, chart: Chart) -> bool:
    """Whether any of the diagnoses is in a code system of the input: else its absence says nothing.

    Those that are in none of them are reported, once for all inputs.
    """
    conditions, foreign = chart.record.conditions, chart.diagnoses.foreign[one.codes.systems]
    for condition in foreign:
        if condition.reference not in chart.foreign:
            chart.foreign.add(condition.reference)
            chart.unused.append(SetAside(condition.reference, Reason.NO_VALUE, _FOREIGN, condition.codings))
    return len(foreign) < len(conditions) or not conditions


def _is_ahead(condition: Condition, as_of: datetime) -> bool:
    """Whether a diagnosis begins, or was written down, after the moment of the answer."""
    return any(time is not None and time > as_of for time in (condition.onset, condition.recorded))


def _newest_of_each(conditions: Iterable[Condition]) -> tuple[Basis, ...]:
    """One basis for each diagnosis as people call it, the newest: a long history says the same many times."""
    newest: dict[str, Basis] = {}
    for condition in conditions:
        basis = Basis(condition.reference, _name(condition), condition.onset or condition.recorded)
        known = newest.get(basis.text)
        if known is None or _age(basis) > _age(known):
            newest[basis.text] = basis
    return tuple(newest.values())


def _age(basis: Basis) -> tuple[float, str]:
    return basis.time.timestamp() if basis.time else float("-inf"), basis.reference


def _name(fact: Condition | MedicationUse | ProcedureDone) -> str:
    """What the sender calls it, else its code."""
    display = next((coding.display for coding in fact.codings if coding.display), "")
    return fact.text or display or next((coding.code for coding in fact.codings), "")


def medicated(one: Medicated, chart: Chart) -> Found:
    """Whether one of the medicines is in use, with those that are."""
    found = [
        use
        for use in chart.record.medications
        if _in_use(use, chart.as_of) and _is_one(use, one) and (not one.in_stay or _of_stay(use, chart.situation.stay))
    ]
    if found:
        return Found(1.0, "in use", basis=tuple(Basis(use.reference, _name(use), use.start) for use in found))
    if chart.unread(one.need, "Medication", one.codes.any_of):
        return NOTHING
    return Found(0.0, "not in use")


def _in_use(use: MedicationUse, as_of: datetime) -> bool:
    begun = use.start is None or use.start <= as_of
    return use.active and begun and (use.end is None or use.end > as_of)


def _of_stay(use: MedicationUse, stay: Stay | None) -> bool:
    """Whether a medicine was begun in a stay."""
    if stay is None or use.encounter:
        return stay is not None and use.encounter == stay.reference
    return use.start is not None and stay.start is not None and use.start >= stay.start


def _is_one(use: MedicationUse, one: Medicated) -> bool:
    """Whether a medicine has one of the codes, or one of the ingredients stands in its name."""
    if one.codes.any_of(use.codings):
        return True
    texts = (use.text, *(coding.display for coding in use.codings))
    return any(not one.names.isdisjoint(_WORD.findall(text.lower())) for text in texts)


def performed(one: Performed, chart: Chart) -> Found:
    """How many of the procedures were done."""
    since = chart.as_of - one.window
    found = [
        done
        for done in chart.record.procedures
        if done.performed is not None and since < done.performed <= chart.as_of and one.codes.any_of(done.codings)
    ]
    if not found and chart.unread(one.need, "Procedure/", one.codes.any_of):
        return NOTHING
    basis = tuple(Basis(done.reference, _name(done), done.performed) for done in found)
    return Found(float(len(found)), str(len(found)), basis=basis)


def visits(one: Visits, chart: Chart) -> Found:
    """How many of the visits there were."""
    if chart.unread(one.need, "Encounter/", lambda _: True):
        return NOTHING
    current = chart.situation.stay
    until = current.start if current is not None and current.start is not None else chart.as_of
    found = [
        stay
        for stay in chart.record.stays
        if stay.status not in _NEVER_HAPPENED
        and (current is None or stay.reference != current.reference)
        and stay.class_code is not None
        and stay.class_code.code in one.classes
        and stay.start is not None
        and until - one.window <= stay.start < until - one.skip
    ]
    basis = tuple(Basis(stay.reference, one.label, stay.start) for stay in found)
    return Found(float(len(found)), str(len(found)), basis=basis)
