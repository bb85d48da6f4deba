"""Live cards against shadow cards (computed and not shown), within strata of equal risk."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oversight.proportions import Proportion, proportion
from oversight.statistics.estimate import Estimate
from oversight.statistics.jackknife import spread
from oversight.statistics.labelled import BoolArray, FloatArray, IntArray, shared
from oversight.statistics.refused import Refused
from oversight.statistics.weighted_share import normal_interval


@dataclass(frozen=True, slots=True)
class Stratum:
    """Risks from `low_risk` up to, not including, `high_risk`; `difference` = live - shadow."""

    low_risk: float
    high_risk: float
    live: Proportion | None
    shadow: Proportion | None
    difference: Estimate | Refused


@dataclass(frozen=True, slots=True)
class ShadowComparison:
    """`difference`: the common difference over strata; `one_sided`: cards in strata that hold only one kind."""

    strata: tuple[Stratum, ...]
    difference: Estimate | Refused
    one_sided: int


def compare_shadow(
    risk: npt.ArrayLike,
    live: BoolArray,
    happened: BoolArray,
    edges: Sequence[float],
    clusters: npt.ArrayLike | None = None,
) -> ShadowComparison:
    """How much more often something happened (the event, or an action) after live cards than after shadow cards.

    `edges`: ascending inner borders of the strata. By stratum: Newcombe's interval (1998, Stat Med 17:873-890, method
    10). Common: Mantel-Haenszel risk difference with Sato's variance (Sato, Greenland & Robins 1989, Biometrics
    45:1323-1324); with `clusters`, a label for each card where patients have several, from the difference without each
    who has a card in strata that hold both kinds (`oversight.statistics.jackknife`), while strata take cards as
    independent. Unless cards went live at random, units and periods may differ in more than the risk.
    """
    forecast = np.asarray(risk, dtype=np.float64)
    if not forecast.shape == live.shape == happened.shape:
        raise ValueError("risk, live and happened must be equally long")
    code = 2 * np.searchsorted(np.asarray(edges, dtype=np.float64), forecast, side="right") + live
    cells = 2 * (len(edges) + 1)
    totals = np.bincount(code, minlength=cells).reshape(-1, 2)
    hits = np.bincount(code, happened, cells).reshape(-1, 2).astype(np.float64)
    borders = [0.0, *(float(edge) for edge in edges), 1.0]
    strata = tuple(
        _stratum(borders[k], borders[k + 1], [int(n) for n in hits[k]], [int(n) for n in totals[k]])
        for k in range(len(edges) + 1)
    )
    both: BoolArray = np.all(totals > 0, axis=1)
    common = _common(hits[both], totals[both].astype(np.float64))
    # Whose cards are all in strata with one kind is not compared, and tells nothing of the error either.
    compared = both[code // 2]
    owner = None if clusters is None else shared(np.asarray(clusters)[compared])
    if owner is not None and isinstance(common, Estimate):
        common = _without_each(common.value, hits, totals, code[compared], happened[compared], owner)
    return ShadowComparison(strata, common, int(totals[~both].sum()))


def _stratum(low_risk: float, high_risk: float, hits: list[int], totals: list[int]) -> Stratum:
    """Shadow first, live second."""
    shadow, live = (proportion(count, total) for count, total in zip(hits, totals, strict=True))
    if live is None or shadow is None:
        return Stratum(low_risk, high_risk, live, shadow, Refused("only one kind of card has risks here"))
    return Stratum(low_risk, high_risk, live, shadow, newcombe(live, shadow))


def newcombe(one: Proportion, other: Proportion) -> Estimate:
    """The first less the second, from the Wilson intervals of both (Newcombe's hybrid score interval)."""
    value = one.value - other.value
    return Estimate(
        value,
        value - math.hypot(one.value - one.low, other.high - other.value),
        value + math.hypot(one.high - one.value, other.value - other.low),
    )


def _common(hits: FloatArray, totals: FloatArray) -> Estimate | Refused:
    """The Mantel-Haenszel risk difference over strata with both kinds."""
    if len(hits) == 0:
        return Refused("no stratum holds both live and shadow cards")
    (b, a), (n0, n1), n = hits.T, totals.T, totals.sum(axis=1)
    weight = float(np.sum(n1 * n0 / n))
    value = float(_mantel_haenszel(hits, totals))
    first = float(np.sum((n1**2 * b - n0**2 * a + n1 * n0 * (n0 - n1) / 2) / n**2))
    second = float(np.sum((a * (n0 - b) + b * (n1 - a)) / (2 * n)))
    return normal_interval(value, math.sqrt(max(value * first + second, 0.0)) / weight)


def _mantel_haenszel(hits: FloatArray, totals: FloatArray) -> FloatArray:
    """The common risk difference of tables (... × strata × shadow, live); NaN where no stratum holds both kinds."""
    size = np.maximum(totals.sum(axis=-1), 1.0)
    part = (hits[..., 1] * totals[..., 0] - hits[..., 0] * totals[..., 1]) / size
    weight = (totals[..., 0] * totals[..., 1] / size).sum(axis=-1)
    return np.asarray(np.divide(part.sum(axis=-1), weight, out=np.full_like(weight, np.nan), where=weight > 0))


def _without_each(
    value: float, hits: FloatArray, totals: IntArray, code: IntArray, happened: BoolArray, owner: IntArray
) -> Estimate | Refused:
    """The common difference with its interval, each cluster (codes from 0) of the cards compared left out once."""
    clusters, cells = int(owner.max()) + 1, totals.size
    place, shape = owner * cells + code, (clusters, *totals.shape)
    left = totals - np.bincount(place, minlength=clusters * cells).reshape(shape)
    had = hits - np.bincount(place, happened, clusters * cells).reshape(shape)
    moved = _mantel_haenszel(had, left.astype(np.float64)) - value
    if not np.isfinite(moved).all():
        return Refused("all cards of one kind that can be compared are those of one patient")
    return spread(moved).known_by(clusters).interval(value)
