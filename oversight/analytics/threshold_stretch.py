"""Stretches of a client's entries that agree with one threshold, and the number that stands for it.

An entry that was withheld as too low tells that the threshold lay above its risk; one that was high enough, that it did
not. Read back from the last entry, entries that agree with one threshold are a stretch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

# Of n entries at one threshold, about 2 in n + 1 have a risk between the highest that was too low and the lowest that
# was not: with a hundred, thresholds that cannot be told apart differ by about 2 % of entries. Fewer are no threshold
# of their own while there is a longer stretch before them: a trial, or an hour with a wrong setting, is that short.
ENOUGH = 100
# What is latest: the days up to the last entry.
RECENT_DAYS = 28
_FIRST_LOOK = 256
# A threshold lies above 0: what stands for one that nothing was too low for, not even a risk of 0.
_LEAST = 0.0001


@dataclass(frozen=True, slots=True, eq=False)
class Entries:
    """Of one client, in the order of the ledger. `low`: too low for a card; `tier`: where the tier begins, or NaN."""

    day: npt.NDArray[np.int64]
    risk: npt.NDArray[np.float64]
    low: npt.NDArray[np.bool_]
    tier: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Entries from `begin` up to, not including, `end`: the threshold is above `below` and at most `upper`."""

    begin: int
    end: int
    below: float
    upper: float


def latest_long(entries: Entries) -> Stretch | None:
    """The latest stretch that is long enough, or that is all there is.

    None where the last `ENOUGH` entries are not past the short ones: then no single threshold has held.
    """
    last = end = len(entries.risk)
    while last - end < ENOUGH and end:
        stretch = _back_from(entries, end)
        if end - stretch.begin >= min(ENOUGH, last):
            return stretch
        end = stretch.begin
    return None


def _back_from(entries: Entries, end: int) -> Stretch:
    """The longest stretch before `end`. Looks twice as far each time, so that a short one is found quickly."""
    size = _FIRST_LOOK
    while True:
        begin = max(0, end - size)
        risk, low = entries.risk[begin:end][::-1], entries.low[begin:end][::-1]
        below = np.maximum.accumulate(np.where(low, risk, -math.inf))
        upper = np.minimum.accumulate(np.where(low, math.inf, risk))
        agree = len(risk) if below[-1] < upper[-1] else int(np.argmax(below >= upper))
        if agree < len(risk) or not begin:
            return Stretch(end - agree, end, float(below[agree - 1]), float(upper[agree - 1]))
        size *= 2


def value_of(entries: Entries, stretch: Stretch) -> float:
    """Where a tier begins within the bounds, else the shortest number there, or the next per cent above them."""
    tiers = entries.tier[stretch.begin : stretch.end][~entries.low[stretch.begin : stretch.end]]
    inside = tiers[(tiers > max(stretch.below, 0.0)) & (tiers <= stretch.upper) & (tiers < 1)]
    return float(inside.min()) if len(inside) else _number(stretch)


def _number(stretch: Stretch) -> float:
    """The shortest number within the bounds, or the next per cent above them; always above 0 and below 1."""
    found = 1.0 if math.isinf(stretch.upper) else _shortest(max(stretch.below, 0.0), stretch.upper)
    return _next_above(stretch.below) if found >= 1 else max(found, _LEAST)


def _next_above(below: float) -> float:
    """The next per cent above a bound, or where there is none below 1, the next of as many decimals as it takes."""
    for digits in range(2, 16):
        scale = 10.0**digits
        found = (math.floor(max(below, 0.0) * scale) + 1) / scale
        # As a product the bound may have lost its last digit: 0.29 is 28 whole per cent and a bit.
        found = found if found > below else (math.floor(below * scale) + 2) / scale
        if found < 1:
            return found
    return math.nextafter(1.0, 0.0)


def most_agree(entries: Entries) -> tuple[float, Stretch]:
    """Of the latest days (and at least `ENOUGH` entries), the threshold that fewest entries speak against."""
    late = entries.day > entries.day[-1] - RECENT_DAYS
    late[-ENOUGH:] = True
    order = np.argsort(entries.risk[late], kind="stable")
    risk, low = entries.risk[late][order], entries.low[late][order]
    # With a risk as threshold, cards of a lower risk speak against it, and so does what was too low from there on.
    # Equal risks lie on one side together, whatever their places. Above all risks every card speaks against it.
    before = np.append(np.searchsorted(risk, risk, "left"), len(risk))
    cards, lows = (np.concatenate([[0], np.cumsum(each)]) for each in (~low, low))
    against = cards[before] + lows[-1] - lows[before]
    first = int(before[np.argmin(against)])
    below = float(risk[first - 1]) if first else -math.inf
    upper = float(risk[first]) if first < len(risk) else math.inf
    stretch = Stretch(0, len(risk), below, upper)
    return _number(stretch), stretch


def agree(one: Stretch, other: Stretch) -> bool:
    """Whether one threshold may be that of both."""
    return max(one.below, other.below) < min(one.upper, other.upper)


def _shortest(low: float, high: float) -> float:
    """The number with fewest decimals above `low` and up to `high`."""
    for digits in range(1, 7):
        scale = 10.0**digits
        found = math.floor(high * scale) / scale
        if low < found <= high:
            return found
    return high
