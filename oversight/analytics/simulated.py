"""What cards there would have been: a threshold, a repeat rule and budgets, replayed on past assessments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oversight.analytics.judged_stays import Rows
from oversight.analytics.past_assessments import Past
from oversight.proportions import Proportion, proportion
from oversight.statistics.daily_mean import daily_mean
from oversight.statistics.estimate import Estimate
from oversight.statistics.labelled import BoolArray, FloatArray, IntArray, shared
from oversight.statistics.refused import Refused
from oversight.statistics.repeat_rule import RepeatRule, repeat_rule
from oversight.statistics.replay import Replay, replay
from oversight.statistics.thresholds import AtThreshold, Worth, try_thresholds
from oversight.statistics.utility import odds

# A weighted figure of the curve needs as much above the threshold as so many equal stays would tell.
FEWEST_EFFECTIVE = 50


@dataclass(frozen=True, slots=True)
class Rules:
    """`second`: the upper tier, whose cards no rule withholds; None: there is none. Budgets None: no limit.

    `repeat_hours`: at most one card about a stay in this time; 0: no such rule; infinite: one for each stay.
    """

    threshold: float
    second: float | None = None
    repeat_hours: float = 24.0
    per_stay: int | None = None
    per_clinician_day: int | None = None


@dataclass(frozen=True, slots=True)
class Cards:
    """Of `crossings` (risk at or above the threshold) those withheld by each rule in turn, and the cards left.

    `upper` of the cards are of the upper tier, on `days` days. `by_unit`: units × days.
    """

    rules: Rules
    crossings: int
    by_repeat: int
    by_stay: int
    by_clinician: int
    cards: int
    upper: int
    days: int
    per_day: Estimate | Refused
    busiest_day: int
    per_clinician_day: float | None
    stays_with_card: int
    events_reached: Proportion | None
    by_unit: NDArray[np.int64]


class Simulator:
    """Past assessments, laid out once; any rules can be tried on them."""

    def __init__(self, past: Past, repeat_hours: float) -> None:
        """`repeat_hours` is the same for everything that is tried."""
        order = np.lexsort((past.seconds, past.stay))
        self._past, self._order = past, order
        self._risk, self._stay = past.risk[order], past.stay[order]
        self._clinician, self._day = past.clinician[order], past.day[order]
        self._cell = past.unit[order] * past.days + self._day
        self._rule: RepeatRule = repeat_rule(self._stay, past.seconds[order], repeat_hours * 3600)
        self._stricken = np.bincount(past.stay, past.outcome == 1, past.stays) > 0

    def number(self, threshold: float) -> int:
        """How many cards a threshold and the repeat rule make."""
        return len(self._rule.shown(self._risk >= threshold))

    def cards(self, rules: Rules) -> Cards:
        """With the rules in the order in which the service asks them: repeat, stay, clinician."""
        past = self._past
        crossing = self._risk >= rules.threshold
        upper = np.zeros_like(crossing) if rules.second is None else crossing & (self._risk >= rules.second)
        shown = np.zeros_like(crossing)
        shown[self._rule.shown(crossing)] = True
        after_repeat = shown | upper
        after_stay = _within(after_repeat, self._stay, self._seconds_order(), rules.per_stay) | upper
        by_day = np.where(self._clinician >= 0, self._clinician * past.days + self._day, -1)
        left = _within(after_stay, by_day, self._seconds_order(), rules.per_clinician_day) | upper
        daily = np.bincount(self._cell[left], minlength=len(past.units) * past.days).reshape(-1, past.days)
        reached = np.bincount(self._stay[left], minlength=past.stays) > 0
        numbers = [int(np.count_nonzero(each)) for each in (crossing, after_repeat, after_stay, left)]
        staff = float(past.staff.sum())
        return Cards(
            rules=rules,
            crossings=numbers[0],
            by_repeat=numbers[0] - numbers[1],
            by_stay=numbers[1] - numbers[2],
            by_clinician=numbers[2] - numbers[3],
            cards=numbers[3],
            upper=int(np.count_nonzero(upper)),
            days=past.days,
            per_day=daily_mean(daily.sum(axis=0)),
            busiest_day=int(daily.sum(axis=0).max(initial=0)),
            per_clinician_day=numbers[3] / staff if staff else None,
            stays_with_card=int(reached.sum()),
            events_reached=proportion(int((reached & self._stricken).sum()), int(self._stricken.sum())),
            by_unit=daily.sum(axis=1),
        )

    def _seconds_order(self) -> IntArray:
        """The moment of each row, for who came first."""
        return self._past.seconds[self._order]


def _within(shown: BoolArray, group: IntArray, seconds: IntArray, most: int | None) -> BoolArray:
    """The first `most` shown rows of each group; rows of group -1 have no limit."""
    if most is None:
        return shown
    rows = np.flatnonzero(shown & (group >= 0))
    rows = rows[np.lexsort((seconds[rows], group[rows]))]
    label = group[rows]
    start = np.flatnonzero(np.concatenate([[True], label[1:] != label[:-1]])) if len(rows) else rows
    rank = np.arange(len(rows)) - np.repeat(start, np.diff(np.append(start, len(rows))))
    kept = shown & (group < 0)
    kept[rows[rank < most]] = True
    return kept


@dataclass(frozen=True, slots=True)
class BothWorths:
    """What a threshold is worth, by first assessments of stays with a known outcome. `aware` None: refused.

    `unit_cards`, `unit_events`: of these stays, at or above the threshold and with the event, by unit.
    """

    naive: Worth
    aware: Worth | None
    units: tuple[tuple[Worth, Worth | None], ...]
    unit_cards: tuple[int, ...]
    unit_events: tuple[int, ...]


def worths(rows: Rows, weight: FloatArray | None, past: Past, thresholds: Sequence[float]) -> tuple[BothWorths, ...]:
    """For each threshold. `rows`: one for each stay; `weight`: for outcomes as they would have been untreated.

    Intervals take stays of one patient to be alike.
    """
    unit = past.unit[np.searchsorted(past.sequence, rows.sequence)]
    patients = shared(rows.patient)  # None where nobody has two stays, which are then independent as they are
    owner = np.arange(len(unit)) if patients is None else patients
    naive = try_thresholds(_replay(rows, unit, owner, past, None), thresholds)
    aware: Sequence[AtThreshold | None] = [None] * len(thresholds)
    if weight is not None:
        aware = try_thresholds(_replay(rows, unit, owner, past, weight), thresholds)
    events = np.bincount(unit[rows.outcome == 1], minlength=len(past.units))
    made = []
    for threshold, one, other in zip(thresholds, naive, aware, strict=True):
        pairs = tuple((worth, other.units[place][1] if other else None) for place, (_, worth) in enumerate(one.units))
        above = np.bincount(unit[rows.risk >= threshold], minlength=len(past.units))
        counts = tuple(above.tolist()), tuple(events.tolist())
        made.append(BothWorths(one.worth, other.worth if other else None, pairs, *counts))
    return tuple(made)


def _replay(rows: Rows, unit: IntArray, owner: IntArray, past: Past, weight: FloatArray | None) -> Replay:
    """One row for each stay: no rule withholds any. `owner`: the patient, within whom stays are alike."""
    return replay(
        rows.risk, unit, np.zeros_like(unit), rows.outcome, owner, rows.time // 1_000_000,
        days=2, repeat_hours=0, units=len(past.units), weight=weight,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One threshold of the curve; Figures are None where too few stays have so high a risk, or weighting is refused."""

    threshold: float
    cards_per_day: float
    above: int
    ppv: float | None
    sensitivity: float | None
    net_benefit: float | None
    aware_ppv: float | None
    aware_sensitivity: float | None
    aware_net_benefit: float | None


def grid(risk: FloatArray, always: Sequence[float], points: int = 21) -> tuple[float, ...]:
    """Thresholds that would alert on from three in five down to one in two hundred, and some more, ascending."""
    shares = np.geomspace(0.6, 0.005, points)
    found = np.round(np.quantile(risk, 1 - shares), 3) if len(risk) else np.array([])
    every = np.unique(np.concatenate([found, np.array(always, dtype=np.float64)]))
    return tuple(float(each) for each in every if 0 < each < 1)


def curve(
    simulator: Simulator, past: Past, rows: Rows, weight: FloatArray | None, thresholds: Sequence[float]
) -> tuple[CurvePoint, ...]:
    """Over thresholds: burden from all assessments, worth from one row for each stay."""
    order = np.argsort(rows.risk, kind="stable")
    risk, outcome = rows.risk[order], rows.outcome[order]
    naive = _worth_curve(risk, outcome, np.ones_like(risk), thresholds)
    aware = None if weight is None else _worth_curve(risk, outcome, weight[order], thresholds)
    above = len(risk) - np.searchsorted(risk, np.asarray(thresholds), side="left")
    made = []
    for place, threshold in enumerate(thresholds):
        own = (None, None, None) if aware is None else aware[place]
        ppv, sensitivity, benefit = naive[place]
        made.append(
            CurvePoint(
                threshold, simulator.number(threshold) / past.days, int(above[place]), ppv, sensitivity,
                benefit, *own,
            )
        )  # fmt: skip
    return tuple(made)


def _worth_curve(
    risk: FloatArray, outcome: FloatArray, weight: FloatArray, thresholds: Sequence[float]
) -> list[tuple[float | None, float | None, float | None]]:
    """PPV, sensitivity and net benefit at each threshold, from ascending risks."""
    events = np.concatenate([[0.0], np.cumsum(weight * outcome)])
    every, squares = (np.concatenate([[0.0], np.cumsum(each)]) for each in (weight, weight**2))
    made: list[tuple[float | None, float | None, float | None]] = []
    for threshold in thresholds:
        below = int(np.searchsorted(risk, threshold, side="left"))
        true, carded = float(events[-1] - events[below]), float(every[-1] - every[below])
        if carded**2 < FEWEST_EFFECTIVE * float(squares[-1] - squares[below]):
            made.append((None, None, None))
            continue
        benefit = (true - (carded - true) * odds(threshold)) / float(every[-1]) if every[-1] else None
        made.append((true / carded if carded else None, true / float(events[-1]) if events[-1] else None, benefit))
    return made
