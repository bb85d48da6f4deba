"""Inputs that are earlier visits: how many there surely were, or how many there were at the most.

One visit may come under several names, from several systems, and counts once.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from clinical.assessment import Basis
from clinical.record import Stay
from clinical.wording import day
from models.runtime.chart import NOTHING, Chart, Found
from models.runtime.day_span import span_of
from models.runtime.encounter_class import class_of
from models.runtime.find_names import Sure
from models.runtime.score_inputs import Visits
from models.runtime.whereabouts import NEVER_HAPPENED

_TOOK_PLACE = frozenset({"arrived", "triaged", "in-progress", "onleave", "finished"})


def visits(one: Visits, chart: Chart) -> Found:
    """How many of the visits there were."""
    if chart.unread(one.need, "Encounter/"):
        return NOTHING
    current = chart.situation.stay
    span = _began(current) if current is not None else None
    until = chart.as_of if span is None else span[0]
    others = [stay for stay in chart.record.stays if current is None or stay.reference != current.reference]
    least = Sure.UNCLEAR if one.most else Sure.YES
    counted = [stay for stay in others if min(_took_place(stay, one), _within(stay, one, until)) >= least]
    found = _each_once(counted, at_most=one.most)
    basis = tuple(Basis(stay.reference, _named(stay), stay.start) for stay in found)
    return Found(float(len(found)), str(len(found)), basis=basis)


def _each_once(stays: Sequence[Stay], *, at_most: bool) -> list[Stay]:
    """Visits of a class that began at one moment are one.

    Of those of which only the day is told nobody can say whether they are one: so they are, unless it is asked how many
    there were at the most.
    """
    once = {(class_of(stay), stay.start): stay for stay in reversed(stays) if stay.start is not None}
    days = {(class_of(stay), _day_of(stay)) for stay in once.values()}
    found = [stay for stay in stays if any(stay is other for other in once.values())]
    for stay in (stay for stay in stays if stay.start is None):
        if at_most or (class_of(stay), stay.start_day) not in days:
            found.append(stay)
        days.add((class_of(stay), stay.start_day))
    return found


def _day_of(stay: Stay) -> date | None:
    """The day on which a visit began, as it was written."""
    return stay.start.date() if stay.start_day is None and stay.start is not None else stay.start_day


def _named(stay: Stay) -> str:
    """A visit by its day."""
    on = stay.start.date() if stay.start is not None else stay.start_day
    return "without a date" if on is None else day(on)


def _took_place(stay: Stay, one: Visits) -> Sure:
    """Whether a visit took place and was of one of the classes."""
    if stay.status in NEVER_HAPPENED:
        return Sure.NO
    kind = class_of(stay)
    if kind is None:
        return Sure.UNCLEAR
    if kind not in one.classes:
        return Sure.NO
    return Sure.YES if stay.status in _TOOK_PLACE else Sure.UNCLEAR


def _within(stay: Stay, one: Visits, until: datetime) -> Sure:
    """Whether a visit began within the time before the stay, and did not lead to it."""
    span = _began(stay)
    if span is None:
        return Sure.NO if stay.end is not None and stay.end < until - one.window else Sure.UNCLEAR
    first, last = span
    since, before = until - one.window, until - one.skip
    if last < since or first >= before:
        return Sure.NO
    return Sure.YES if first >= since and last < before else Sure.UNCLEAR


def _began(stay: Stay) -> tuple[datetime, datetime] | None:
    """The first and the last moment at which a visit may have begun; None where nothing is told."""
    if stay.start is not None:
        return stay.start, stay.start
    return None if stay.start_day is None else span_of(stay.start_day)
