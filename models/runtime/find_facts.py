"""Inputs that were measured or answered: the latest, lowest or highest number, a ratio, an answer on a scale."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from clinical.assessment import Basis
from clinical.record import Answer, Coding, Observation, SetAside
from clinical.record import SetAsideReason as Reason
from clinical.wording import measured as in_words
from models.runtime.chart import NOTHING, Chart, Found
from models.runtime.derive import chosen_pair
from models.runtime.gather import Series
from models.runtime.score_inputs import Answered, Input, Measured, Paired

# Nobody can say which of them holds, so neither is used.
_AT_ONCE = "two that differ at the same time"


def measured(one: Measured, chart: Chart) -> Found:
    """The number that was picked, with its fact."""
    facts = _within(one, chart)
    if not facts:
        return NOTHING
    fact = _picked(facts, one.pick)
    if one.pick == "latest" and any(other.time == fact.time and other.value != fact.value for other in facts):
        chart.unused.append(
            SetAside(fact.reference, Reason.NO_VALUE, f"{one.label}: {_AT_ONCE}", fact.codings, fact.time)
        )
        return NOTHING
    return Found(fact.value, in_words(fact.value, fact.unit), (fact,), times=(fact.time,))


def _within(one: Measured, chart: Chart) -> tuple[Observation, ...]:
    """The facts within the input's own time, oldest first."""
    since = chart.as_of - one.window
    series = chart.series.get(one.name)
    return () if series is None else tuple([fact for fact in series.facts if fact.time > since])


def _picked(facts: tuple[Observation, ...], pick: str) -> Observation:
    """One of the facts; the newest of equals."""
    if pick == "latest":
        return facts[-1]
    worst = min if pick == "lowest" else max
    value = worst([fact.value for fact in facts])
    return next(fact for fact in reversed(facts) if fact.value == value)


def paired(one: Paired, chart: Chart) -> Found:
    """The ratio that was picked, with both facts."""
    top, bottom = chart.series.get(one.top, Series()), chart.series.get(one.bottom, Series())
    kind = "paired-min" if one.pick == "lowest" else "paired-last"
    pair = chosen_pair(kind, (top.times, top.values), (bottom.times, bottom.values))
    if pair is None:
        return NOTHING
    facts = (top.facts[pair[0]], bottom.facts[pair[1]])
    value = one.scale * facts[0].value / facts[1].value
    return Found(value, in_words(value, one.unit), facts, times=tuple(fact.time for fact in facts))


def answered(one: Answered, chart: Chart) -> Found:
    """The latest answer as a number."""
    wanted = {(coding.system, coding.code) for coding in one.codes}
    since = chart.as_of - one.window
    answers: list[Answer] = []
    for answer in chart.record.answers:
        if answer.time <= since or not any((c.system, c.code) in wanted for c in answer.codings):
            continue
        if answer.time > chart.as_of:
            chart.unused.append(_aside(one, answer, Reason.FUTURE, "timed after now"))
        else:
            answers.append(answer)
    if answers:
        return _holding(one, _latest(one, answers, chart), chart)
    aside = chart.aside(("Observation/",), lambda found: _names(found, wanted))
    told = [fact for fact in aside if fact.codings or fact.reason is Reason.MALFORMED]
    if one.otherwise is None or told or chart.has_gap(one.need):
        return NOTHING
    return Found(one.otherwise)


def _holding(one: Answered, found: Found, chart: Chart) -> Found:
    """An answer that is too old to hold for certain, and that is not what stands without one, is none."""
    if one.holds is None or not found.times or found.times[0] > chart.as_of - one.holds or found.value == one.otherwise:
        return found
    detail = f"{one.label}: answered more than {one.holds.days} days ago"
    chart.unused.append(SetAside(found.basis[0].reference, Reason.NO_TIME, detail, one.codes, found.times[0]))
    return NOTHING


def _latest(one: Answered, answers: Sequence[Answer], chart: Chart) -> Found:
    """The latest answer; two that differ at one moment are none."""
    newest = max(answer.time for answer in answers)
    given = [_understood(one, answer, chart) for answer in answers if answer.time == newest]
    if len({found.value for found in given}) > 1:
        last = next(answer for answer in answers if answer.time == newest)
        chart.unused.append(_aside(one, last, Reason.NO_VALUE, _AT_ONCE))
        return NOTHING
    return given[0]


def _understood(one: Answered, answer: Answer, chart: Chart) -> Found:
    """The latest answer as a number. An older one is not taken in its place: it no longer holds."""
    values = {one.values[key] for c in answer.values if (key := (c.system, c.code)) in one.values}
    if len(values) != 1:
        chart.unused.append(_aside(one, answer, Reason.NO_VALUE, "the answer is not one of those that the score knows"))
        return NOTHING
    text = answer.text or next((coding.display for coding in answer.values if coding.display), "") or "answered"
    return Found(values.pop(), text, basis=(Basis(answer.reference, text, answer.time),), times=(answer.time,))


def _aside(one: Input, answer: Answer, reason: Reason, detail: str) -> SetAside:
    return SetAside(answer.reference, reason, f"{one.label}: {detail}", answer.codings, answer.time)


def _names(codings: Iterable[Coding], wanted: set[tuple[str, str]]) -> bool:
    return any((coding.system, coding.code) in wanted for coding in codings)
