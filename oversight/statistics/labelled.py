"""Rows whose outcome is known: what was forecast, what came, and how much each row counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oversight.statistics.refused import Refused

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

FEWEST = 10
"""Below ten events, or ten rows without one, no measure of performance is given."""

_EDGE = 1e-6


@dataclass(frozen=True, slots=True)
class Labelled:
    """Equally long arrays: outcome (0 or 1), risk (0 to 1), weight (0 or more). Built by `labelled`, which checks."""

    outcome: FloatArray
    risk: FloatArray
    weight: FloatArray
    weighted: bool
    """Whether any two weights differ, so that a row is not simply one observation."""

    @property
    def rows(self) -> int:
        """How many rows count at all."""
        return int(np.count_nonzero(self.weight))

    @property
    def events(self) -> int:
        """How many of them had the event."""
        return int(np.count_nonzero(self.weight * self.outcome))


def labelled(outcome: npt.ArrayLike, risk: npt.ArrayLike, weight: npt.ArrayLike | None = None) -> Labelled:
    """Check and convert. Raises ValueError for unequal lengths, outcomes other than 0 and 1, risks outside 0 to 1."""
    happened, forecast = np.asarray(outcome, dtype=np.float64), np.asarray(risk, dtype=np.float64)
    counts = np.ones_like(forecast) if weight is None else np.asarray(weight, dtype=np.float64)
    if not happened.shape == forecast.shape == counts.shape or forecast.ndim != 1:
        raise ValueError("outcome, risk and weight must be flat and equally long")
    if not np.all((happened == 0) | (happened == 1)):
        raise ValueError("an outcome is 0 or 1; leave out rows whose outcome is not known")
    if not np.all((forecast >= 0) & (forecast <= 1)):
        raise ValueError("a risk lies between 0 and 1")
    if not np.all((counts >= 0) & (counts < np.inf)):
        raise ValueError("a weight is finite and not negative")
    return Labelled(happened, forecast, counts, weighted=len(counts) > 0 and bool(np.ptp(counts)))


def too_few(rows: Labelled, clusters: IntArray | None = None) -> Refused | None:
    """A refusal if there are fewer than `FEWEST` events or fewer than `FEWEST` rows without one.

    With `clusters` (codes from 0) also if the events, or the rows without one, are those of fewer than `FEWEST` of
    them: how figures of so few patients spread, nobody can tell from these patients.
    """
    events, others = rows.events, rows.rows - rows.events
    if 0 in (events, others):
        return Refused(f"{events} with the event and {others} without: at least {FEWEST} of each are needed")
    # A refusal is read by everybody, and how many rows there are stands elsewhere: neither number is told.
    if min(events, others) < FEWEST:
        return Refused(f"too few with the event, or too few without: at least {FEWEST} of each are needed")
    if clusters is not None and min(count_clusters(rows, clusters)) < FEWEST:
        return Refused(
            f"too few patients or stays with the event, or too few without: at least {FEWEST} of each are needed"
        )
    return None


def count_clusters(rows: Labelled, clusters: IntArray | None) -> tuple[int, int]:
    """How many clusters (rows, if None) have a row that counts with the event, and how many one without."""
    if clusters is None:
        return rows.events, rows.rows - rows.events
    happened, counted = rows.outcome == 1, rows.weight > 0
    return _different(clusters[happened & counted]), _different(clusters[~happened & counted])


def _different(code: IntArray) -> int:
    """How many different codes, counted and not sorted."""
    return int(np.count_nonzero(np.bincount(code)))


def log_odds(risk: FloatArray) -> FloatArray:
    """ln(p / (1 - p)), with risks held between 1e-6 and 1 - 1e-6 so that a risk of 0 or 1 has one."""
    held = np.clip(risk, _EDGE, 1 - _EDGE)
    return np.asarray(np.log(held / (1 - held)), dtype=np.float64)


def by_cluster(values: FloatArray, clusters: IntArray) -> FloatArray:
    """Values added up by cluster (codes from 0)."""
    return np.bincount(clusters, values).astype(np.float64)


def codes(labels: npt.ArrayLike) -> tuple[IntArray, int]:
    """Labels of any kind as whole numbers from 0, and how many different ones there are."""
    distinct, code = np.unique(np.asarray(labels), return_inverse=True)
    return code.astype(np.int64), len(distinct)


def shared(labels: npt.ArrayLike) -> IntArray | None:
    """Labels as codes from 0; None where no two rows have the same one, so that rows are independent as they are."""
    code, number = codes(labels)
    return None if number == len(code) else code
