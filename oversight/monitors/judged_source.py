"""Rows with known outcomes: asked of a Protocol, which `oversight.analytics.judged.judged` fills."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from oversight.analytics.selection import Selection
from oversight.mart.mart import Questions
from oversight.monitors.thresholds import Thresholds
from oversight.monitors.weeks import during
from oversight.statistics.labelled import IntArray, codes
from oversight.tallies import Period

Array = npt.NDArray[Any]
# The `needs` of a monitor that asks for such rows (see `oversight.monitors.run`).
JUDGED_NEEDS = (
    "sequence", "time", "service", "client", "patient", "encounter", "unit_name", "hook", "abstention", "probability",
    "card", "outcome",
)  # fmt: skip


class WithRows(Protocol):
    """What is read of an answer: equally long arrays by name."""

    @property
    def rows(self) -> Mapping[str, Array]:
        """Among them sequence, probability, outcome, alerted, treated, overridden, action_seen, unit.

        And encounter and patient: the same for the same stay, and for the same patient.
        """
        ...


class JudgedSource(Protocol):
    """Assessments with a risk whose outcome is known."""

    def __call__(
        self,
        mart: Questions,
        selection: Selection,
        outcome_name: str,
        window_hours: float | None,
        *,
        by_encounter: bool,
    ) -> WithRows:
        """Those of a selection. `window_hours` is how long the outcome has to come."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class JudgedRows:
    """Equally long: risk and outcome (0 to 1, 0 or 1), card shown, acted on, known to be acted on or not, and who.

    `cluster` is the same for rows of one stay, and `patient` (codes from 0) for those of one patient, who are what is
    independent; `person` is the patient's hash, the same in any period; `sequence` is the row of the ledger, `unit`
    where it was.
    """

    risk: npt.NDArray[np.float64]
    outcome: npt.NDArray[np.float64]
    alerted: npt.NDArray[np.bool_]
    treated: npt.NDArray[np.bool_]
    followed_up: npt.NDArray[np.bool_]
    cluster: Array
    patient: IntArray
    person: Array
    unit: Array
    sequence: npt.NDArray[np.int64]


def judged_rows(
    source: JudgedSource, mart: Questions, selection: Selection, period: Period, thresholds: Thresholds
) -> JudgedRows:
    """The rows of a period.

    A card that nobody answered counts as not acted on only where actions are looked up in the record at all.
    """
    asked = during(selection, period)
    rows = source(mart, asked, thresholds.outcome, thresholds.window_hours, by_encounter=True).rows
    treated = np.asarray(rows["treated"], dtype=np.bool_)
    answered = treated | np.asarray(rows["overridden"], dtype=np.bool_)
    looked_up = bool(np.any(rows["action_seen"]))
    return JudgedRows(
        risk=np.asarray(rows["probability"], dtype=np.float64),
        outcome=np.asarray(rows["outcome"], dtype=np.float64),
        alerted=np.asarray(rows["alerted"], dtype=np.bool_),
        treated=treated,
        followed_up=np.ones_like(treated) if looked_up else answered,
        cluster=rows["encounter"],
        patient=codes(rows["patient"])[0],
        person=rows["patient"],
        unit=rows["unit"],
        sequence=np.asarray(rows["sequence"], dtype=np.int64),
    )


def ripe(week: Period, thresholds: Thresholds, weeks: int) -> Period:
    """The latest weeks whose outcomes have all had time to come by the end of `week`, `weeks` of them."""
    over = -(-int(np.ceil(thresholds.outcome_hours / 24)) // 7)
    end = week.last - timedelta(weeks=over)
    return Period(end - timedelta(weeks=weeks) + timedelta(days=1), end)
