"""Which outcome a model is judged by, and how long it has to come."""

from __future__ import annotations

from dataclasses import dataclass

from oversight.mart.mart import Questions


@dataclass(frozen=True, slots=True)
class OutcomeQuestion:
    """`name`: of the ledger. `window_hours`: how long after an assessment it counts; None: to the end of the stay.

    `wait_hours`: how long is waited before a period counts as complete; for a whole stay longer than its window.
    """

    name: str
    window_hours: float | None
    wait_hours: float = 0.0

    @property
    def patience(self) -> float:
        """Hours after the end of a period from which on its outcomes should have come."""
        return max(self.wait_hours, self.window_hours or 0.0)


def outcome_names(mart: Questions) -> tuple[str, ...]:
    """Every outcome that somebody has told the ledger about, by name."""
    return tuple(name for (name,) in mart.rows("SELECT DISTINCT name FROM outcome ORDER BY 1"))
