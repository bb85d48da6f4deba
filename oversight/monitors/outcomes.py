"""The monitor of performance and calibration, for weeks whose outcomes have all had time to come."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np

from oversight.analytics.selection import Selection
from oversight.mart.mart import Questions
from oversight.monitors.heeded import at_most_averted, explained, heeded_rows, unexplained
from oversight.monitors.judged_source import JUDGED_NEEDS, JudgedSource, judged_rows, ripe
from oversight.monitors.realised import WEIGHTED, Realised, realised
from oversight.monitors.result import Check, MonitorResult, Status, level, refused, told
from oversight.monitors.thresholds import Pair, Thresholds
from oversight.proportions import CONFIDENCE
from oversight.statistics.estimate import Estimate, z_value
from oversight.statistics.refused import Refused
from oversight.tallies import Period

WEEKS = 4
RATIO, SLOPE = "observed over expected", "calibration slope"


@dataclass(frozen=True, slots=True)
class PerformanceMonitor:
    """Observed over expected and calibration slope against 1, AUROC against the reference weeks."""

    judged: JudgedSource
    name: str = "performance"
    subject: str = "performance"
    needs: tuple[str, ...] = JUDGED_NEEDS

    def run(
        self, mart: Questions, selection: Selection, thresholds: Thresholds, rng: np.random.Generator
    ) -> MonitorResult:
        """The latest four weeks that are ripe."""
        if not thresholds.outcome:
            return refused(self.name, self.subject, "The model's manifest names no outcome.")
        period = ripe(selection.period, thresholds, WEEKS)
        rows = judged_rows(self.judged, mart, selection, period, thresholds)
        earlier = judged_rows(self.judged, mart, selection, _before(period, thresholds), thresholds)
        now = realised(rows, rng)
        figures: dict[str, Any] = {
            "first": period.first.isoformat(),
            "last": period.last.isoformat(),
            "rows": int(rows.risk.size),
            "events": int(rows.outcome.sum()),
            "basis": now.basis,
            "observed_expected": _numbers(now.observed_expected),
            "slope": _numbers(now.slope),
            "auroc": _numbers(now.auroc),
        }
        if isinstance(now.auroc, Refused):
            return refused(self.name, self.subject, f"No performance: {now.auroc.reason}.", figures)
        then = realised(earlier, rng)
        figures["auroc_before"] = _numbers(then.auroc)
        checks = _checks(now, then, thresholds)
        if now.basis != WEIGHTED and any(_is_doubtful(check, now) for check in checks):
            heeded = heeded_rows(rows, mart, selection, period)
            figures["heeded"] = bool(heeded.any())
            if figures["heeded"]:
                best = realised(at_most_averted(rows, heeded), rng)
                checks = tuple(_weighed(check, now, best, _checks(best, then, thresholds)) for check in checks)
        basis = f"Basis: {now.basis}."
        quiet = f"{' '.join(check.words for check in checks)} {basis}"
        return told(self.name, self.subject, quiet, figures, checks, basis)


def _before(period: Period, thresholds: Thresholds) -> Period:
    """The reference weeks before the ripe ones."""
    return Period(period.first - timedelta(weeks=thresholds.reference_weeks), period.first - timedelta(days=1))


def _checks(now: Realised, then: Realised, thresholds: Thresholds) -> tuple[Check, ...]:
    """Those that can be made."""
    made = [
        _from_one(RATIO, now.observed_expected, thresholds.observed_expected),
        _from_one(SLOPE, now.slope, thresholds.slope),
    ]
    if isinstance(now.auroc, Estimate) and isinstance(then.auroc, Estimate) and now.basis[:5] == then.basis[:5]:
        made.append(_fall(now.auroc, then.auroc, thresholds.auroc))
    return tuple(check for check in made if check is not None)


def _looks_worse(check: Check, now: Realised) -> bool:
    """Whether a figure is off to the side to which heeded cards draw it."""
    figure = {RATIO: now.observed_expected, SLOPE: now.slope}.get(check.subject)
    return figure is None or (isinstance(figure, Estimate) and figure.value < 1)


def _is_doubtful(check: Check, now: Realised) -> bool:
    """Whether it is an alarm that heeded cards might explain."""
    return check.level is Status.ALARM and _looks_worse(check, now)


def _weighed(check: Check, now: Realised, best: Realised, at_best: tuple[Check, ...]) -> Check:
    """An alarm stays one only if it is one at the most that heeded cards can have averted."""
    if not _is_doubtful(check, now):
        return check
    same = next((each for each in at_best if each.subject == check.subject and _is_doubtful(each, best)), None)
    return explained(check) if same is None else unexplained(check, same)


def _from_one(subject: str, it: Estimate | Refused, thresholds: Pair) -> Check | None:
    """A figure that is 1 where all is well, as a factor to either side."""
    if isinstance(it, Refused):
        return None
    words = f"{subject.capitalize()}: {_said(it)}."
    if min(it.value, it.low) <= 0:
        far, factor = _two_sided(it.value - 1, (it.high - it.low) / 2), thresholds[1] if it.value <= 0 else it.value
    else:
        far = _two_sided(math.log(it.value), (math.log(it.high) - math.log(it.low)) / 2)
        factor = it.value
    effect = max(factor, 1 / factor)
    return Check(subject, level(effect, thresholds), effect, far, words)


def _fall(now: Estimate, then: Estimate, thresholds: Pair) -> Check:
    """A fall of the AUROC. Intervals are on the log-odds scale, and so is the check."""
    fall = then.value - now.value
    p = _two_sided(_logit(then.value) - _logit(now.value), math.hypot(_reach(now), _reach(then)))
    return Check("AUROC", level(fall, thresholds), fall, p, f"AUROC: {_said(now)}, before {_said(then)}.")


def _two_sided(far: float, reach: float) -> float:
    """The p of no difference, from a distance and half the width of its interval."""
    return math.erfc(abs(far) / reach * z_value(CONFIDENCE) / math.sqrt(2)) if reach > 0 else 1.0


def _reach(area: Estimate) -> float:
    """Half the width of an area's interval on the log-odds scale."""
    return (_logit(area.high) - _logit(area.low)) / 2


def _logit(share: float) -> float:
    """Log-odds, held away from 0 and 1."""
    held = min(max(share, 1e-6), 1 - 1e-6)
    return math.log(held / (1 - held))


def _said(it: Estimate) -> str:
    """A figure with its interval."""
    return f"{it.value:.2f} ({it.low:.2f} to {it.high:.2f})"


def _numbers(it: Estimate | Refused) -> list[float] | str:
    """Value, low, high, or why not."""
    return it.reason if isinstance(it, Refused) else [it.value, it.low, it.high]
