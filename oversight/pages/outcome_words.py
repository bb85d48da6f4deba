"""Figures about outcomes as a reader wants them."""

from __future__ import annotations

import re

from oversight.analytics.live_threshold import in_words
from oversight.analytics.side_by_side import Figure
from oversight.proportions import Proportion
from oversight.statistics.refused import Refused
from oversight.statistics.suppression import SMALLEST_SHOWN

# A whole number from 1 to 10 that is no part of another number, no share, and not what is asked for.
_SMALL = re.compile(r"(?<!at least )(?<![\d.,])\b(?:[1-9]|10)\b(?![.,]\d| ?%)")

# By kind: factor, decimals, unit.
_KINDS = {"share": (100.0, 1, " %"), "number": (1.0, 2, ""), "fine": (1.0, 3, ""), "thousand": (1000.0, 1, "")}


def value(it: Figure, kind: str) -> str:
    """`24.5 %`; of a refusal nothing, because its reason stands there."""
    if isinstance(it, Refused):
        return ""
    factor, digits, unit = _KINDS[kind]
    return f"{factor * it.value:,.{digits}f}{unit}"


def interval(it: Figure, kind: str) -> str:
    """`22.8 to 26.3`."""
    if isinstance(it, Refused):
        return ""
    factor, digits, _ = _KINDS[kind]
    return f"{factor * it.low:,.{digits}f} to {factor * it.high:,.{digits}f}"


def beside(it: Figure, kind: str) -> str:
    """What a reader must know of this value: a net benefit (per thousand) below 0 is worse than nothing."""
    if kind != "thousand" or isinstance(it, Refused) or it.value >= 0:
        return ""
    return "below 0: worse than no card at all"


def why(it: object) -> str:
    """The reason of a refusal, or nothing."""
    return without_small(it.reason) if isinstance(it, Refused) else ""


def without_small(text: str) -> str:
    """A sentence in which counts of one to ten are only said to be few; what is needed stays as it is."""
    return _SMALL.sub(f"fewer than {SMALLEST_SHOWN}", text)


def share(it: Proportion | str) -> str:
    """A share of events, or what stands in its place."""
    return it if isinstance(it, str) else f"{100 * it.value:.1f} %"


def ends(it: Proportion | str) -> str:
    """The interval of a share of events."""
    return "" if isinstance(it, str) else f"{100 * it.low:.1f} to {100 * it.high:.1f}"


def hours(number: float) -> str:
    """`5.5 h`, or days from three on."""
    return f"{number:.1f} h" if number < 72 else f"{number / 24:.1f} days"


def risk(number: float) -> str:
    """A risk with as many decimals as it needs: `25 %`, `3.86 %`."""
    return in_words(number)


def band(low: float, high: float) -> str:
    """`3.9 % to 12 %`."""
    return f"{risk(low)} to {risk(high)}"
