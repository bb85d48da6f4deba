"""Performance before outcomes arrive: confidence-based performance estimation (CBPE) on recalibrated risks.

Each risk is recalibrated on labelled reference rows (isotonic; alerts by themselves, where that is known), and then
taken at its word: PPV = mean of q over alerts, sensitivity = Σq·A / Σq, AUROC from cumulative q and 1 - q in the order
of risk. That holds while patients change and the meaning of a risk does not; if that changes (concept drift), this
figure cannot see it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oversight.statistics.bootstrap import REPLICATES
from oversight.statistics.discrimination import roc_area
from oversight.statistics.estimate import Estimate
from oversight.statistics.isotonic import fit_isotonic
from oversight.statistics.labelled import (
    FEWEST,
    BoolArray,
    FloatArray,
    IntArray,
    Labelled,
    codes,
    labelled,
    shared,
    too_few,
)
from oversight.statistics.performance import Performance
from oversight.statistics.recalibration_draws import Material, drawn_again, interval
from oversight.statistics.refused import Refused
from oversight.statistics.risk_groups import distinct_risks

FEWEST_ALERTS = 200
FEWEST_REFERENCE_ROWS = 1000
FEWEST_REFERENCE_EVENTS = 50
MOST_BEYOND = 0.02
"""Of the alerts: which share may lie below every alert of the reference. Of the others: above every other one."""
BY_CHANCE = 0.001
"""More than that share counts only where chance brings it more rarely than this."""
BLIND_TO = "concept drift"


@dataclass(frozen=True, slots=True)
class Estimated:
    """What outcomes are expected to show, with intervals for what they will show if only the mix of patients changed.

    `blind_to`: what this cannot see. `last_realised`: the last figures from outcomes, to be shown beside it.
    `outside`: the share of risks beyond those of the reference rows, for which the recalibration is only held level.
    """

    ppv: Estimate | Refused
    sensitivity: Estimate | Refused
    auroc: Estimate
    expected_events: float
    rows: int
    alerts: int
    reference_rows: int
    reference_events: int
    outside: float
    blind_to: str
    last_realised: Performance | None


def estimated(
    reference_outcome: npt.ArrayLike,
    reference_risk: npt.ArrayLike,
    risk: npt.ArrayLike,
    threshold: float,
    rng: np.random.Generator,
    *,
    alerted: BoolArray | None = None,
    reference_alerted: BoolArray | None = None,
    reference_ids: npt.ArrayLike | None = None,
    ids: npt.ArrayLike | None = None,
    reference_patients: npt.ArrayLike | None = None,
    patients: npt.ArrayLike | None = None,
    last_realised: Performance | None = None,
    replicates: int = REPLICATES,
) -> Estimated | Refused:
    """Estimate from risks whose outcomes are not yet known. `alerted` None: risk >= threshold.

    The reference must not have trained the model, and must share no row with the rows estimated: ids of both are
    compared where given, and a shared one is refused. Refused below 1000 reference rows or 50 of either outcome; PPV
    and sensitivity below 200 alerts. Raises ValueError for arrays that do not fit together.

    `reference_alerted` and `alerted`: which rows were alerts. Rows with an alert are then recalibrated by themselves,
    where there are 50 of either outcome with one and without: a card that is acted on averts its event, so that at the
    threshold what a risk means drops, which a never-falling line cannot follow. Refused where alerts are now given, or
    left out, at risks where they were not before (another threshold): what becomes of such rows is not known, and with
    a line from elsewhere, or one for all, PPV was .02 to .06 and sensitivity .05 to .24 off.

    `reference_patients` and `patients`: whose rows they are, labels of one kind; those of one patient are drawn
    together, and a reference whose events, or other rows, are of fewer than ten patients is refused.

    Of 1500 to 2000 simulated periods each, with references of 1000 to 6000 rows (67 to 700 events), patients sicker or
    not, 94 to 96.5 % of the intervals held what outcomes then showed; 96.5 to 99 where the model is very telling, or
    where nearly all events are alerted on, and that of sensitivity 97 to 98 where patients come often. What will come
    is drawn as independent, given the risk: where outcomes of a patient's stays are alike beyond their risks, intervals
    held in 93 to 97 % with two to four stays of a patient and likeness of .3 to .5, and in 86 to 92 with four or ten
    and .7.
    """
    reference = labelled(reference_outcome, reference_risk)
    now = labelled(np.zeros_like(np.asarray(risk, dtype=np.float64)), risk)
    if refusal := _reference_refusal(reference) or _shared(reference_ids, ids, reference.rows, now.rows):
        return refusal
    shown = now.risk >= threshold if alerted is None else alerted
    if shown.shape != now.risk.shape:
        raise ValueError("alerted must be as long as the risks")
    patient = _patients(reference_patients, patients, reference.rows, now.rows)
    if patient is not None and (refusal := too_few(reference, shared(patient[: reference.rows]))):
        return refusal
    apart = None
    if alerted is not None and reference_alerted is not None:
        if refusal := _moved(reference, reference_alerted, now.risk, alerted):
            return refusal
        apart = _apart(reference, reference_alerted, patient)
    chances = _recalibrated(reference, apart, now.risk, shown)
    events = float(chances.sum())
    if min(events, now.rows - events) < FEWEST:
        return Refused(f"{events:.1f} events are expected among {now.rows} rows: at least {FEWEST} are needed")
    groups = distinct_risks(now.risk)
    area = roc_area(groups.sums(chances), groups.sums(1 - chances))
    drawn = drawn_again(Material(reference, now.risk, shown, apart, patient), rng, replicates)
    alerts = int(shown.sum())
    few = Refused(f"{alerts} alerts: at least {FEWEST_ALERTS} are needed") if alerts < FEWEST_ALERTS else None
    return Estimated(
        ppv=few or interval(float(chances[shown].mean()), drawn.ppv, alerts),
        sensitivity=few or interval(float(chances[shown].sum() / events), drawn.sensitivity, events),
        auroc=interval(area, drawn.auroc, events * (now.rows - events)),
        expected_events=events,
        rows=now.rows,
        alerts=alerts,
        reference_rows=reference.rows,
        reference_events=reference.events,
        outside=float(np.mean((now.risk < reference.risk.min()) | (now.risk > reference.risk.max()))),
        blind_to=BLIND_TO,
        last_realised=last_realised,
    )


def _moved(reference: Labelled, reference_alerted: BoolArray, risk: FloatArray, alerted: BoolArray) -> Refused | None:
    """Refuse where the threshold is another one than in the reference, above it or below."""
    if reference_alerted.shape != reference.risk.shape:
        raise ValueError("reference_alerted must be as long as the reference")
    given = _beyond(-reference.risk[reference_alerted], -risk[alerted])
    left_out = _beyond(reference.risk[~reference_alerted], risk[~alerted])
    if not given and not left_out:
        return None
    return Refused(
        f"alerts are {'given' if given else 'left out'} at risks at which they were {'not given' if given else 'given'}"
        " in the reference, as after another threshold: what becomes of such stays is not known before their outcomes"
    )


def _beyond(reference: FloatArray, now: FloatArray) -> bool:
    """Whether more values lie above every one of the reference than `MOST_BEYOND`, and than chance brings.

    Of values from one distribution the k largest all are among `now` with the probability that k drawn without
    replacement are (the exceedances of Gumbel and von Schelling 1950, Ann Math Stat 21:247-262).
    """
    beyond = int(np.count_nonzero(now > reference.max())) if len(reference) else len(now)
    if beyond < FEWEST or beyond <= MOST_BEYOND * len(now):
        return False
    k = np.arange(beyond)
    return float(np.prod((len(now) - k) / (len(now) + len(reference) - k))) < BY_CHANCE or not len(reference)


def _apart(reference: Labelled, reference_alerted: BoolArray, patient: IntArray | None) -> BoolArray | None:
    """Which reference rows were alerts, if these can be recalibrated by themselves, and the others too."""
    for kind in (reference_alerted, ~reference_alerted):
        some = labelled(reference.outcome[kind], reference.risk[kind])
        if min(some.events, some.rows - some.events) < FEWEST_REFERENCE_EVENTS:
            return None
        if patient is not None and too_few(some, codes(patient[: reference.rows][kind])[0]):
            return None
    return reference_alerted


def _recalibrated(reference: Labelled, apart: BoolArray | None, risk: FloatArray, shown: BoolArray) -> FloatArray:
    """The chance of the event of each row."""
    if apart is None:
        return fit_isotonic(reference.risk, reference.outcome)(risk)
    without, alert = (fit_isotonic(reference.risk[kind], reference.outcome[kind])(risk) for kind in (~apart, apart))
    return np.where(shown, alert, without)


def _reference_refusal(reference: Labelled) -> Refused | None:
    """A recalibration on too few rows would be noise."""
    scarcer = min(reference.events, reference.rows - reference.events)
    if reference.rows >= FEWEST_REFERENCE_ROWS and scarcer >= FEWEST_REFERENCE_EVENTS:
        return None
    return Refused(
        f"the reference has {reference.rows} rows, {reference.events} with the event: at least "
        f"{FEWEST_REFERENCE_ROWS} rows and {FEWEST_REFERENCE_EVENTS} of either outcome are needed"
    )


def _shared(
    reference_ids: npt.ArrayLike | None, ids: npt.ArrayLike | None, reference_rows: int, rows: int
) -> Refused | None:
    """Refuse if a row stands on both sides, or if there is none to estimate."""
    if rows == 0:
        return Refused("no row to estimate")
    if reference_ids is None or ids is None:
        return None
    one, other = np.asarray(reference_ids), np.asarray(ids)
    if one.shape != (reference_rows,) or other.shape != (rows,):
        raise ValueError("there must be an id for each row")
    number = int(np.isin(other, one).sum())
    return Refused(f"{number} rows are also in the reference: they must not be") if number else None


def _patients(
    reference_patients: npt.ArrayLike | None, patients: npt.ArrayLike | None, reference_rows: int, rows: int
) -> IntArray | None:
    """Codes of the patients of reference rows and then of rows; None where they are not known or none comes back."""
    if reference_patients is None or patients is None:
        return None
    one, other = np.asarray(reference_patients), np.asarray(patients)
    if one.shape != (reference_rows,) or other.shape != (rows,):
        raise ValueError("there must be a patient for each row")
    if np.result_type(one, other).kind != one.dtype.kind:  # large numbers of unlike kinds become equal as floats
        raise ValueError("patients of the reference and of the rows must be labels of one kind")
    return shared(np.concatenate([one, other]))
