"""Inputs that are procedures: how many were done within a time, or for how many hours one went on.

What may have been one of them and cannot be told (no date, an unclear status, a name without a code) leaves the number
open, unless what is certain is enough. One event may come under several codes, from several systems, and counts once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from clinical.assessment import Basis
from clinical.record import ProcedureDone, SetAside
from clinical.record import SetAsideReason as Reason
from models.runtime.chart import NOTHING, Chart, Found, not_told
from models.runtime.find_names import Sure, name_of, words_of
from models.runtime.gather import Series
from models.runtime.same_event import Event, each_once
from models.runtime.score_inputs import Performed

UNCLEAR = "procedure of which the record does not say what it was, or when"
_HOUR = timedelta(hours=1)
# A session is shorter; what goes on for longer, or was never closed, may hold several.
_ONE_SESSION = timedelta(hours=24)
# One clinic's clock and the bill's may tell one session by its beginning and by its end: it takes three to five hours.
_APART = timedelta(hours=6)
_GOING_ON = "in-progress"


def performed(one: Performed, chart: Chart) -> Found:
    """How many of the procedures were done, or the hours of those that went on longest."""
    until = _until(one, chart)
    since = until - one.window
    judged = [(done, _sure(done, one, since, until, chart.as_of)) for done in chart.record.procedures]
    certain = [done for done, sure in judged if sure is Sure.YES]
    found, copies = each_once(list(_events(certain, chart.as_of)), _ONE_SESSION, _APART)
    value = float(len(found))
    if one.takes_hours:
        (value, found), copies = _together(certain, since, until, chart.as_of), []
    if one.enough is None or value < one.enough:
        unclear = [done.reference for done, sure in judged if sure is Sure.UNCLEAR or done in copies]
        told = chart.tell(not_told(unclear, UNCLEAR, Reason.NO_VALUE)) | chart.tell(_aside(one, chart))
        if told or chart.has_gap(one.need):
            return NOTHING
    basis = tuple(Basis(done.reference, name_of(done), done.performed) for done in found)
    text = f"{value:.0f} h" if one.takes_hours else f"{value:.0f}"
    return Found(value, text, basis=basis)


def _events(found: Sequence[ProcedureDone], as_of: datetime) -> Iterator[Event[ProcedureDone]]:
    """When each procedure was, whatever its code."""
    for done in found:
        last = _last(done, as_of)
        if done.performed is not None and last is not None:
            yield Event(done, done.performed, last, done.latest_start)


def _together(
    found: Sequence[ProcedureDone], since: datetime, until: datetime, as_of: datetime
) -> tuple[float, list[ProcedureDone]]:
    """The hours within the time during which at least one went on, and those that tell them: no hour counts twice."""
    total, reached, telling = timedelta(), since, []
    for start, last, done in sorted(_spans(found, until, as_of), key=lambda span: (span[0], -span[1].timestamp())):
        if last > max(start, reached):
            total += last - max(start, reached)
            telling.append(done)
        reached = max(reached, last)
    return total / _HOUR, [done for done in found if any(done is other for other in telling)]


def _spans(
    found: Sequence[ProcedureDone], until: datetime, as_of: datetime
) -> Iterator[tuple[datetime, datetime, ProcedureDone]]:
    """From when to when each went on, up to a moment; of a start that is only a day, from its last moment."""
    for done in found:
        start, last = done.latest_start or done.performed, _last(done, as_of)
        if start is not None and last is not None:
            yield start, min(last, until), done


def _until(one: Performed, chart: Chart) -> datetime:
    """The moment from which is counted back: now, or when something else was measured."""
    facts = chart.series.get(one.until, Series()).facts
    return facts[-1].time if facts else chart.as_of


def _aside(one: Performed, chart: Chart) -> Iterator[SetAside]:
    """What the reader set aside and what may be one of the procedures."""
    for fact in chart.aside(("Procedure/",), lambda codings: True):
        if not fact.codings or _which(ProcedureDone(fact.reference, fact.codings), one) is not Sure.NO:
            yield fact


def _sure(done: ProcedureDone, one: Performed, since: datetime, until: datetime, as_of: datetime) -> Sure:
    """Whether a procedure is one of those asked for, and took place within the time."""
    when = _within(done, since, until, as_of)
    if one.takes_hours and when is not Sure.NO:
        least, most = _hours(done, since, until, as_of)
        enough = one.enough is not None and least >= one.enough
        when = min(when, Sure.YES if least == most or enough else Sure.UNCLEAR)
    return min(_which(done, one), when)


def _which(done: ProcedureDone, one: Performed) -> Sure:
    """Whether a procedure is one of those asked for: by code, else by name.

    A code in a tree that is none of them says that it is something else; so does a name without their words.
    """
    if one.codes.any_of(done.codings):
        return Sure.YES
    if one.codes.none_of(done.codings) or one.others.any_of(done.codings):
        return Sure.NO
    words = words_of(done.text, done.codings)
    return Sure.NO if words and not _speaks_of(words, one) else Sure.UNCLEAR


def _speaks_of(words: frozenset[str], one: Performed) -> bool:
    """Whether a name has a word with one of the parts that names of the procedures have."""
    return not one.names or any(part in word for word in words for part in one.names)


def _within(done: ProcedureDone, since: datetime, until: datetime, as_of: datetime) -> Sure:
    """Whether a procedure took place after `since` and up to `until`; a day may lie on both sides of either."""
    first, last = done.performed, _last(done, as_of)
    if first is None or last is None:
        return Sure.UNCLEAR
    if first > until or last <= since:
        return Sure.NO
    lasted = done.end is not None or done.status == _GOING_ON
    latest = done.latest_start or first
    inside = latest <= until and (lasted or first > since)
    return Sure.YES if inside else Sure.UNCLEAR


def _last(done: ProcedureDone, as_of: datetime) -> datetime | None:
    """The last moment at which a procedure may have gone on."""
    if done.end is not None:
        return done.end
    return as_of if done.status == _GOING_ON else done.latest_start or done.performed


def _hours(done: ProcedureDone, since: datetime, until: datetime, as_of: datetime) -> tuple[float, float]:
    """The least and the most hours that a procedure went on within the time; without an end nobody can say."""
    if done.performed is None or (done.end is None and done.status != _GOING_ON):
        return 0.0, (until - since) / _HOUR
    end = min(_last(done, as_of) or until, until)
    least, most = ((end - max(start, since)) / _HOUR for start in (done.latest_start or done.performed, done.performed))
    return max(least, 0.0), max(most, 0.0)
