"""Laney's p′ chart: is the override rate of a week more than the usual up and down?

With many cards a week, the plain p chart flags nearly every week, since weeks differ by more than chance. Laney 2002
(Qual Eng 14:531-537) takes the chart's spread from week to week: z = (p - p̄) / σ, σ = √(p̄ (1 - p̄) / n),
σ_z = mean |Δz| / 1.128, limits p̄ ± 3 σ σ_z. Where σ_z is 1 this is the p chart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from oversight.statistics.refused import Refused
from oversight.statistics.rules import DEFAULT, Rule, signals

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

# The mean range of two standard normal values (d2 for n = 2), as Laney rounds it.
MOVING_RANGE = 1.128
MINIMUM_POINTS = 8


@dataclass(frozen=True, slots=True)
class Basis:
    """What a phase's limits are made from: centre line and how much wider than chance the points scatter (1: chance).

    `points` is how many points they were estimated from.
    """

    centre: float
    spread: float
    points: int


@dataclass(frozen=True, slots=True)
class Phase:
    """Points `first` to `last` (places in the series, both included), judged by limits of their own, or why not."""

    first: int
    last: int
    basis: Basis | Refused


@dataclass(frozen=True, slots=True)
class Judged:
    """A point's centre line, 3σ limits, its distance from the centre in σ units, and the rules that it meets."""

    centre: float
    low: float
    high: float
    z: float
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class ChartPoint:
    """`value` at `place` of the series; `judged` is None where the phase has no limits."""

    place: int
    value: float
    phase: int
    judged: Judged | None


@dataclass(frozen=True, slots=True)
class ControlChart:
    """Points in order. Places without a card (`empty`) have no point."""

    points: tuple[ChartPoint, ...]
    phases: tuple[Phase, ...]
    empty: tuple[int, ...]

    @property
    def signals(self) -> tuple[ChartPoint, ...]:
        """The points that meet a rule."""
        return tuple(point for point in self.points if point.judged and point.judged.rules)


def phase_starts(points: Sequence[date], changes: Iterable[date]) -> tuple[int, ...]:
    """Where phases begin: at the first point that starts on or after each change, such as of version or threshold.

    A week in which a change falls belongs to the phase before it. `points` are the first days, ascending.
    """
    starts = (next((place for place, first in enumerate(points) if first >= change), None) for change in changes)
    return tuple(sorted({place for place in starts if place}))


def laney_chart(
    counts: Counts,
    totals: Counts,
    starts: Sequence[int] = (),
    rules: Iterable[Rule] = DEFAULT,
    baseline: int | None = None,
    minimum_points: int = MINIMUM_POINTS,
) -> ControlChart | Refused:
    """The p′ chart of `counts` out of `totals`, one entry for each point in time.

    `starts` are places at which a new phase begins (see `phase_starts`). With `baseline`, limits come from that many
    first points of each phase and the later ones are judged by them; otherwise from all. A phase with fewer points
    than `minimum_points`, or in which nothing varies, is refused, and its points stand without limits; the chart is
    refused where every phase is. Raises ValueError unless 0 <= count <= total.
    """
    if counts.shape != totals.shape or counts.ndim != 1 or bool(((counts < 0) | (counts > totals)).any()):
        raise ValueError("one count and one total for each point, count between 0 and total")
    seen = np.flatnonzero(totals)
    points: list[ChartPoint] = []
    phases: list[Phase] = []
    for first, last in stretches(totals.size, starts):
        places = seen[(seen >= first) & (seen <= last)]
        basis = _basis(counts[places][:baseline], totals[places][:baseline], minimum_points)
        points.extend(_points(places, counts[places], totals[places], basis, len(phases), tuple(rules)))
        phases.append(Phase(first, last, basis))
    return finished(points, phases, tuple(np.flatnonzero(totals == 0).tolist()))


def stretches(size: int, starts: Sequence[int]) -> list[tuple[int, int]]:
    """First and last place of each phase."""
    edges = sorted({0, size, *(start for start in starts if 0 < start < size)})
    return [(first, after - 1) for first, after in pairwise(edges)]


def finished(points: list[ChartPoint], phases: list[Phase], empty: tuple[int, ...] = ()) -> ControlChart | Refused:
    """The chart, or why no phase has limits."""
    reasons = [phase.basis.reason for phase in phases if isinstance(phase.basis, Refused)]
    if len(reasons) == len(phases):
        return Refused(reasons[-1] if reasons else "There is nothing to chart.")
    return ControlChart(tuple(points), tuple(phases), empty)


def too_few_points(found: int, needed: int) -> Refused:
    """The refusal of a short phase."""
    return Refused(f"Limits need at least {needed} points in a phase; there are {found}.")


def met(z: Floats, rules: tuple[Rule, ...]) -> list[tuple[Rule, ...]]:
    """The rules that each point meets."""
    flags = signals(z, rules)
    return [tuple(rule for rule in rules if flags[rule][place]) for place in range(z.size)]


def _basis(counts: Counts, totals: Counts, minimum: int) -> Basis | Refused:
    """Centre and spread of a phase."""
    if totals.size < max(minimum, 2):
        return too_few_points(totals.size, max(minimum, 2))
    centre = float(counts.sum() / totals.sum())
    if centre in {0.0, 1.0}:
        return Refused("The rate is the same at every point, so there is no usual up and down to judge by.")
    z = (counts / totals - centre) / np.sqrt(centre * (1 - centre) / totals)
    spread = float(np.abs(np.diff(z)).mean() / MOVING_RANGE)
    if spread < 1e-12:
        return Refused("The rate is the same at every point, so there is no usual up and down to judge by.")
    return Basis(centre, spread, totals.size)


def _points(
    places: Counts, counts: Counts, totals: Counts, basis: Basis | Refused, phase: int, rules: tuple[Rule, ...]
) -> list[ChartPoint]:
    """The points of a phase, judged where it has limits."""
    values = counts / totals
    if isinstance(basis, Refused):
        return [ChartPoint(int(place), float(value), phase, None) for place, value in zip(places, values, strict=True)]
    sigma = np.sqrt(basis.centre * (1 - basis.centre) / totals) * basis.spread
    z = (values - basis.centre) / sigma
    low, high = np.maximum(basis.centre - 3 * sigma, 0), np.minimum(basis.centre + 3 * sigma, 1)
    return [
        ChartPoint(int(place), float(value), phase, Judged(basis.centre, float(below), float(above), float(far), why))
        for place, value, below, above, far, why in zip(places, values, low, high, z, met(z, rules), strict=True)
    ]
