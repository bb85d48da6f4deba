"""How sure an answer is, and what limits it for this very patient.

What training and validation say beyond the assessment (`Learned`) the factory hands over, by the id of the model; where
it is not known, nothing is claimed about it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from clinical import wording
from clinical.assessment import Attribution, Observed, RiskAssessment
from smart_app.ports.learned import Learned

AGE, SEX, HOURS = "age", "sex", "hours"
# Fewer than this many patients are told as "few"; a bin this wide stands for estimates that lie far apart. Shares of
# patients: a difference that nobody acts on, and one that nobody overlooks. All are this page's choice.
FEW = 200
WIDE = 0.2
SLIGHT = 0.02
FAR = 0.1
# How near to an end counts as the edge.
EDGE_YEARS = 2
EDGE_HOURS = 6.0


NOTHING = Learned()


@dataclass(frozen=True, slots=True)
class Sureness:
    """How a risk of this size came true in validation. `care` marks that the two do not agree."""

    words: str
    care: bool


def sureness(found: RiskAssessment) -> Sureness:
    """What happened, when the model was checked, to patients who were given about this risk."""
    seen = found.observed
    if seen is None:
        return Sureness("How often a risk of this size comes true was not checked.", care=False)
    of_hundred = f"{wording.percent_points(seen.share)} of 100"
    care = _disagrees(found.probability, seen)
    ends = f"{wording.percent_points(seen.lower)} to {wording.percent_points(seen.upper)}"
    if not care:
        return Sureness(
            f"When the model was checked, {of_hundred} of the {seen.noun} given {_span(seen)} had this outcome "
            f"({seen.patients:,} {seen.noun}; 95 % interval {ends} of 100).",
            care=False,
        )
    few = f"few {seen.noun} ({seen.patients})" if seen.patients < FEW else f"{seen.patients:,} {seen.noun}"
    size = "so high a risk" if seen.high >= 1 else "so low a risk" if seen.low <= 0 else "about this risk"
    return Sureness(
        f"when the model was checked, {few} had {size} ({_span(seen)}); {of_hundred} of them had this outcome "
        f"(95 % interval {ends} of 100). Read the number as {_size(seen)}, not to the percent.",
        care=True,
    )


def _disagrees(probability: float, seen: Observed) -> bool:
    """Whether the estimate and what was observed are further apart than anybody should have to reconcile.

    Either the estimate lies outside the interval (of a narrow bin between two others its own ends count, not one point
    in it), or the two numbers are far apart and the share is not even one of the risks that were put together.
    """
    alone = seen.high >= 1 or seen.low <= 0 or seen.high - seen.low > WIDE
    low, high = (probability, probability) if alone else (seen.low, seen.high)
    outside = high < seen.lower - SLIGHT or low > seen.upper + SLIGHT
    far = abs(seen.share - probability) >= FAR and not seen.low <= seen.share <= seen.high
    return outside or far


def _size(seen: Observed) -> str:
    """Which end of the scale."""
    return "high" if seen.high >= 1 else "low" if seen.low <= 0 else "rough"


def _span(seen: Observed) -> str:
    """The risks that were put together."""
    if seen.low <= 0:
        return f"less than {wording.percent(seen.high)}"
    if seen.high >= 1:
        return f"{wording.percent(seen.low)} or more"
    return f"{wording.percent(seen.low)} to {wording.percent(seen.high)}"


def limits_of(found: RiskAssessment, learned: Learned = NOTHING) -> tuple[str, ...]:
    """Why this answer may be further off than usual, one sentence each, without a full stop."""
    known = {part.feature: part for part in found.explanation.attributions}
    return (
        *_told(found),
        *_age(known.get(AGE), learned),
        *_hours(known.get(HOURS), learned),
        *_groups(known, learned),
    )


def _told(found: RiskAssessment) -> Iterator[str]:
    """What the assessment says itself."""
    if found.weak:
        yield f"Too weak for an alert: {found.weak.rstrip('.')}"
    if found.unusual:
        yield f"Outside what the model learned from: {', '.join(found.unusual)}"
    if found.coverage < 1 and not found.weak:
        yield f"Only {wording.percent(found.coverage)} of what usually decides this model's answer was found"
    if sureness(found).care:
        yield "The risk and what happened to such patients when the model was checked do not agree (see above)"
    if found.observed is None:
        yield "How often a risk of this size comes true was not checked"


def _age(part: Attribution | None, learned: Learned) -> Iterator[str]:
    """An age that the model cannot tell from others, or that it hardly saw."""
    if part is None or part.value is None:
        return
    age = part.value
    if learned.age_cap and age >= learned.age_cap:
        yield f"All ages from {wording.number(learned.age_cap)} on look the same to this model"
    elif learned.ages is not None and (age - learned.ages[0] <= EDGE_YEARS or learned.ages[1] - age <= EDGE_YEARS):
        low, high = learned.ages
        years = f"{wording.number(low)} to {wording.number(high)} years"
        yield f"Age {wording.number(math.floor(age))} is at the edge of the ages that the model learned from ({years})"


def _hours(part: Attribution | None, learned: Learned) -> Iterator[str]:
    """The end of the window in which there is an answer."""
    if part is None or part.value is None or learned.hours is None:
        return
    end = learned.hours[1]
    if end - part.value <= EDGE_HOURS:
        yield f"Hour {math.floor(part.value)}: the model answers only up to hour {wording.number(end)}"


def _groups(known: Mapping[str, Attribution], learned: Learned) -> Iterator[str]:
    """Groups of this patient that validation could not judge."""
    for kind in (AGE, SEX):
        part, groups = known.get(kind), [group for group in learned.groups if group.kind == kind]
        if not groups or part is None:
            continue
        words = "age" if kind == AGE else "sex"
        value = None if part.value is None else math.floor(part.value)
        mine = next((group for group in groups if value is not None and group.low <= value <= group.high), None)
        if mine is None:
            yield f"The model was not checked for patients of this {words}"
        elif mine.too_few:
            yield f"Too few patients of this {words} ({mine.label}: {mine.patients}) to check the model for them"
