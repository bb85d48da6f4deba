"""The card of a risk: how high, how sure, what moved it, one action."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import tzinfo

from cds_hooks.card_parts import (
    LONG,
    SUMMARY_LIMIT,
    bases,
    consider,
    gaps,
    gfm_table,
    joined,
    measured_at,
    newest,
    signature,
    when,
)
from cds_hooks.score_card import beside
from cds_hooks.words import cut, escape
from clinical import wording
from clinical.assessment import Driver, Explanation, Indicator, Observed, RiskAssessment
from clinical.wording import percent

DRIVERS_UP = 3
DRIVERS_DOWN = 1
WIDE = 0.2
READ_ROUGHLY = "That group is wide: read the estimate as high or low, not to the percent."
FLAGS = ("", "1")


def summary(found: RiskAssessment) -> str:
    """What, how high, by when; then how sure and what is usual. Whatever has to be cut, the numbers stay."""
    number = f": {percent(found.probability)} "
    known = [f"range {wording.spread(found.interval)}"] if found.interval else []
    known += [f"average {percent(found.model.base_rate)}"] if _has_average(found) else []
    tail = f" ({', '.join(known)})" if known else ""
    what = cut(f"{_kind(found)} of {found.model.outcome}", SUMMARY_LIMIT // 2)
    rest = cut(found.model.horizon, SUMMARY_LIMIT - len(what) - len(number) - len(tail))
    return cut(f"{what}{number}{rest}{tail}", SUMMARY_LIMIT)


def _kind(found: RiskAssessment) -> str:
    """What comes first. The lowest tier goes without its word: "usual" above the average would be a contradiction.

    A weak answer claims no tier.
    """
    if found.weak:
        return "Weak estimate, risk"
    return "Risk" if found.tier.indicator is Indicator.INFO else f"{found.tier.name.capitalize()} risk"


def _has_average(found: RiskAssessment) -> bool:
    """Whether there were patients to learn from: an equation out of a paper brings no average."""
    return found.model.base_rate > 0


def detail(found: RiskAssessment, zone: tzinfo) -> str:
    """The explanation in Markdown, most useful lines first."""
    up, down = _strongest(found.explanation)
    return joined(
        [
            _weakness(found),
            _headline(found),
            _unlike(found),
            _table("Raises the risk", up, found, zone),
            _table("Lowers the risk", down, found, zone),
            "Odds say what moved this estimate; they are not effects of treatment.",
            consider(found),
            beside(found.comparators, found.unanswered),
            _others(found),
            when(found, zone),
            _range(found),
            _uncertainty(found),
            _completeness(found),
            gaps(found),
            " ".join(part for part in (signature(found), escape(found.model.validation, LONG)) if part),
        ]
    )


def _headline(found: RiskAssessment) -> str:
    """The number as a frequency, beside that of the patients the model learned from."""
    many = wording.of_hundred(found.probability).capitalize()
    text = f"**{many} by the model's estimate: {escape(found.model.outcome)}** {escape(found.model.horizon)}."
    average = f" Average of the patients the model learned from: {percent(found.model.base_rate)}."
    return text + (average if _has_average(found) else "")


def _weakness(found: RiskAssessment) -> str:
    """Why this is no alert."""
    return f"**Too weak for an alert:** {escape(found.weak.rstrip('.'), LONG)}." if found.weak else ""


def _unlike(found: RiskAssessment) -> str:
    """Values that the model has not learned from."""
    if not found.unusual:
        return ""
    return f"**Outside what the model learned from:** {'; '.join(map(escape, found.unusual))}."


def _others(found: RiskAssessment) -> str:
    """Further probabilities of the same model, on one line."""
    texts = [f"{escape(other.label)} {percent(other.probability)}" for other in found.others]
    return f"Also estimated: {'; '.join(texts)}." if texts else ""


def _range(found: RiskAssessment) -> str:
    """What the range is."""
    if not found.interval:
        return ""
    return f"**Range {wording.spread(found.interval)}:** earlier patients cannot tell it more exactly."


def _strongest(explanation: Explanation) -> tuple[list[Driver], list[Driver]]:
    """The drivers that a card names: the strongest that raise the risk, and the strongest that lowers it.

    One without a value stays off the card: "not measured, lowers the risk" would be read as advice not to measure.
    """
    up: list[Driver] = []
    down: list[Driver] = []
    for driver in explanation.ranked():
        if len(up) >= DRIVERS_UP and len(down) >= DRIVERS_DOWN:
            break  # all that follow are weaker still
        direction = wording.direction(driver.odds_multiplier)
        if direction != "no change" and driver.measured:
            (up if direction == "raises" else down).append(driver)
    return up[:DRIVERS_UP], down[:DRIVERS_DOWN]


def _uncertainty(found: RiskAssessment) -> str:
    """How far the number can be trusted: what happened, in validation, where about this risk was given."""
    seen = found.observed
    if seen is None:
        return "How far a risk of this size can be off was not measured."
    low, high = wording.percent_points(seen.lower), wording.percent_points(seen.upper)
    text = (
        f"**In validation:** of {seen.patients:,} {seen.noun} given {_span(seen)}, {percent(seen.share)} had this "
        f"outcome (95 % interval {low} to {high} %)."
    )
    return f"{text} {READ_ROUGHLY}" if _is_wide(seen) else text


def _span(seen: Observed) -> str:
    """The risks that were put together."""
    if seen.low <= 0:
        return f"less than {percent(seen.high)}"
    return f"{percent(seen.low)} or more" if seen.high >= 1 else f"{percent(seen.low)} to {percent(seen.high)}"


def _is_wide(seen: Observed) -> bool:
    """Whether one share stands for estimates that lie far apart."""
    return seen.high - seen.low > WIDE


def _completeness(found: RiskAssessment) -> str:
    """How much of what the model knows was there, by number and by weight."""
    texts = []
    if found.signals:
        texts.append(f"{found.signals - len(found.missing)} of {found.signals} signals have a usable value")
    if found.coverage < 1:
        texts.append(f"{percent(found.coverage)} of what the model weighs was found")
    return f"Data: {'; '.join(texts)}." if texts else ""


def _table(title: str, drivers: Iterable[Driver], found: RiskAssessment, zone: tzinfo) -> str:
    """Drivers with value, unit, time and effect."""
    rows = [(escape(driver.label), _value(driver), _measured(driver, found, zone), _odds(driver)) for driver in drivers]
    return gfm_table((title, "Latest value", "Measured", "Odds"), rows)


def _odds(driver: Driver) -> str:
    """What a driver does to the odds."""
    return wording.multiplier(driver.odds_multiplier)


def _measured(driver: Driver, found: RiskAssessment, zone: tzinfo) -> str:
    """When the newest value of a driver was measured, or what it rests on was written down."""
    facts = () if driver.latest is None else (driver.latest,)
    behind = (basis for part in driver.parts for basis in part.basis)
    return measured_at(newest(facts, behind), found.as_of, zone)


def _value(driver: Driver) -> str:
    """What a driver's value is, and what it rests on; or that nothing was measured.

    A flag that is up says no more than the diagnosis behind it.
    """
    value, unit = driver.shown
    behind = bases(basis for part in driver.parts for basis in part.basis)
    if value is None:
        return behind or "not measured"
    if behind and unit in FLAGS and value == 1:
        return behind
    shown = escape(wording.measured(value, unit))
    return f"{shown} ({behind})" if behind else shown
