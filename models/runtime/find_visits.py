"""Inputs that are earlier visits: how many there surely were, or how many there were at the most.

One visit may come under several ids, from several systems, and counts once.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta

from clinical.assessment import Basis
from clinical.record import Stay
from clinical.wording import day
from models.runtime.chart import NOTHING, Chart, Found
from models.runtime.day_span import span_of
from models.runtime.encounter_class import class_of
from models.runtime.find_names import Sure
from models.runtime.same_event import Event, each_once
from models.runtime.score_inputs import Visits
from models.runtime.whereabouts import NEVER_HAPPENED

_TOOK_PLACE = frozenset({"arrived", "triaged", "in-progress", "onleave", "finished"})
# Somebody may wait for a bed for two days; a longer visit was not closed in time and may hold several.
_ONE_VISIT = timedelta(hours=72)
# Arrival and registration stand some minutes apart.
_APART = timedelta(hours=2)


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
    """Each visit once. What may be another name of one of them counts only where it is asked how many at the most."""
    events = [event for event in map(_event, stays) if event is not None]
    once, copies = each_once(events, _ONE_VISIT, _APART)
    undated = [stay for stay in stays if _event(stay) is None]
    chosen = [*once, *copies, *undated] if at_most else once
    return [stay for stay in stays if any(stay is other for other in chosen)]


def _event(stay: Stay) -> Event[Stay] | None:
    """When a visit was; None where nothing is told. One that nobody has closed is told by its start."""
    kind = class_of(stay)
    if stay.start is not None:
        return Event(stay, stay.start, max(stay.end or stay.start, stay.start), kind=kind)
    if stay.start_day is None:
        return None
    first, last = (datetime.combine(stay.start_day, at, UTC) for at in (time.min, time.max))
    return Event(stay, first, last, last, kind)


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
