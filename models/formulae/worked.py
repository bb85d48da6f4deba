"""What a point score gives back, and how it is put together.

Every score counts what was found, so `value` is the least that the score can be; `highest` is the most that it can be
when whatever was not found is at its worst.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

FLAG = "1"
Given = Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a score.

    `points` is None where nothing was found for the line, and then `rule` is empty; `most` is the highest number of
    points that the line can give; `rule` is the band that gave the points, in a clinician's words ("111 to 130").
    `unsettled` marks a line that was found and could still gain points from what was not.
    """

    name: str
    points: float | None
    most: float
    rule: str
    unsettled: bool = False


@dataclass(frozen=True, slots=True)
class Worked:
    """A score that was worked out.

    `value` counts what was found, `highest` adds the worst case of what was not; `band` is the name that the published
    rule gives to `value` (empty where it gives none); `maximum` the highest value that the score knows.
    """

    value: float
    highest: float
    lines: tuple[Line, ...]
    band: str
    maximum: float | None


@dataclass(frozen=True, slots=True)
class Band:
    """Values up to and including `to`, after the band before it, give `points`."""

    to: float
    points: float
    rule: str


def checked(given: Given, inputs: Mapping[str, str]) -> Given:
    """The same inputs with all names there. Raises ValueError for unknown names, numbers not finite, flags not 0 or 1.

    No clinical value stands in the message.
    """
    unknown = sorted(set(given) - set(inputs))
    if unknown:
        raise ValueError(f"This score knows no input named {', '.join(unknown)}.")
    for name, value in given.items():
        _check(name, value, inputs[name])
    return {name: given.get(name) for name in inputs}


def _check(name: str, value: float | None, unit: str) -> None:
    """Refuse what cannot be a measured value or a flag."""
    if value is None:
        return
    if not math.isfinite(value):
        raise ValueError(f"The input {name} is not a finite number.")
    if unit == FLAG and value not in (0.0, 1.0):
        raise ValueError(f"The input {name} is a flag: 1 or 0.")
    if value < 0:
        raise ValueError(f"The input {name} is negative.")


def in_steps(value: float, step: float) -> float:
    """The value rounded half up to the resolution of a chart (1 /min, 0.1 °C).

    The small term keeps a value that arithmetic has moved by its last digit (38.05 as 38.04999…) where it belongs.
    """
    return math.floor(value / step + 0.5 + 1e-9) * step


def tidy(value: float) -> float:
    """The value without the noise of a unit conversion: (100.4 °F − 32) / 1.8 is 38, not 38.00000000000001."""
    return round(value, 6)


def banded(name: str, value: float | None, bands: Sequence[Band]) -> Line:
    """The line that a table of bands gives, with the bands in rising order and the last without an end."""
    most = max(band.points for band in bands)
    if value is None:
        return Line(name, None, most, "")
    found = next(band for band in bands if tidy(value) <= band.to)
    return Line(name, found.points, most, found.rule)


def flagged(name: str, flag: float | None, points: float, yes: str = "yes", no: str = "no") -> Line:
    """The line of a yes/no item."""
    if flag is None:
        return Line(name, None, points, "")
    return Line(name, points if flag else 0.0, points, yes if flag else no)


def counted(lines: Sequence[Line]) -> float:
    """The points of the lines that were found."""
    return math.fsum(line.points or 0.0 for line in lines)


def worked(lines: Sequence[Line], *, band: str, maximum: float, unsettled: float = 0.0) -> Worked:
    """Add up. `unsettled` are points that lines which were found could still gain from an input that was not."""
    value = counted(lines)
    missing = math.fsum(line.most for line in lines if line.points is None)
    return Worked(value, value + missing + unsettled, tuple(lines), band, maximum)
