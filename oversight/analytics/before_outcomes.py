"""What outcomes are expected to show before they are in: CBPE for the last four weeks, from the weeks before.

The badge goes with every figure: an estimate from risks taken at their word cannot see that their meaning has changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from oversight.analytics.judged_stays import Rows
from oversight.analytics.selection import Selection
from oversight.analytics.side_by_side import Figure, as_estimate
from oversight.mart.mart import Questions
from oversight.statistics.discrimination import auroc
from oversight.statistics.estimated import BLIND_TO, Estimated, estimated
from oversight.statistics.labelled import BoolArray, labelled, shared
from oversight.statistics.operating_point import operating_point
from oversight.statistics.refused import Refused
from oversight.tallies import Period

DAYS = 28
BADGE = f"blind to {BLIND_TO}"
_REPLICATES = 100
_EPOCH = date(1970, 1, 1)
# The latest ones: a recalibration on more hardly differs, and takes longer than somebody waits.
_MOST_REFERENCE = 20_000
_FIRSTS = """
SELECT min(sequence) AS sequence, arg_min(probability, sequence) AS probability, arg_min(card, sequence) AS card,
  hash(client, arg_min(coalesce(patient, encounter), sequence)) AS patient
FROM event WHERE {where} GROUP BY client, coalesce(encounter, patient) HAVING min(day) >= $start ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class Realised:
    """What outcomes say: of the stays known in a period."""

    period: Period
    rows: int
    events: int
    auroc: Figure
    ppv: Figure
    sensitivity: Figure


@dataclass(frozen=True, slots=True)
class BeforeOutcomes:
    """The estimate for `period`; the last figures from outcomes (`lagged`), and those of the period so far."""

    period: Period
    estimate: Estimated | Refused
    lagged: Realised
    so_far: Realised


def before_outcomes(mart: Questions, selection: Selection, rows: Rows, rng: np.random.Generator) -> BeforeOutcomes:
    """`rows`: one for each stay with a known outcome. The last four weeks of the selection against those before."""
    last = selection.period.last
    first = max(selection.period.first, last - timedelta(days=DAYS - 1))
    start = (first - _EPOCH).days
    where, values = selection.where()
    now = mart.arrays(_FIRSTS.format(where=where), values | {"start": start})
    before = rows.day < start
    used = np.flatnonzero(before)[-_MOST_REFERENCE:]
    estimate = estimated(
        rows.outcome[used], rows.risk[used], np.asarray(now["probability"], dtype=np.float64), 0.0, rng,
        alerted=np.asarray(now["card"], dtype=np.bool_), reference_ids=rows.sequence[used], ids=now["sequence"],
        reference_alerted=rows.alerted[used], reference_patients=rows.patient[used], patients=now["patient"],
        replicates=_REPLICATES,
    )  # fmt: skip
    reference = Period(selection.period.first, max(selection.period.first, first - timedelta(days=1)))
    return BeforeOutcomes(
        Period(first, last), estimate, _realised(reference, rows, before), _realised(Period(first, last), rows, ~before)
    )


def _realised(period: Period, rows: Rows, here: BoolArray) -> Realised:
    """Outcomes as they came, which is what the estimate is an estimate of."""
    found = labelled(rows.outcome[here], rows.risk[here])
    patients = shared(rows.patient[here])
    at = operating_point(found, rows.alerted[here], patients)
    area = auroc(found, patients)
    return Realised(period, found.rows, found.events, area, as_estimate(at.ppv), as_estimate(at.sensitivity))
