"""Inputs that are procedures: how many were done within a time, or for how many hours one went on.

What may have been one of them and cannot be told (no date, an unclear status, a name without a code) leaves the number
open, unless what is certain is enough. One event may come under several names, from several systems, and counts once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from clinical.assessment import Basis
from clinical.record import ProcedureDone, SetAside
from clinical.record import SetAsideReason as Reason
from models.runtime.chart import NOTHING, Chart, Found, not_told
from models.runtime.code_list import canonical
from models.runtime.find_names import Sure, name_of, words_of
from models.runtime.gather import Series
from models.runtime.score_inputs import Performed

UNCLEAR = "procedure of which the record does not say what it was, or when"
_HOUR = timedelta(hours=1)
_GOING_ON = "in-progress"


def performed(one: Performed, chart: Chart) -> Found:
    """How many of the procedures were done, or the hours of those that went on longest."""
    until = _until(one, chart)
    since = until - one.window
    judged = [(done, _sure(done, one, since, until, chart.as_of)) for done in chart.record.procedures]
    found, copies = _each_once([done for done, sure in judged if sure is Sure.YES], chart.as_of)
    value = float(len(found))
    if one.takes_hours:
        value = sum(_hours(done, since, until, chart.as_of)[0] for done in found)
    if one.enough is None or value < one.enough:
        unclear = [done.reference for done, sure in judged if sure is Sure.UNCLEAR or done in copies]
        told = chart.tell(not_told(unclear, UNCLEAR, Reason.NO_VALUE)) | chart.tell(_aside(one, chart))
        if told or chart.has_gap(one.need):
            return NOTHING
    basis = tuple(Basis(done.reference, name_of(done), done.performed) for done in found)
    text = f"{value:.0f} h" if one.takes_hours else f"{value:.0f}"
    return Found(value, text, basis=basis)


def _each_once(found: Sequence[ProcedureDone], as_of: datetime) -> tuple[list[ProcedureDone], list[ProcedureDone]]:
    """Each event once, told by the longest of its names, and what may only be another name of one of them.

    The same code at the same moment is the same event. Where only a day is told, nobody can say whether it is the event
    of the same code on that day.
    """
    once: list[ProcedureDone] = []
    copies: list[ProcedureDone] = []
    for done in sorted(found, key=lambda done: (done.latest_start is not None, -_lasted(done, as_of))):
        alike = [other for other in once if _pairs(other) & _pairs(done)]
        if done.latest_start is None:
            once += [] if any(other.performed == done.performed for other in alike) else [done]
        else:
            (copies if any(_may_be_one(done, other) for other in alike) else once).append(done)
    return [done for done in found if done in once], copies


def _lasted(done: ProcedureDone, as_of: datetime) -> timedelta:
    """How long a procedure went on, as far as it is told."""
    last = _last(done, as_of)
    return timedelta() if last is None or done.performed is None else last - done.performed


def _pairs(done: ProcedureDone) -> frozenset[tuple[str, str]]:
    """The codes of a procedure, each with the name that FHIR gives its system."""
    return frozenset((canonical(coding.system), coding.code.strip()) for coding in done.codings)


def _may_be_one(one: ProcedureDone, other: ProcedureDone) -> bool:
    """Whether two procedures, of which the first is told by its day, may have begun at one moment."""
    if one.performed is None or other.performed is None:
        return False
    return one.performed <= (other.latest_start or other.performed) and other.performed <= (
        one.latest_start or one.performed
    )


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
