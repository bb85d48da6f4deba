"""Every measure of performance twice: outcomes as they came (naive), and allowing for cards that were acted on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from oversight.analytics.judged_stays import Rows
from oversight.analytics.live_threshold import in_words
from oversight.statistics.adherence import (
    MOST_BELOW_FLOOR,
    SMALLEST_EFFECTIVE,
    AdherenceModel,
    Overlap,
    fit_adherence,
    overlap,
)
from oversight.statistics.alert_figures import AlertFigures
from oversight.statistics.bootstrap import REPLICATES
from oversight.statistics.calibration import CalibrationLine, ObservedExpected
from oversight.statistics.estimate import Estimate
from oversight.statistics.feedback_aware import assumes, feedback_aware
from oversight.statistics.labelled import FloatArray, IntArray
from oversight.statistics.performance import Performance, performance
from oversight.statistics.refused import Refused
from oversight.statistics.suppression import SMALLEST_SHOWN
from oversight.statistics.unlogged import IfUnlogged, at_usual_factors
from oversight.statistics.weighted_share import Share

Figure = Estimate | Refused

# Up to so many cards the intervals of weighted figures are drawn by bootstrap, the odds of acting fitted again in each
# draw; above, the weights are taken as known, and intervals come from formulas. There they are narrow anyway.
MOST_BOOTSTRAPPED = 12_000
_NO_GRID = (0.5,)


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure of the table: `kind` says how it is written (share, number, times)."""

    key: str
    name: str
    kind: str
    naive: Figure
    aware: Figure


@dataclass(frozen=True, slots=True, eq=False)
class SideBySide:
    """`weighted` and `overlap` are refused where too little is known of untreated cards. `weight`: of each row."""

    rows: int
    events: int
    cards: int
    treated: int
    threshold: float
    naive: Performance
    weighted: Performance | Refused
    drawn: AlertFigures | None
    overlap: Overlap | Refused
    bounds: tuple[IfUnlogged, ...]
    assumes: str
    replicates: int
    weight: FloatArray | None = field(repr=False)

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The table, in the order in which it is read."""
        at = in_words(self.threshold)
        return tuple(
            Measure(key, name.format(threshold=at), kind, _guarded(key, self.naive), self._aware(key))
            for key, name, kind in MEASURES
        )

    @property
    def imbalance(self) -> float:
        """How far the weighted untreated cards still lie from all cards, in standard deviations, at most."""
        if isinstance(self.overlap, Refused):
            return 0.0
        return max((abs(each.after) for each in self.overlap.balance), default=0.0)

    def measure(self, key: str) -> Measure:
        """One of them."""
        return next(each for each in self.measures if each.key == key)

    def _aware(self, key: str) -> Figure:
        """The weighted figure, with its drawn interval where there is one."""
        if isinstance(self.weighted, Refused):
            return self.weighted
        formula = _guarded(key, self.weighted)
        if self.drawn is None or isinstance(formula, Refused):
            return formula
        if key == "needed" and self.drawn.ppv.low > 0:
            ppv = self.drawn.ppv
            return Estimate(1 / ppv.value, 1 / ppv.high, 1 / ppv.low)
        found: Estimate = getattr(self.drawn, key, formula)
        return found


MEASURES = (
    ("ppv", "PPV: cards followed by the event", "share"),
    ("needed", "Number needed to alert", "number"),
    ("sensitivity", "Sensitivity: events that had a card", "share"),
    ("specificity", "Specificity: no event and no card", "share"),
    ("net_benefit", "Net benefit per 1,000 of the cards shown, weighed at a threshold of {threshold}", "thousand"),
    ("auroc", "AUROC", "number"),
    ("average_precision", "AUPRC (average precision)", "number"),
    ("brier", "Brier score", "fine"),
    ("observed_expected", "Observed over expected (O:E)", "number"),
    ("calibration_slope", "Calibration slope", "number"),
    ("calibration_intercept", "Calibration intercept", "number"),
    ("in_the_large", "Calibration intercept with slope 1", "number"),
)


def side_by_side(
    rows: Rows, features: FloatArray, names: Sequence[str], threshold: float, rng: np.random.Generator
) -> SideBySide:
    """Both kinds of figures from one row for each stay. `features`: rows × names, what was logged of cards."""
    naive = _performance(rows, None, threshold)
    weight, seen, model = _weights(rows, features, names)
    weighted: Performance | Refused = seen if isinstance(seen, Refused) else seen.refusal or Refused("")
    drawn: AlertFigures | None = None
    bounds: tuple[IfUnlogged, ...] = ()
    if model is not None and weight is not None:
        weighted = _performance(rows, weight, threshold)
        bounds = at_usual_factors(rows.outcome[rows.alerted], model.weights())
        drawn = _drawn(rows, features, names, rng)
    return SideBySide(
        rows=len(rows.risk),
        events=int(rows.outcome.sum()),
        cards=int(rows.alerted.sum()),
        treated=int((rows.alerted & rows.treated).sum()),
        threshold=threshold,
        naive=naive,
        weighted=weighted,
        drawn=drawn,
        overlap=seen,
        bounds=bounds,
        assumes=assumes(list(dict.fromkeys(name.partition(":")[0] for name in names))),
        replicates=REPLICATES if drawn else 0,
        weight=weight,
    )


def adherence_weights(
    rows: Rows, features: FloatArray, names: Sequence[str]
) -> tuple[FloatArray | None, Overlap | Refused]:
    """The weight of each row (None where weighting is refused), and how well untreated cards stand for all."""
    weight, seen, _ = _weights(rows, features, names)
    return weight, seen


def _weights(
    rows: Rows, features: FloatArray, names: Sequence[str]
) -> tuple[FloatArray | None, Overlap | Refused, AdherenceModel | None]:
    """Fit the odds of leaving a card, and look whether they can be trusted."""
    alerted = rows.alerted
    if not alerted.any():
        return None, Refused("no card was shown, so there is nothing to allow for"), None
    untreated = (alerted & ~rows.treated & rows.followed_up)[alerted]
    model = fit_adherence(rows.risk[alerted], features[alerted], names, untreated)
    if isinstance(model, Refused):
        return None, model, None
    seen = overlap(model, rows.treated[alerted])
    if seen.refusal:
        return None, seen, None
    weight = np.ones_like(rows.risk)
    weight[alerted] = model.weights()
    return weight, seen, model


def _performance(rows: Rows, weight: FloatArray | None, threshold: float) -> Performance:
    """All measures of these rows, one for each stay. The stays of one patient are alike: patients are what is drawn."""
    return performance(
        rows.outcome, rows.risk, threshold, weight=weight, alerted=rows.alerted, clusters=rows.patient, grid=_NO_GRID
    )


def _drawn(rows: Rows, features: FloatArray, names: Sequence[str], rng: np.random.Generator) -> AlertFigures | None:
    """Bootstrap intervals, where there are few enough cards to draw them while somebody waits."""
    if int(rows.alerted.sum()) > MOST_BOOTSTRAPPED:
        return None
    found = feedback_aware(
        rows.outcome, rows.risk, rows.alerted, rows.treated, features, names, rng,
        followed_up=rows.followed_up, clusters=rows.patient, naive=False,
    )  # fmt: skip
    return None if isinstance(found, Refused) or isinstance(found.weighted, Refused) else found.weighted


def _guarded(key: str, found: Performance) -> Figure:
    """A measure as an estimate; a share of few rows is refused."""
    at = found.at_threshold
    if key == "calibration_slope":
        return _of_line(found.calibration_line, "slope")
    if key == "calibration_intercept":
        return _of_line(found.calibration_line, "intercept")
    if key == "observed_expected":
        ratio = found.observed_expected
        return ratio.ratio if isinstance(ratio, ObservedExpected) else ratio
    if key == "needed":
        few = as_estimate(at.ppv)
        return few if isinstance(few, Refused) else at.number_needed_to_alert
    if key in {"ppv", "sensitivity", "specificity"}:
        return as_estimate(getattr(at, key))
    plain: Figure = getattr(found, {"in_the_large": "intercept_in_the_large"}.get(key, key))
    return plain


def as_estimate(share: Share | Refused) -> Figure:
    """A share as an estimate; refused where it is one of fewer than eleven stays."""
    if isinstance(share, Refused):
        return share
    if share.rows < SMALLEST_SHOWN:
        return Refused(f"it would be a share of fewer than {SMALLEST_SHOWN} stays")
    return Estimate(share.value, share.low, share.high)


def _of_line(line: CalibrationLine | Refused, name: str) -> Figure:
    """One end of the calibration line."""
    if isinstance(line, Refused):
        return line
    found: Estimate = getattr(line, name)
    return found


def weeks_more(seen: Overlap | Refused, day: IntArray) -> int | None:
    """About how many more weeks, at the pace of these rows, until the untreated cards tell enough; None if they do.

    `day` of each row, in days since 1970. The effective number grows with time as the cards do. None also where time
    would not help: no untreated card, or a kind of card that is almost always acted on.
    """
    if isinstance(seen, Refused) or not 0 < seen.effective < SMALLEST_EFFECTIVE or seen.below > MOST_BELOW_FLOOR:
        return None
    weeks = (int(day.max()) - int(day.min()) + 1) / 7
    return math.ceil((SMALLEST_EFFECTIVE / seen.effective - 1) * weeks)


def verdict(found: SideBySide) -> str:
    """Which column to believe, and why, in a sentence or two."""
    acted = found.treated / found.cards if found.cards else 0.0
    if not found.cards:
        return (
            "No card was shown by this service, so nobody acted on one of its own: the naive figures are what the "
            "model does, unless another service gave cards about the same patients."
        )
    if isinstance(found.weighted, Refused):
        return (
            f"Believe neither column as a verdict on the model. {100 * acted:.0f} % of the cards were acted on, and a "
            "card that is heeded can prevent the event that it forecast, so the naive figures may look too bad; the "
            f"feedback-aware ones cannot be given: {found.weighted.reason}. Do not retrain or withdraw a model on this."
        )
    naive, aware = found.measure("ppv").naive, found.measure("ppv").aware
    if isinstance(naive, Refused) or isinstance(aware, Refused):
        return "There are too few cards or events to compare the two columns."
    moved = f"PPV {100 * naive.value:.1f} % as it came, {100 * aware.value:.1f} % allowing for the cards acted on"
    if abs(aware.value - naive.value) < max(aware.high - aware.value, 0.02):
        return (
            f"Both columns say about the same ({moved}), so either will do; {100 * acted:.0f} % of cards were acted on."
        )
    return (
        f"Believe the feedback-aware column: {100 * acted:.0f} % of the cards were acted on, and a heeded card can "
        f"prevent the event that it forecast and then look false ({moved}). The naive column describes what patients "
        "had, not how well the model foresees."
    )
