"""What is true of a history: what was planted, what a right count finds, and what the figures would be untreated.

All of it is counted here from the arrays, past the ledger and past the figures of `oversight`, so that the two can be
held against each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date

import numpy as np

from chartside.history.events import History, Performance
from chartside.history.plan import SEPSIS, SERVICES, SHADOW, Flags, Floats, Integers, Plan
from chartside.history.rows import FIRST_BROKEN_COMMENT, RAISED, SHOWN, STATES, Rows
from chartside.history.ward import UNITS

_REPEAT_DAYS, _REFLEX_SECONDS = 3.0, 2.0


@dataclass(frozen=True, slots=True)
class Counts:
    """Entries of one service or unit, as the funnel counts them; answers as they stand in the end."""

    entries: int
    on_page: int
    abstained: int
    abstained_shown: int
    assessed: int
    withheld: Mapping[str, int]
    cards: int
    accepted: int
    overridden: int
    snoozed: int


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one service's first assessments: without treatment (`true_…`), and as they look (`naive_…`)."""

    rows: int
    alerts: int
    true_ppv: float
    true_sensitivity: float
    true_auroc: float
    true_slope: float
    naive_ppv: float
    naive_sensitivity: float
    naive_auroc: float
    naive_slope: float


@dataclass(frozen=True, slots=True)
class Gap:
    """The group that is served worse, and everybody else: sensitivity of sepsis-6h, override rate, median seconds."""

    attribute: str
    label: str
    sensitivity: float
    sensitivity_others: float
    override_rate: float
    override_rate_others: float
    seconds: float
    seconds_others: float


@dataclass(frozen=True, slots=True)
class Truth:
    """Everything that is known. Days count from `first_day`; `reflex` and `repeats` are counts of all services."""

    seed: int
    first_day: date
    plan: Plan
    stays: int
    services: Mapping[str, Counts]
    units: Mapping[str, Counts]
    total: Counts
    repeats: int
    reflex: int
    override_by_unit: Mapping[str, Mapping[str, tuple[int, int]]]
    figures: Mapping[str, Figures]
    gap: Gap
    broken_comments: int
    other_comments: int
    outcomes: Mapping[str, tuple[int, int]]
    threshold: float = RAISED

    def tree(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self) | {"first_day": self.first_day.isoformat()}


def truth_of(history: History, seed: int, first_day: date) -> Truth:
    """Count a history."""
    rows, comment = history.rows, history.rows["comment"]
    return Truth(
        seed=seed,
        first_day=first_day,
        plan=history.plan,
        stays=history.stays.start.size,
        services={name: counts(rows[rows["service"] == place]) for place, name in enumerate(SERVICES)},
        units={unit.name: counts(rows[rows["unit"] == place]) for place, unit in enumerate(UNITS)},
        total=counts(rows),
        repeats=_repeats(history),
        reflex=int((stands(rows, "overridden") & (rows["seconds"] <= _REFLEX_SECONDS)).sum()),
        override_by_unit=_by_unit(rows),
        figures={SERVICES[place]: figures(history.performance(place)) for place in range(SHADOW)},
        gap=_gap(history),
        broken_comments=int(((comment >= FIRST_BROKEN_COMMENT) & stands(rows, "overridden")).sum()),
        other_comments=int(((comment >= 0) & (comment < FIRST_BROKEN_COMMENT) & stands(rows, "overridden")).sum()),
        outcomes=_outcomes(history),
    )


def cards(rows: Rows) -> Flags:
    """Which entries were cards with a risk: what somebody could have answered."""
    found: Flags = (rows["state"] == SHOWN) & ~rows["abstained"] & ~rows["page"]
    return found


def stands(rows: Rows, answer: str) -> Flags:
    """Which entries are cards whose answer in the end is this one."""
    found: Flags = cards(rows) & (rows["answer"] == answer) & ~rows["withdrawn"]
    return found


def counts(rows: Rows) -> Counts:
    """Count entries."""
    called = ~rows["page"]
    silent = rows["abstained"] & called
    assessed = called & ~rows["abstained"]
    by_state = np.bincount(rows["state"][assessed], minlength=len(STATES)).tolist()
    return Counts(
        entries=rows.size,
        on_page=int(rows["page"].sum()),
        abstained=int(silent.sum()),
        abstained_shown=int((silent & (rows["state"] == SHOWN)).sum()),
        assessed=int(assessed.sum()),
        withheld={name: n for name, n in zip(STATES, by_state, strict=True) if n and name != STATES[SHOWN]},
        cards=int(cards(rows).sum()),
        **{answer: int(stands(rows, answer).sum()) for answer in ("accepted", "overridden", "snoozed")},
    )


def figures(rows: Performance) -> Figures:
    """The figures of one service, both ways."""
    both = [(_ppv(rows, y), _sensitivity(rows, y), auroc(y, rows.risk), slope(y, rows.risk)) for y in _kinds(rows)]
    return Figures(rows.risk.size, int(rows.alerted.sum()), *both[0], *both[1])


def auroc(events: Flags, risk: Floats) -> float:
    """The share of pairs in which the event has the higher risk, ties counting half (Mann-Whitney)."""
    _, place, number = np.unique(risk, return_inverse=True, return_counts=True)
    rank = (np.cumsum(number) - (number - 1) / 2)[place]
    positive = int(events.sum())
    return float((rank[events].sum() - positive * (positive + 1) / 2) / (positive * (events.size - positive)))


def slope(events: Flags, risk: Floats) -> float:
    """The calibration slope: b of logit P(event) = a + b · logit(risk), by Newton's method."""
    design = np.column_stack([np.ones(risk.size), np.log(risk / (1 - risk))])
    beta = np.array([0.0, 1.0])
    for _ in range(25):
        fitted = 1 / (1 + np.exp(-(design @ beta)))
        information = (design * (fitted * (1 - fitted))[:, None]).T @ design
        beta = beta + np.linalg.solve(information, design.T @ (events - fitted))
    return float(beta[1])


def _kinds(rows: Performance) -> tuple[Flags, Flags]:
    """The events that would have come, and those that came."""
    return rows.untreated, rows.happened


def _ppv(rows: Performance, events: Flags) -> float:
    return float(events[rows.alerted].mean())


def _sensitivity(rows: Performance, events: Flags) -> float:
    return float(rows.alerted[events].mean())


def _repeats(history: History) -> int:
    """Cards of the same service about the same patient to the same clinician within 72 hours of the one before."""
    rows = history.rows[cards(history.rows)]
    patient = history.stays.patient[rows["stay"]]
    order = np.lexsort((rows["time"], rows["clinician"], patient, rows["service"]))
    same = np.ones(max(order.size - 1, 0), dtype=np.bool_)
    for column in (rows["service"], patient, rows["clinician"]):
        same &= np.diff(column[order]) == 0
    return int((same & (np.diff(rows["time"][order]) <= _REPEAT_DAYS)).sum())


def _by_unit(rows: Rows) -> dict[str, dict[str, tuple[int, int]]]:
    """(Overridden, answered) of sepsis-6h by unit, before and after its second version."""
    overridden, accepted = stands(rows, "overridden"), stands(rows, "accepted")
    found: dict[str, dict[str, tuple[int, int]]] = {}
    for place, unit in enumerate(UNITS):
        here = (rows["service"] == SEPSIS) & (rows["unit"] == place)
        found[unit.name] = {
            name: (
                int((here & overridden & (rows["version"] == version)).sum()),
                int((here & (overridden | accepted) & (rows["version"] == version)).sum()),
            )
            for version, name in enumerate(("before", "after"))
        }
    return found


def _gap(history: History) -> Gap:
    """The group beside everybody else."""
    rows, sepsis = history.rows, history.performance(SEPSIS)
    inside, sick = history.stays.in_gap[rows["stay"]], history.stays.in_gap[sepsis.stay]
    overridden, answered = stands(rows, "overridden"), stands(rows, "overridden") | stands(rows, "accepted")
    pairs = []
    for group, own in ((inside, sick), (~inside, ~sick)):
        sensitivity = float(sepsis.alerted[own & sepsis.untreated].mean())
        rate = float((overridden & group).sum() / (answered & group).sum())
        pairs.append((sensitivity, rate, float(np.median(rows["seconds"][answered & group]))))
    (s, r, t), (s_0, r_0, t_0) = pairs
    return Gap(*history.plan.gap_group, s, s_0, r, r_0, t, t_0)


def _outcomes(history: History) -> dict[str, tuple[int, int]]:
    """(Events, stays) among the stays whose outcomes become known, by service."""
    found = {}
    for place in range(SHADOW):
        stays = known_stays(history, place)
        found[SERVICES[place]] = (int(history.happened[stays, place].sum()), int(stays.size))
    return found


def known_stays(history: History, service: int) -> Integers:
    """The stays with an entry of a service whose outcome becomes known."""
    rows = history.rows
    stays = np.unique(rows["stay"][rows["service"] == service])
    found: Integers = stays[history.known(service)[stays]]
    return found
