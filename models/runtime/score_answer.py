"""What the `score.py` of a model gives back: a score that was worked out, or a probability with its parts.

`answer(given)` gets a number (or None) for each input by name. It may also refuse: `lacking` where something is missing
that the manifest cannot name as required, `outside` where the score is not meant for the patient. A ValueError of an
equation (a value that it was not made for) is a refusal too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from clinical.assessment import AbstentionReason
from models.formulae.worked import Given, Worked
from models.runtime.whereabouts import Refusal, outside

__all__ = [
    "Given", "Probability", "Refusal", "Result", "Work", "Worked",
    "between", "first", "lacking", "outside", "plain", "worst",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Probability:
    """A probability that its parts explain exactly: `base_log_odds` plus all `parts` is its log-odds.

    `parts` are log-odds by the name of an item. `others` are further probabilities by their label. `shown` says, by
    item, the value and unit to show where that is not what was found but what was made of it: eGFR of a creatinine.
    """

    value: float
    base_log_odds: float
    parts: Mapping[str, float]
    others: tuple[tuple[str, float], ...] = ()
    shown: Mapping[str, tuple[float, str]] = field(default_factory=dict)


Result = Worked | Probability | Refusal
Work = Callable[[Given], Result]


def plain(value: float, *, band: str = "", highest: float | None = None, maximum: float | None = None) -> Worked:
    """The number of an equation. It has no points, so its lines are its inputs as they were found."""
    return Worked(value, value if highest is None else highest, (), band, maximum)


def between(least: Worked, most: Worked) -> Worked:
    """The least of two ways to work a score out, with the most of the other; lines that differ could still gain."""
    points = {line.name: line.points for line in most.lines}
    lines = tuple(
        replace(line, unsettled=line.unsettled or (line.points is not None and line.points != points[line.name]))
        for line in least.lines
    )
    return replace(least, highest=max(least.highest, most.highest), lines=lines)


def lacking(*labels: str) -> Refusal:
    """There is no answer, because these were not found."""
    text = f"not found: {', '.join(labels)}"
    return Refusal(AbstentionReason.NOT_ENOUGH_DATA, text, in_population=True, missing=labels)


def worst(*values: float | None) -> float | None:
    """The highest number that there is."""
    return max((value for value in values if value is not None), default=None)


def first(*values: float | None) -> float | None:
    """The first number that there is."""
    return next((value for value in values if value is not None), None)
