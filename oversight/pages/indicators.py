"""The figures at the head of a page, each with what it was in the period before."""

from __future__ import annotations

from dataclasses import dataclass, replace

from oversight.analytics.burden import Burden
from oversight.analytics.funnel import Funnel
from oversight.pages import words
from oversight.proportions import Proportion
from oversight.statistics.estimate import Estimate
from oversight.statistics.two_proportions import difference


@dataclass(frozen=True, slots=True)
class Indicator:
    """A figure in large type, what it is of, and how it compares with the period before."""

    name: str
    value: str
    detail: str
    change: str


def indicators(
    now: tuple[Funnel, Burden], before: tuple[Funnel, Burden], without_before: str = ""
) -> tuple[Indicator, ...]:
    """The strip of figures; the override rate has the share without an answer as its neighbour.

    `without_before` says why nothing can be compared with the period before; then it stands in place of each change.
    """
    strip = _indicators(now, before)
    return tuple(replace(each, change=without_before) for each in strip) if without_before else strip


def _indicators(now: tuple[Funnel, Burden], before: tuple[Funnel, Burden]) -> tuple[Indicator, ...]:
    """Each with its change."""
    (counts, cost), (old, old_cost) = now, before
    seconds, old_seconds = (each.seconds[1] if each.seconds else None for each in (cost, old_cost))
    return (
        Indicator(
            "Cards per 100 encounters",
            words.number(cost.per_100_encounters),
            f"{cost.cards:,} cards, {words.people(cost.encounters)} encounters",
            _moved(cost.per_100_encounters, old_cost.per_100_encounters, words.number),
        ),
        _share("Override rate", counts.override_rate, old.override_rate, "answered cards"),
        _share("No answer", counts.no_answer_share, old.no_answer_share, "cards"),
        _share("Repeats within 72 hours", cost.repeats, old_cost.repeats, "cards"),
        Indicator(
            "Median time to an answer",
            words.duration(seconds),
            f"middle half {words.duration(cost.seconds[0])} to {words.duration(cost.seconds[2])}"
            if cost.seconds
            else "nothing was answered",
            _moved(seconds, old_seconds, words.duration),
        ),
        _share("Dismissed within 2 seconds", cost.reflex, old_cost.reflex, "overrides with a time"),
    )


def _share(name: str, now: Proportion | None, before: Proportion | None, of: str) -> Indicator:
    """A share with its interval, and its difference from the period before."""
    if now is None:
        return Indicator(name, words.DASH, f"there are no {of}", "")
    detail = f"{now.count:,} of {now.total:,} {of}; 95 % interval {words.interval(now)}"
    return Indicator(name, words.headline(now), detail, _points(now, before))


def _points(now: Proportion, before: Proportion | None) -> str:
    """The crude difference, of cards taken as independent, with its interval, and whether it may be chance."""
    if before is None:
        return "no such figure in the period before"
    change: Estimate = difference(now, before)
    certain = "" if change.low > 0 or change.high < 0 else "; may be chance"
    return f"before {words.percent(before)} (crude {words.points(change)}{certain})"


def _moved(now: float | None, before: float | None, told: object) -> str:
    """What a figure without an interval was."""
    if before is None or now is None or not callable(told):
        return "no such figure in the period before"
    change = f", {100 * (now / before - 1):+.0f} %" if before else ""
    return f"before {told(before)}{change}"
