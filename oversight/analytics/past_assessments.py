"""Past assessments as the simulator replays them: all of them for the burden, first of each stay for the worth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from oversight.analytics.judged_stays import Rows
from oversight.analytics.selection import Selection
from oversight.mart.mart import Questions
from oversight.statistics.labelled import BoolArray, FloatArray, IntArray

_EPOCH_DAY = 719_163  # of 1970-01-01, as `date.toordinal` counts
_UNITS = "SELECT DISTINCT CAST(unit_name AS VARCHAR) FROM event WHERE {where} ORDER BY 1"
_ALL = """
SELECT sequence, time // 1000000 AS seconds, day, probability, card, list_position($units, unit_name) - 1 AS unit,
  hash(client, coalesce(encounter, patient)) AS stay, hash(clinician) AS clinician, clinician <> '' AS named
FROM event WHERE {where} ORDER BY sequence
"""
_STAFF = """
SELECT list_position($units, unit_name) - 1, count(DISTINCT (hash(clinician), day)) FROM event
WHERE clinician <> '' AND {where} GROUP BY 1
"""


@dataclass(frozen=True, slots=True, eq=False)
class Past:
    """All assessments with a risk, in the order of the ledger: equally long arrays.

    `unit`: place in `units`; `day` from 0 to `days` - 1; `card`: one was shown. `stay` and `clinician` from 0
    (`clinician` -1 where nobody is named). `staff`: clinician-days of each unit. `outcome` NaN where it is not known.
    """

    sequence: IntArray
    seconds: IntArray
    risk: FloatArray
    unit: IntArray
    units: tuple[str, ...]
    day: IntArray
    days: int
    card: BoolArray
    stay: IntArray
    clinician: IntArray
    staff: FloatArray
    outcome: FloatArray

    @property
    def stays(self) -> int:
        """How many different ones."""
        return int(self.stay.max(initial=-1)) + 1


def past_assessments(mart: Questions, selection: Selection, known: Rows) -> Past:
    """Those of a selection that is laid out; `known`: all rows whose outcome is known."""
    where, values = selection.where()
    units = [unit for (unit,) in mart.rows(_UNITS.format(where=where), values)]
    asked = values | {"units": units}
    found = mart.arrays(_ALL.format(where=where), asked)
    staff = np.zeros(len(units))
    for place, number in mart.rows(_STAFF.format(where=where), asked):
        staff[place] = number
    sequence = np.asarray(found["sequence"], dtype=np.int64)
    outcome = np.full(len(sequence), np.nan)
    outcome[np.searchsorted(sequence, known.sequence)] = known.outcome
    people = np.unique(found["clinician"], return_inverse=True)[1].astype(np.int64)
    return Past(
        sequence=sequence,
        seconds=np.asarray(found["seconds"], dtype=np.int64),
        risk=np.asarray(found["probability"], dtype=np.float64),
        unit=np.asarray(found["unit"], dtype=np.int64),
        units=tuple(units),
        day=np.asarray(found["day"], dtype=np.int64) - (selection.period.first.toordinal() - _EPOCH_DAY),
        days=(selection.period.last - selection.period.first).days + 1,
        card=np.asarray(found["card"], dtype=np.bool_),
        stay=np.unique(found["stay"], return_inverse=True)[1].astype(np.int64),
        clinician=np.where(np.asarray(found["named"], dtype=np.bool_), people, -1),
        staff=staff,
        outcome=outcome,
    )
