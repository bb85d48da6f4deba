"""What a written risk says in words: why, and what a reader of the chart has to know about the number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC

from clinical import wording
from clinical.assessment import Driver, RiskAssessment, Score, ScoreItem

Answer = RiskAssessment | Score

MOST_REASONS = 5
MOST_NAMES = 20
LONGEST = 200
JUDGEMENT = "Chartside supports clinical judgement, it does not replace it."


def plain(text: str, limit: int = LONGEST) -> str:
    """One line of printable text, cut: labels and answers may come from a sender."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def about(found: Answer) -> str:
    """`death in hospital during this hospital stay`."""
    horizon = found.model.horizon
    return plain(found.model.outcome if horizon == "now" else f"{found.model.outcome} {horizon}")


def result(found: Answer) -> str:
    """The number in words, with what it is a number of."""
    if isinstance(found, RiskAssessment):
        return f"{wording.percent(found.probability)} ({wording.of_hundred(found.probability)}), tier {found.tier.name}"
    value = wording.scored(found.value, found.unit)
    if not found.whole:
        value += f" counted so far, at most {wording.scored(found.highest, found.unit)}"
    if found.maximum is not None:
        value += f" (the score goes up to {wording.number(found.maximum)})"
    return f"{value}, {found.band}"


def rationale(found: Answer) -> str:
    """The number, then what counts most in it (RiskAssessment.prediction.rationale)."""
    return f"{plain(result(found))}. {'; '.join(_reasons(found))}."


def _reasons(found: Answer) -> Iterator[str]:
    """The strongest drivers of a risk, or all lines of a score."""
    if isinstance(found, Score):
        yield from (_line(item) for item in found.items[:MOST_NAMES])
        return
    drivers = found.explanation.drivers()
    yield from (_driver(driver) for driver in drivers[:MOST_REASONS])
    if len(drivers) > MOST_REASONS:
        yield f"{len(drivers) - MOST_REASONS} more with smaller effects"


def _driver(driver: Driver) -> str:
    """`Lactate 4.1 mmol/L: raises the risk (odds × 3.3)`."""
    value, unit = driver.shown
    shown = wording.measured(value, unit) if value is not None and unit != "1" else ""
    name = f"{driver.label} {shown}".rstrip() if driver.measured else f"{driver.label}, not measured"
    effect = wording.direction(driver.odds_multiplier)
    effect = effect if effect == "no change" else f"{effect} the risk"
    return f"{plain(name)}: {effect} (odds {wording.multiplier(driver.odds_multiplier)})"


def _line(item: ScoreItem) -> str:
    """`Respiratory rate: 26 /min (3)`."""
    name = plain(f"{item.label}: {item.found or 'not found'}")
    return name if item.points is None else f"{name} ({wording.number(item.points)})"


def note(found: Answer, more_facts: int) -> str:
    """What stands beside the number. `more_facts` is how many sources the list of sources leaves out."""
    kind = (
        "an estimate of a statistical model" if isinstance(found, RiskAssessment) else "a score worked out as published"
    )
    lines = [
        f"From Chartside: {plain(found.model.title)}, version {plain(found.model.version)}, {kind}. {JUDGEMENT}",
        f"As of {wording.moment(found.as_of, UTC)}{', ' + plain(found.situation) if found.situation else ''}.",
        *(_of_risk(found) if isinstance(found, RiskAssessment) else ()),
        *_gaps(found),
        f"{more_facts} more facts were used than are listed as sources." if more_facts else "",
        f"Intended use: {plain(found.model.intended_use, 600)}" if found.model.intended_use else "",
    ]
    return "\n\n".join(line for line in lines if line)


def _of_risk(found: RiskAssessment) -> Iterator[str]:
    """Weakness, interval, validation, and scores of the same moment."""
    yield "The decimal number of the probability is in per cent, as FHIR R4 has it."
    if found.weak:
        yield f"This answer is too weak for an alert: {plain(found.weak)}."
    if found.interval:
        yield f"The model's own range for this risk is {wording.spread(found.interval)}."
    if found.observed is not None:
        seen, low, high = found.observed, found.observed.lower, found.observed.upper
        yield (
            f"In validation, {seen.events:,} of {seen.patients:,} {seen.noun} with a risk like this had the outcome "
            f"(95 % interval {wording.spread((low, high))})."
        )
    if found.unusual:
        yield f"Outside what the model was trained on: {_few(found.unusual)}."
    for score in found.comparators[:MOST_NAMES]:
        yield f"At the same moment, {plain(score.model.title)}: {plain(result(score))}."


def _gaps(found: Answer) -> Iterator[str]:
    """What was not there, not used, or read in part, and how old the rest is."""
    if found.missing:
        yield f"Not found: {_few(found.missing)}."
    if found.unused:
        yield f"Facts that were read and could not be used: {len(found.unused)}."
    if found.incomplete:
        yield f"Read only in part: {_few(found.incomplete)}."
    if found.caveats:
        yield f"About the record: {_few(found.caveats)}."
    if found.oldest is not None and found.newest is not None:
        yield f"Values from {wording.moment(found.oldest, UTC)} to {wording.moment(found.newest, UTC)}."


def _few(names: Iterable[str]) -> str:
    """The first names, and how many more there are."""
    known = [plain(name).rstrip(".") for name in names]
    more = len(known) - MOST_NAMES
    return "; ".join(known[:MOST_NAMES]) + (f"; and {more} more" if more > 0 else "")
