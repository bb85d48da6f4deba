"""The geometry of a forest plot: differences or odds ratios, one a line, with intervals. The template draws it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from oversight.pages.pictures.chart import Tick
from oversight.statistics.estimate import Estimate

_WIDTH, _LABELS, _NUMBERS, _ROW, _FOOT, _INSET = 760, 230, 180, 26, 28, 8
_MOST_LETTERS, _MOST_TICKS = 34, 7
_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
_ODDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)


@dataclass(frozen=True, slots=True)
class Compared:
    """One line: its name, its figure (None: there is none), that in words, and whether it is of everything."""

    label: str
    figure: Estimate | None
    words: str
    whole: bool = True


@dataclass(frozen=True, slots=True)
class ForestMark:
    """A line as it is drawn; `x` is None where there is no figure. `short` is the name as far as there is room."""

    label: str
    short: str
    words: str
    y: float
    x: float | None
    low: float
    high: float
    whole: bool


@dataclass(frozen=True, slots=True)
class ForestPicture:
    """Lines from the top down; `same` is where both sides are alike; `parts` where lines of parts begin, if any do."""

    marks: tuple[ForestMark, ...]
    same: float
    parts: float | None
    x_ticks: tuple[Tick, ...]
    height: int
    bottom: int
    width: int = _WIDTH
    left: int = _LABELS
    right: int = _WIDTH - _NUMBERS


def differences(lines: Sequence[Compared]) -> ForestPicture | None:
    """Differences of shares around 0; None where no line has a figure."""
    ends = [end for each in lines if each.figure for end in (each.figure.low, each.figure.high)]
    if not ends:
        return None
    low, high = min(0.0, *ends), max(0.0, *ends)
    step = next((each for each in _STEPS if (high - low) / each <= _MOST_TICKS), _STEPS[-1])
    places = range(math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9) + 1)
    ticks = [(place * step, f"{100 * place * step:+.0f}" if place else "0") for place in places]
    return _drawn(lines, ticks, lambda value: value)


def odds_ratios(lines: Sequence[Compared]) -> ForestPicture | None:
    """Odds ratios around 1, on a scale of logarithms; None where no line has a figure."""
    ends = [end for each in lines if each.figure for end in (each.figure.low, each.figure.high)]
    if not ends:
        return None
    low, high = max(min(0.5, *ends), _ODDS[0]), min(max(2.0, *ends), _ODDS[-1])
    first = max(place for place, odds in enumerate(_ODDS) if odds <= low)
    last = min(place for place, odds in enumerate(_ODDS) if odds >= high)
    ticks = [(odds, f"× {odds:g}") for odds in _ODDS[first : last + 1]]
    return _drawn(lines, ticks, lambda value: math.log(min(max(value, _ODDS[0]), _ODDS[-1])))


def _drawn(
    lines: Sequence[Compared], ticks: Sequence[tuple[float, str]], scale: Callable[[float], float]
) -> ForestPicture:
    """Everything in its place: the ticks, of which one says that both are the same, span the room."""
    low, high = scale(ticks[0][0]), scale(ticks[-1][0])
    room = _WIDTH - _LABELS - _NUMBERS - 2 * _INSET

    def x(value: float) -> float:
        return _LABELS + _INSET + (scale(value) - low) / ((high - low) or 1.0) * room

    same = next(value for value, text in ticks if text in {"0", "× 1"})
    parts = next((place for place, each in enumerate(lines) if not each.whole), None)
    bottom = len(lines) * _ROW
    return ForestPicture(
        tuple(_mark(each, place, x) for place, each in enumerate(lines)),
        x(same),
        None if not parts else parts * _ROW,
        tuple(Tick(x(value), text) for value, text in ticks),
        bottom + _FOOT,
        bottom,
    )


def _mark(each: Compared, place: int, x: Callable[[float], float]) -> ForestMark:
    """One line."""
    label = each.label
    short = label if len(label) <= _MOST_LETTERS else label[: _MOST_LETTERS - 1] + "…"
    y = place * _ROW + _ROW / 2
    if each.figure is None:
        return ForestMark(label, short, each.words, y, None, 0.0, 0.0, each.whole)
    value, low, high = (x(it) for it in (each.figure.value, each.figure.low, each.figure.high))
    return ForestMark(label, short, each.words, y, value, low, high, each.whole)
