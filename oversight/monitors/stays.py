"""The stays of a week and of the weeks before, read once for all monitors of values and reasons: it is what costs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from oversight.analytics.drift_rows import DriftRows, drift_rows
from oversight.analytics.selection import Selection
from oversight.mart.mart import Questions
from oversight.monitors.result import MonitorResult
from oversight.monitors.thresholds import Thresholds
from oversight.monitors.weeks import WEEK, during, reference
from oversight.tallies import Period

# Who lay there before the week is assessed later in the stay than those that it is held against.
_EARLIER = """
WITH mine AS (SELECT sequence, client, encounter IS NULL AS nameless, coalesce(encounter, patient) AS stay
  FROM advice WHERE sequence IN (SELECT sequence FROM drift_first WHERE now)),
earlier AS (SELECT client, encounter IS NULL AS nameless, coalesce(encounter, patient) AS stay
  FROM advice WHERE hook <> 'smart-launch' AND {where})
SELECT sequence FROM mine SEMI JOIN earlier USING (client, nameless, stay)
"""


@dataclass(frozen=True, slots=True, eq=False)
class StayWeek:
    """`rows`: the first assessment of each stay in the weeks before, and of each that began in the week; all of them.

    Stays of the week that were assessed before it (`older` of them) are left out, so that first assessments are held
    against first assessments. `mart` has the tables that `drift_rows` leaves, with the older stays in them.
    """

    mart: Questions
    rows: DriftRows
    older: int


def stay_week(mart: Questions, selection: Selection, thresholds: Thresholds) -> StayWeek:
    """Read the week of a selection and its reference weeks."""
    week, before = selection.period, reference(selection.period, thresholds.reference_weeks)
    asked = during(selection, Period(before.first, week.last))
    rows = drift_rows(mart, asked, week.first, None, until=before.last + WEEK / 7)
    where, values = during(selection, Period(before.first, week.first - WEEK / 7)).where()
    earlier = mart.arrays(_EARLIER.format(where=where), values)["sequence"]
    older = rows.now & np.isin(rows.sequence, np.asarray(earlier, dtype=np.int64))
    return StayWeek(mart, rows.chosen(~older), int(older.sum()))


class StayMonitor(ABC):
    """A monitor that looks at what was read of the stays; `run` reads it for this one alone."""

    name: str
    subject: str
    needs = ("day", "time", "client", "service", "patient", "encounter", "hook", "model_version", "unit_name")

    def run(
        self, mart: Questions, selection: Selection, thresholds: Thresholds, rng: np.random.Generator
    ) -> MonitorResult:
        """Read the stays of the selection's week and of its reference weeks, and judge."""
        return self.judge(stay_week(mart, selection, thresholds), thresholds, rng)

    @abstractmethod
    def judge(self, stays: StayWeek, thresholds: Thresholds, rng: np.random.Generator) -> MonitorResult:
        """The answer."""
