"""The plane of a drawing: where a value lies in it, and the marks on its axes. y grows downwards."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from oversight.pages.pictures.chart import Tick

WIDTH, HEIGHT = 760, 300
LEFT, RIGHT, TOP, BOTTOM = 56, 30, 24, 44


@dataclass(frozen=True, slots=True)
class Plane:
    """Values from `x_low` to `x_high` and `y_low` to `y_high` (both not empty) in a drawing of this size."""

    x_low: float
    x_high: float
    y_low: float
    y_high: float
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM

    def x(self, value: float) -> float:
        """From left to right."""
        return self.left + (value - self.x_low) / (self.x_high - self.x_low) * (self.right - self.left)

    def y(self, value: float) -> float:
        """From the bottom up."""
        return self.bottom - (value - self.y_low) / (self.y_high - self.y_low) * (self.bottom - self.top)

    def path(self, points: Sequence[tuple[float, float]]) -> str:
        """A line through values, as the `d` of an SVG path."""
        return "M" + "L".join(f"{self.x(x):.1f} {self.y(y):.1f}" for x, y in points) if points else ""

    def share_ticks(self) -> tuple[Tick, ...]:
        """Marks at whole tenths, or fifths, of a share."""
        step = 0.1 if self.y_high - self.y_low <= 0.5 else 0.2
        first = math.ceil(self.y_low / step - 1e-9)
        last = math.floor(self.y_high / step + 1e-9)
        return tuple(Tick(self.y(step * n), f"{100 * step * n:.0f} %") for n in range(first, last + 1))


def share_range(values: Sequence[float]) -> tuple[float, float]:
    """Whole tenths around shares, at least two tenths apart."""
    low = math.floor(10 * min(values, default=0.0) + 1e-9) / 10
    high = math.ceil(10 * max(values, default=1.0) - 1e-9) / 10
    if high - low >= 0.2:
        return low, high
    return (max(0.0, high - 0.2), high) if high >= 1 else (low, low + 0.2)
