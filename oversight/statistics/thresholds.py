"""What if the threshold stood elsewhere: cards a day, what they would be worth, and what they would cost.

Replays past assessments. The outcomes are those that came under the present threshold: where cards were acted on,
give `replay` adherence weights, or PPV at and above the present threshold reads too low.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oversight.statistics.cluster_share import cluster_ratio, cluster_share, scaled_share
from oversight.statistics.daily_mean import daily_mean
from oversight.statistics.estimate import Estimate
from oversight.statistics.labelled import BoolArray, FloatArray, IntArray
from oversight.statistics.refused import Refused
from oversight.statistics.replay import Replay
from oversight.statistics.utility import odds
from oversight.statistics.weighted_share import Share


@dataclass(frozen=True, slots=True)
class Worth:
    """`card_ppv` is of cards shown; the others of assessments, each of which is right or wrong whether repeated or not.

    Only rows with a known outcome count. Net benefit is in true alerts per assessment.
    """

    card_ppv: Share | Refused
    sensitivity: Share | Refused
    specificity: Share | Refused
    net_benefit: Estimate | Refused


@dataclass(frozen=True, slots=True)
class Burden:
    """Cards shown; `per_day` as in `daily_mean`; `per_clinician_day` where these are known."""

    cards: int
    per_day: Estimate | Refused
    per_clinician_day: Estimate | Refused


@dataclass(frozen=True, slots=True)
class AtThreshold:
    """One threshold: over all, and by unit (in the order of unit codes)."""

    threshold: float
    burden: Burden
    busiest_day: int
    worth: Worth
    encounters_with_card: int
    events_reached: Share | Refused
    """Of encounters with an event among their assessments, those with at least one card."""
    units: tuple[tuple[Burden, Worth], ...]


def try_thresholds(
    past: Replay, thresholds: Sequence[float], clinician_days: npt.ArrayLike | None = None
) -> tuple[AtThreshold, ...]:
    """A card where risk >= threshold and the repeat rule allows it. `clinician_days`: of the whole period, by unit.

    Intervals allow for several assessments of one encounter; those of units borrow that allowance from the whole. Of
    1500 replays each of 120 and 400 encounters 94.5 to 96.2 % held the truth, in single units 92.9 to 96.7.
    Raises ValueError for thresholds outside 0 to 1, both excluded.
    """
    staff = None if clinician_days is None else np.asarray(clinician_days, dtype=np.float64)
    if staff is not None and staff.shape != (past.units,):
        raise ValueError("clinician_days must have one number for each unit")
    totals = _Sums.of(past, np.arange(len(past.risk)))
    return tuple(_at(past, float(threshold), odds(threshold), staff, totals) for threshold in thresholds)


@dataclass(frozen=True, slots=True)
class _Sums:
    """Weights of rows with and without the event, by encounter and by unit, and how many rows of each there are."""

    event: FloatArray
    other: FloatArray
    all_event: float
    all_other: float
    unit_event: FloatArray
    unit_other: FloatArray
    events: int
    others: int

    @classmethod
    def of(cls, past: Replay, rows: IntArray) -> _Sums:
        """Add up some rows."""
        event, other = past.event[rows], past.other[rows]
        encounter, unit = past.rule.encounter[rows], past.unit[rows]
        return cls(
            np.bincount(encounter, event, past.encounters).astype(np.float64, copy=False),
            np.bincount(encounter, other, past.encounters).astype(np.float64),
            float(event.sum()),
            float(other.sum()),
            np.bincount(unit, event, past.units).astype(np.float64, copy=False),
            np.bincount(unit, other, past.units).astype(np.float64),
            int(np.count_nonzero(event)),
            int(np.count_nonzero(other)),
        )


def _at(past: Replay, threshold: float, exchange: float, staff: FloatArray | None, totals: _Sums) -> AtThreshold:
    """One threshold."""
    crossing: BoolArray = past.risk >= threshold
    shown = past.rule.shown(crossing)
    crossed, cards = _Sums.of(past, np.flatnonzero(crossing)), _Sums.of(past, shown)
    daily = np.bincount(past.unit[shown] * past.days + past.day[shown], minlength=past.units * past.days)
    daily = daily.reshape(past.units, past.days)
    worth = _worth(crossed, cards, totals, exchange)
    reached = np.bincount(past.rule.encounter[shown], minlength=past.encounters) > 0
    stricken = (totals.event > 0).astype(np.float64)
    return AtThreshold(
        threshold=threshold,
        burden=_burden(daily.sum(axis=0), None if staff is None else float(staff.sum())),
        busiest_day=int(daily.sum(axis=0).max(initial=0)),
        worth=worth,
        encounters_with_card=int(reached.sum()),
        events_reached=cluster_share(stricken * reached, stricken, "encounter with an event", int(stricken.sum())),
        units=tuple(
            (
                _burden(daily[unit], None if staff is None else float(staff[unit])),
                _unit_worth(unit, crossed, cards, totals, exchange, worth),
            )
            for unit in range(past.units)
        ),
    )


def _burden(daily: IntArray, staff: float | None) -> Burden:
    """From cards by day."""
    cards, rate = int(daily.sum()), daily_mean(daily)
    if isinstance(rate, Refused):
        return Burden(cards, rate, rate)
    if staff is None or staff <= 0:
        return Burden(cards, rate, Refused("the number of clinician-days is not known"))
    scale = len(daily) / staff
    return Burden(cards, rate, Estimate(rate.value * scale, rate.low * scale, rate.high * scale))


def _worth(crossed: _Sums, cards: _Sums, totals: _Sums, exchange: float) -> Worth:
    """Over all units, clustered by encounter."""
    known = totals.event + totals.other
    return Worth(
        cluster_share(cards.event, cards.event + cards.other, "card with a known outcome", cards.events + cards.others),
        cluster_share(crossed.event, totals.event, "assessment followed by the event", totals.events),
        cluster_share(
            totals.other - crossed.other, totals.other, "assessment not followed by the event", totals.others
        ),
        cluster_ratio(crossed.event - exchange * crossed.other, known)
        if known.any()
        else Refused("no assessment with a known outcome"),
    )


def _unit_worth(unit: int, crossed: _Sums, cards: _Sums, totals: _Sums, exchange: float, overall: Worth) -> Worth:
    """In one unit; rows tell as much each as they do over all."""
    true, false = crossed.unit_event[unit], crossed.unit_other[unit]
    event, other = totals.unit_event[unit], totals.unit_other[unit]
    hits, misses = cards.unit_event[unit], cards.unit_other[unit]
    return Worth(
        scaled_share(float(hits), float(hits + misses), "card with a known outcome", overall.card_ppv),
        scaled_share(float(true), float(event), "assessment followed by the event", overall.sensitivity),
        scaled_share(float(other - false), float(other), "assessment not followed by the event", overall.specificity),
        _unit_net_benefit(float(true), float(false), float(event + other), exchange, overall, totals, crossed),
    )


def _unit_net_benefit(
    true: float, false: float, known: float, exchange: float, overall: Worth, totals: _Sums, crossed: _Sums
) -> Estimate | Refused:
    """Its variance is that of the whole per row, for the unit's spread of values."""
    if known == 0 or isinstance(overall.net_benefit, Refused):
        return Refused("no assessment with a known outcome")
    every = totals.all_event + totals.all_other
    reach = (overall.net_benefit.high - overall.net_benefit.low) / 2
    whole = _spread(crossed.all_event, crossed.all_other, every, exchange)
    here = _spread(true, false, known, exchange)
    value = (true - exchange * false) / known
    scaled = reach * (here / whole * every / known) ** 0.5 if whole > 0 else 0.0
    return Estimate(value, value - scaled, value + scaled)


def _spread(true: float, false: float, known: float, exchange: float) -> float:
    """The variance over rows of 1 (true alert), -exchange (false alert), 0 (none)."""
    mean = (true - exchange * false) / known
    return (true + exchange**2 * false) / known - mean**2
