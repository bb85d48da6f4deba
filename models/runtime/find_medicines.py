"""Inputs that are medicines: one is in use, or none is, or the record does not say.

A medicine is known by a code, or by the ingredient in its name: clinical drugs have thousands of codes, and each
carries the name of its ingredient. That it is *none* of those asked for, only an ATC code says, or the name that goes
with an RxNorm code; a text alone may be a brand name that nobody here knows, unless the input names them all.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from clinical.assessment import Basis
from clinical.record import MedicationUse, SetAside, Stay
from clinical.record import SetAsideReason as Reason
from models.runtime.chart import NOTHING, Chart, Found, not_told
from models.runtime.code_list import RXNORM, canonical
from models.runtime.find_names import Sure, name_of, words_of
from models.runtime.score_inputs import Medicated

UNCLEAR = "medicine of which the record does not say what it is, or whether it is in use"
_ON_HOLD = "on-hold"
_NOT_IN_USE = Found(0.0, "not in use")


def medicated(one: Medicated, chart: Chart) -> Found:
    """Whether one of the medicines is in use, with those that are."""
    if not chart.record.medications and not chart.record.set_aside:
        return NOTHING if chart.has_gap(one.need) else _NOT_IN_USE
    judged = [(use, min(_which(use, one), _when(use, one, chart))) for use in chart.record.medications]
    found = [use for use, sure in judged if sure is Sure.YES]
    if found:
        return Found(1.0, "in use", basis=tuple(Basis(use.reference, name_of(use), use.start) for use in found))
    unclear = [use.reference for use, sure in judged if sure is Sure.UNCLEAR]
    told = chart.tell(not_told(unclear, UNCLEAR, Reason.NO_VALUE)) | chart.tell(_aside(one, chart))
    return NOTHING if told or chart.has_gap(one.need) else _NOT_IN_USE


def _aside(one: Medicated, chart: Chart) -> Iterator[SetAside]:
    """What the reader set aside and what may be one of the medicines; what is in the record was judged there."""
    known = {use.reference for use in chart.record.medications}
    for fact in chart.aside(("Medication",), lambda codings: not one.codes.none_of(codings)):
        which = _which(MedicationUse(fact.reference, fact.codings), one) if fact.codings else Sure.UNCLEAR
        if fact.reference not in known and which is not Sure.NO:
            yield fact


def _which(use: MedicationUse, one: Medicated) -> Sure:
    """Whether a medicine is one of those asked for."""
    words = words_of(use.text, use.codings)
    if not one.except_words.isdisjoint(words):
        return Sure.NO
    if one.codes.any_of(use.codings) or not one.names.isdisjoint(words):
        return Sure.YES
    named = words and (one.all_names or any(canonical(coding.system) == RXNORM for coding in use.codings))
    return Sure.NO if named or one.codes.none_of(use.codings) else Sure.UNCLEAR


def _when(use: MedicationUse, one: Medicated, chart: Chart) -> Sure:
    """Whether a medicine is in use now, or was within the time and in the stay that are asked about."""
    if use.start is not None and use.start > chart.as_of:
        return Sure.NO
    if one.in_stay:
        return _ran(use, one, chart)
    if not use.active or (use.end is not None and use.end <= chart.as_of):
        return Sure.NO
    return Sure.UNCLEAR if use.status == _ON_HOLD else Sure.YES


def _ran(use: MedicationUse, one: Medicated, chart: Chart) -> Sure:
    """Whether a medicine was given in this stay, within the time: a drip, and not what somebody carries for a need."""
    since = chart.as_of if one.window is None else chart.as_of - one.window
    if use.end is not None and use.end <= since:
        return Sure.NO
    of_stay = _of_stay(use, chart.situation.stay)
    begun = _begun_since(use, since)
    if not use.active:
        return _ended(use, since, begun, of_stay)
    if use.status == _ON_HOLD:
        return Sure.UNCLEAR if max(begun, of_stay) else Sure.NO
    # Begun lately and in another encounter: the emergency department, or a prescription of this morning.
    return of_stay if of_stay is not Sure.NO else min(begun, Sure.UNCLEAR)


def _ended(use: MedicationUse, since: datetime, begun: Sure, of_stay: Sure) -> Sure:
    """Whether a medicine that has ended ran within the time. When an order was completed is seldom told."""
    if begun is Sure.YES or (use.end is not None and of_stay is Sure.YES):
        return Sure.YES if of_stay is Sure.YES else Sure.UNCLEAR
    return Sure.UNCLEAR if max(begun, of_stay) else Sure.NO


def _begun_since(use: MedicationUse, since: datetime) -> Sure:
    """Whether the use began after a moment; a day may lie on both sides of it."""
    if use.start is None:
        return Sure.UNCLEAR
    if use.start > since:
        return Sure.YES
    return Sure.UNCLEAR if (use.latest_start or use.start) > since else Sure.NO


def _of_stay(use: MedicationUse, stay: Stay | None) -> Sure:
    """Whether a medicine belongs to a stay: by its encounter, else by when it began. A day that overlaps counts."""
    if stay is None:
        return Sure.NO
    if use.encounter:
        return Sure.YES if use.encounter == stay.reference else Sure.NO
    if use.start is None or stay.start is None:
        return Sure.UNCLEAR
    return Sure.YES if (use.latest_start or use.start) >= stay.start else Sure.NO
