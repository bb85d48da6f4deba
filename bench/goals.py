"""A figure beside its goal."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Goal:
    """What is measured, what it may be at most, in which unit, and with how many digits it is told."""

    what: str
    most: float
    unit: str
    digits: int = 2

    def met(self, value: float) -> bool:
        """Whether a value keeps it; NaN does not."""
        return value <= self.most

    def verdict(self, value: float) -> str:
        """The goal and whether it is met."""
        return f"Goal at most {self.most:g} {self.unit}: {'met' if self.met(value) else 'MISSED'}."

    def line(self, value: float) -> str:
        """The value and the verdict."""
        return f"{self.what}: {value:.{self.digits}f} {self.unit}. {self.verdict(value)}"
