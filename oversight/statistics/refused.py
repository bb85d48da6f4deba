"""`Refused`: why there is no figure. A number that nobody should trust is worse than none."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refused:
    """No figure, and why, in words for a quality team."""

    reason: str
