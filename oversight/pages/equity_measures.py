"""Each measure of the equity page as lines of one kind: a group, its figure, and how the largest group compares."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from oversight.analytics.equity import ACCEPTANCE, OVERRIDE, SELECTION, SILENCE, Answers, Judgement
from oversight.pages import equity_words as words
from oversight.statistics.equity import EquityReport, GroupRate
from oversight.statistics.equity_groups import Group
from oversight.statistics.equity_models import GroupFigure
from oversight.statistics.equity_responses import GroupMedian
from oversight.statistics.estimate import Estimate
from oversight.statistics.refused import Refused


@dataclass(frozen=True, slots=True)
class Measured:
    """A group's figure in words, with its numbers for the picture; `value` is None where there is none."""

    name: str
    group: Group
    text: str
    interval: str
    value: float | None
    low: float
    high: float
    reference: bool
    difference: str = ""
    ratio: str = ""


@dataclass(frozen=True, slots=True)
class Measure:
    """What may be chosen: its name, its question, and the scale of its picture (factor and unit)."""

    key: str
    name: str
    question: str
    scale: tuple[float, str] = (100.0, " %")
    of_model: bool = False


MEASURES = (
    Measure("override", "Override rate", "of answered cards, how many were overridden?"),
    Measure("silence", "No answer", "of the cards shown, how many got no answer?"),
    Measure("acceptance", "Acceptance rate", "of the cards shown, how many were accepted?"),
    Measure("seconds", "Time to an answer", "how long did it take, at the same mix of risk and answer?", (1.0, " s")),
    Measure("selection", "Cards per assessment", "of the assessments, how many became a card?"),
    Measure("tpr", "Sensitivity (TPR)", "of those with the event, how many had a card?", of_model=True),
    Measure("fpr", "False-positive rate (FPR)", "of those without the event, how many had a card?", of_model=True),
    Measure("ppv", "PPV", "of those with a card, how many had the event?", of_model=True),
    Measure("npv", "NPV", "of those without a card, how many had no event?", of_model=True),
    Measure("oe", "Observed over expected", "how many events for each predicted one?", (1.0, ""), of_model=True),
)  # fmt: skip
_OF_ANSWERS = {"override": OVERRIDE, "silence": SILENCE, "acceptance": ACCEPTANCE, "selection": SELECTION}


def measured(key: str, answered: Answers | Refused, judged: Judgement | Refused) -> tuple[Measured, ...] | Refused:
    """The lines of a measure, everybody first; groups of single attributes before their intersections."""
    lines = _lines(key, answered, judged)
    if isinstance(lines, Refused) or max((len(line.group) for line in lines), default=0) < 2:
        return lines
    return tuple(replace(line, name=words.group_name(line.group, whole=True)) for line in lines)


def _lines(key: str, answered: Answers | Refused, judged: Judgement | Refused) -> tuple[Measured, ...] | Refused:
    """By key."""
    if key in _OF_ANSWERS or key == "seconds":
        if isinstance(answered, Refused):
            return answered
        return _medians(answered) if key == "seconds" else _shares(answered.report(_OF_ANSWERS[key]))
    if isinstance(judged, Refused):
        return judged
    if isinstance(judged.found, Refused):
        return judged.found
    if key == "oe":
        return tuple(_ratio(each, judged.found.observed_expected) for each in judged.found.observed_expected)
    return _shares(next(each for each in judged.found.rates if each.name == key.upper()))


def _shares(report: EquityReport) -> tuple[Measured, ...]:
    """A rate by group."""
    return tuple(_share(each) for each in (report.overall, *report.groups))


def _share(each: GroupRate) -> Measured:
    """One group."""
    rate, name = each.rate, words.group_name(each.group)
    if isinstance(rate, Refused):
        return Measured(name, each.group, words.whole(rate), "", None, 0.0, 0.0, False)
    return Measured(
        name, each.group, words.whole(rate), words.whole_interval(rate), round(rate.value, 2), round(rate.low, 2),
        round(rate.high, 2), each.reference and bool(each.group), words.points(each.difference),
        words.times(each.ratio),
    )  # fmt: skip


def _medians(answered: Answers) -> tuple[Measured, ...] | Refused:
    """Time to an answer by group."""
    if isinstance(answered.seconds, Refused):
        return answered.seconds
    references = {each.group for each in answered.report(SELECTION).groups if each.reference}
    return tuple(
        _figure(each.group, each.median, words.seconds, 0, each.group in references)
        for each in _in_order(answered.seconds)
    )


def _in_order(found: Sequence[GroupMedian]) -> list[GroupMedian]:
    """Everybody first."""
    return sorted(found, key=lambda each: len(each.group))


def _ratio(each: GroupFigure, every: Sequence[GroupFigure]) -> Measured:
    """Observed over expected of one group."""
    alone = [it for it in every if tuple(n for n, _ in it.group) == tuple(n for n, _ in each.group)]
    reference = bool(each.group) and each.compared is None and isinstance(each.figure, Estimate) and len(alone) > 1
    ratio = words.times(each.compared)
    return _figure(each.group, each.figure, lambda value: f"{value:.1f}", 1, reference, ratio)


def _figure(
    group: Group,
    figure: Estimate | Refused,
    told: Callable[[float], str],
    digits: int,
    reference: bool,
    ratio: str = "",
) -> Measured:
    """A figure that is no share; `digits` after the point, in the picture too: one can measure there."""
    name = words.group_name(group)
    if isinstance(figure, Refused):
        text = "hidden" if figure.reason.startswith("hidden") else f"no figure: {figure.reason}"
        return Measured(name, group, text, "", None, 0.0, 0.0, False)
    interval = f"{told(figure.low)} to {told(figure.high)}"
    return Measured(
        name,
        group,
        told(figure.value),
        interval,
        round(figure.value, digits),
        round(figure.low, digits),
        round(figure.high, digits),
        reference,
        "",
        ratio,
    )
