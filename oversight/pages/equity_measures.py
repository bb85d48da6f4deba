"""Each measure of the equity page as lines of one kind: a group, its figure, and how the largest group compares."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from oversight.analytics.equity import Answers, Judgement
from oversight.analytics.equity_rates import (
    ACCEPTANCE,
    ACTED,
    ANOTHER_REASON,
    NOT_ASSESSED,
    OVERRIDE,
    REFLEX,
    REPEATED,
    SELECTION,
    SILENCE,
    WITHHELD,
    reason_name,
)
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


class About(StrEnum):
    """What a measure is of, which is also the table it stands in."""

    ANSWERS = "Cards and answers"
    WAY = "Before and after the card"
    OVERRIDES = "How cards were overridden"
    MODEL = "How well the model does"
    MODEL_TOO = "The model, told the other way round"


@dataclass(frozen=True, slots=True)
class Measure:
    """What may be chosen: its name, its question, and the scale of its picture (factor and unit)."""

    key: str
    name: str
    question: str
    about: About
    scale: tuple[float, str] = (100.0, " %")

    @property
    def of_model(self) -> bool:
        """Whether it needs outcomes."""
        return self.about in {About.MODEL, About.MODEL_TOO}


_ANSWERS, _WAY, _OVERRIDES, _MODEL, _MODEL_TOO = About
MEASURES = (
    Measure("override", "Override rate", "of answered cards, how many were overridden?", _ANSWERS),
    Measure("silence", "No answer", "of the cards shown, how many got no answer?", _ANSWERS),
    Measure("acceptance", "Acceptance rate", "of the cards shown, how many were accepted?", _ANSWERS),
    Measure("seconds", "Time to an answer", "how long did it take, at the same mix of risk and answer?", _ANSWERS,
            (1.0, " s")),
    Measure("selection", "Cards per assessment", "of the assessments, how many became a card?", _WAY),
    Measure("unassessed", "Not assessed", "of the questions to the model, how many could it not answer?", _WAY),
    Measure("withheld", "Withheld", "of what was high enough for a card, how much did another rule withhold?", _WAY),
    Measure("repeated", "Repeats", "of the cards shown, how many had come to the same person within 72 hours?", _WAY),
    Measure("acted", "Action seen", "after how many of the cards shown was an action seen in the record?", _WAY),
    Measure("reflex", "Within 2 seconds", "of the overridden cards, how many were overridden too soon to be read?",
            _OVERRIDES),
    Measure("tpr", "Sensitivity (TPR)", "of those with the event, how many had a card?", _MODEL),
    Measure("fpr", "False-positive rate (FPR)", "of those without the event, how many had a card?", _MODEL),
    Measure("ppv", "PPV", "of those with a card, how many had the event?", _MODEL),
    Measure("npv", "NPV", "of those without a card, how many had no event?", _MODEL),
    Measure("oe", "Observed over expected", "how many events for each predicted one?", _MODEL, (1.0, "")),
    Measure("fnr", "Missed (FNR)", "of those with the event, how many had no card?", _MODEL_TOO),
    Measure("tnr", "Specificity (TNR)", "of those without the event, how many had no card?", _MODEL_TOO),
    Measure("accuracy", "Accuracy", "how many had a card and the event, or neither?", _MODEL_TOO),
    Measure("events", "Event rate", "how many had the event?", _MODEL_TOO),
)  # fmt: skip
# Reasons are those that the figures know, each a measure of its own: its key is this and the reason's code.
REASON = "reason:"
_NO_ACTIONS = Refused("no actions have been loaded, so nothing is known of what was done after a card")
_REPORTS = {
    "override": OVERRIDE, "silence": SILENCE, "acceptance": ACCEPTANCE, "selection": SELECTION,
    "unassessed": NOT_ASSESSED, "withheld": WITHHELD, "repeated": REPEATED, "acted": ACTED, "reflex": REFLEX,
    "tpr": "TPR", "fpr": "FPR", "ppv": "PPV", "npv": "NPV", "fnr": "FNR", "tnr": "TNR", "accuracy": "accuracy",
    "events": "event rate", REASON: ANOTHER_REASON,
}  # fmt: skip


def measures_of(answered: Answers | Refused) -> tuple[Measure, ...]:
    """All measures that there are: the reasons of overrides among them that some overrides gave."""
    reasons = () if isinstance(answered, Refused) else answered.reasons
    if not reasons:
        return MEASURES
    asked = "of the overridden cards, how many gave {} as the reason?"
    named = [Measure(REASON + code, told, asked.format(f"“{told}”"), _OVERRIDES) for code, told in reasons]
    another = Measure(REASON, "Another reason, or none", asked.format("another reason, or none,"), _OVERRIDES)
    first = next(place for place, each in enumerate(MEASURES) if each.about is _MODEL)
    return (*MEASURES[:first], *named, another, *MEASURES[first:])


def report_name(key: str) -> str:
    """What the statistics call a rate; no name of theirs for what is no rate."""
    return _REPORTS[key] if key in _REPORTS else reason_name(key.removeprefix(REASON))


def measured(key: str, answered: Answers | Refused, judged: Judgement | Refused) -> tuple[Measured, ...] | Refused:
    """The lines of a measure, everybody first; groups of single attributes before their intersections."""
    lines = _lines(key, answered, judged)
    if isinstance(lines, Refused) or max((len(line.group) for line in lines), default=0) < 2:
        return lines
    return tuple(replace(line, name=words.group_name(line.group, whole=True)) for line in lines)


def _lines(key: str, answered: Answers | Refused, judged: Judgement | Refused) -> tuple[Measured, ...] | Refused:
    """By key."""
    if not any(each.key == key and each.of_model for each in MEASURES):
        return _of_answers(key, answered)
    if isinstance(judged, Refused):
        return judged
    if isinstance(judged.found, Refused):
        return judged.found
    if key == "oe":
        return tuple(_ratio(each, judged.found.observed_expected) for each in judged.found.observed_expected)
    return _shares(next(each for each in judged.found.rates if each.name == report_name(key)))


def _of_answers(key: str, answered: Answers | Refused) -> tuple[Measured, ...] | Refused:
    """What needs no outcome."""
    if isinstance(answered, Refused):
        return answered
    if key == "seconds":
        return _medians(answered)
    name = report_name(key)
    return _shares(answered.report(name)) if answered.has(name) else _NO_ACTIONS


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
