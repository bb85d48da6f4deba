"""The check that an equation makes on its inputs."""

from __future__ import annotations

import math


def within(name: str, value: float, low: float, high: float, unit: str, *, below: bool = False) -> float:
    """The value, if it lies from `low` to `high` (with `below`: below `high`). Raises ValueError in words.

    The message names the range and never the value.
    """
    inside = low <= value < high if below else low <= value <= high
    if not (math.isfinite(value) and inside):
        upper = f"below {high:g}" if below else f"{high:g}"
        raise ValueError(f"{name} is outside {low:g} to {upper} {unit}".rstrip() + ".")
    return value


def positive(name: str, value: float) -> float:
    """The value, if it is a number above 0. Raises ValueError in words."""
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"{name} is not above 0.")
    return value


def adult(age: float) -> float:
    """The age, if it is 18 to 120 years. Raises ValueError in words."""
    return within("Age", age, 18, 120, "years")
