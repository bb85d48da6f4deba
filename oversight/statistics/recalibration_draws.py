"""How sure figures before outcomes are: reference and rows are drawn again, the recalibration is fitted again.

Never-falling steps fitted to events make risks look further apart than they are. Fitted to drawn rows they do so once
more, but less than they did the first time. What a step is off by goes with (variance)^(1/3) (the cube-root law: Brunk
1970, in Nonparametric Techniques in Statistical Inference, 177-195), its square, and with it this optimism, with
(variance)^(2/3). Rows drawn from rows have twice the variance, so the second time it is 2^(2/3) - 1 = .59 of the first;
that holds for many rows, and .45 to .6 was measured of 1000 to 6000. Figures are moved back by the whole of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from oversight.proportions import CONFIDENCE
from oversight.statistics.bootstrap import corrected, draws
from oversight.statistics.discrimination import roc_area
from oversight.statistics.estimate import Estimate
from oversight.statistics.isotonic import Isotonic, fit_ascending
from oversight.statistics.labelled import BoolArray, FloatArray, IntArray, Labelled, log_odds
from oversight.statistics.logistic import expit
from oversight.statistics.risk_groups import RiskGroups, coarse_risks
from oversight.statistics.weighted_share import wilson_effective

_Counts = FloatArray | IntArray

_AGAIN = 2 ** (2 / 3) - 1
# Steps fitted to drawn rows also vary less than steps fitted to other patients. So much more makes intervals of 1000 to
# 6000 simulated reference rows hold the truth in 95 % on average.
_STEPS_VARY = 1.1
_TAIL = (1 - CONFIDENCE) / 2


@dataclass(frozen=True, slots=True, eq=False)
class Replicated:
    """One figure, shape (replicates,), the first of the rows as they are; NaN where a replicate has none.

    `steps` is what it would be of the rows as they are with the replicate's recalibration: its part in how it varies.
    """

    values: FloatArray
    steps: FloatArray


@dataclass(frozen=True, slots=True)
class Drawn:
    """PPV, sensitivity and AUROC, each with its replicates."""

    ppv: Replicated
    sensitivity: Replicated
    auroc: Replicated


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """What is drawn from: labelled reference rows, and the risks of the rows now and which of them are alerts.

    `reference_shown`: which reference rows were alerts, where these have a recalibration of their own. `patient`: codes
    from 0 of reference rows and then rows, of those who are drawn as a whole; None where rows are.
    """

    reference: Labelled
    risk: FloatArray
    shown: BoolArray
    reference_shown: BoolArray | None
    patient: IntArray | None


@dataclass(frozen=True, slots=True, eq=False)
class _Known:
    """Reference rows that are recalibrated together: their places, and events and others by group of risk."""

    rows: IntArray
    groups: RiskGroups
    outcome: FloatArray
    events: FloatArray
    others: FloatArray


def drawn_again(material: Material, rng: np.random.Generator, number: int) -> Drawn:
    """Reference and rows drawn again, steps fitted to the one, outcomes of the other drawn from them."""
    kinds, groups = _kinds(material.reference, material.reference_shown), coarse_risks(material.risk)
    shown, reference_rows = material.shown.astype(np.float64), len(material.reference.outcome)
    counts = _by_alert(groups, shown, np.ones_like(shown))
    first = _chances([(kind, kind.events, kind.others) for kind in kinds], groups.risk)
    made = [(_figures(counts * first, counts),) * 2]
    drawn: list[tuple[_Known, _Counts, _Counts]]
    for _ in range(number):
        if material.patient is None:
            sizes = rng.poisson(counts)
            drawn = [(kind, rng.poisson(kind.events), rng.poisson(kind.others)) for kind in kinds]
        else:
            times = draws(len(material.patient), rng, material.patient)
            before, now = times[:reference_rows], times[reference_rows:]
            sizes = _by_alert(groups, shown, now).astype(np.int64)
            drawn = [(kind, *_drawn_of(kind, before[kind.rows])) for kind in kinds]
        chances = _chances(drawn, groups.risk)
        came = rng.binomial(sizes, chances)
        made.append((_figures(came.astype(np.float64), sizes.astype(np.float64)), _figures(counts * chances, counts)))
    return Drawn(*(Replicated(*figure) for figure in np.array(made).T))


def interval(value: float, drawn: Replicated, number: float) -> Estimate:
    """A share (or area) of `number` with its interval, on the log-odds scale: near 1 or 0 it is less unsure.

    Nothing lies nearer to 1 or 0 than half of one in that number. Where replicates reach 1 or 0 itself so often that it
    may be the truth, the interval does too, and is no shorter than Wilson's; how optimistic steps are cannot be told
    from them, and nothing is moved back.
    """
    told = np.isfinite(drawn.values) & np.isfinite(drawn.steps)
    near = min(0.5 / number, 0.25)
    values, steps, (middle,) = (
        log_odds(np.clip(each, near, 1 - near)) for each in (drawn.values[told], drawn.steps[told], np.array([value]))
    )
    none, every = (float(np.mean(drawn.values[told][1:] == end)) > _TAIL for end in (0, 1))
    optimism = 0.0 if none or every else (float(np.median(values[1:])) - float(values[0])) / _AGAIN
    spread = values[1:] + (_STEPS_VARY - 1) * (steps[1:] - float(np.median(steps[1:])))
    made = corrected(float(middle) - optimism, float(np.median(spread)), spread)
    low, high = (float(end) for end in expit(np.array([made.low, made.high])))
    if none or every:
        least, most = wilson_effective(value, number, CONFIDENCE)
        low, high = 0.0 if none else min(low, least), 1.0 if every else max(high, most)
    return Estimate(value, min(value, low), max(value, high))


def _kinds(reference: Labelled, shown: BoolArray | None) -> list[_Known]:
    """All reference rows, or those without an alert and those with one."""
    everybody = np.arange(len(reference.risk))
    found = []
    for rows in [everybody] if shown is None else [everybody[~shown], everybody[shown]]:
        groups, outcome = coarse_risks(reference.risk[rows]), reference.outcome[rows]
        found.append(_Known(rows, groups, outcome, groups.sums(outcome), groups.sums(1 - outcome)))
    return found


def _drawn_of(kind: _Known, times: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Events and others of reference rows, each counted so many times."""
    return kind.groups.sums(times * kind.outcome), kind.groups.sums(times * (1 - kind.outcome))


def _chances(drawn: Sequence[tuple[_Known, _Counts, _Counts]], risk: FloatArray) -> FloatArray:
    """Recalibrated risks without an alert and with one, shape (risks, 2)."""
    lines = [_refitted(kind.groups.risk, events, others)(risk) for kind, events, others in drawn]
    return np.column_stack([lines[0], lines[-1]])


def _by_alert(groups: RiskGroups, shown: FloatArray, times: FloatArray) -> FloatArray:
    """How many rows, each counted so many times, by risk group × (no alert, alert)."""
    return np.column_stack([groups.sums(times * (1 - shown)), groups.sums(times * shown)])


def _refitted(risk: FloatArray, events: _Counts, others: _Counts) -> Isotonic:
    """The recalibration of drawn reference rows."""
    total = (events + others).astype(np.float64)
    kept = total > 0
    return fit_ascending(risk[kept], events[kept] / total[kept], total[kept])


def _figures(came: FloatArray, sizes: FloatArray) -> tuple[float, float, float]:
    """PPV, sensitivity, AUROC from events and rows by risk group × alerted; NaN where there are none."""
    alerts, events = sizes[:, 1].sum(), came.sum()
    by_risk, others = came.sum(axis=1), (sizes - came).sum(axis=1)
    return (
        float(came[:, 1].sum() / alerts) if alerts else float("nan"),
        float(came[:, 1].sum() / events) if events else float("nan"),
        roc_area(by_risk, others) if by_risk.any() and others.any() else float("nan"),
    )
