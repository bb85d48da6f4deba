"""Discrimination, calibration and PPV week by week or month by month, both ways, and which of them are complete."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from oversight.analytics.judged_stays import Rows
from oversight.analytics.outcome_question import OutcomeQuestion
from oversight.analytics.selection import Selection
from oversight.mart.mart import Questions
from oversight.override_rates import Step
from oversight.statistics.labelled import FloatArray, IntArray
from oversight.statistics.over_time import InPeriod, over_time

_EPOCH = date(1970, 1, 1)
_STAYS = """
SELECT CAST(date_trunc('{step}', DATE '1970-01-01' + day) AS DATE) AS start,
  count(DISTINCT hash(client, coalesce(encounter, patient)))
FROM event WHERE {where}
GROUP BY 1 ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A week or month from `start`. `stays`: assessed in it; `complete`: its outcomes have had their time.

    `naive` is None where no outcome is known, `aware` also where weighting is refused.
    """

    start: date
    stays: int
    complete: bool
    naive: InPeriod | None
    aware: InPeriod | None


def stretches(
    mart: Questions,
    selection: Selection,
    question: OutcomeQuestion,
    rows: Rows,
    weight: FloatArray | None,
    step: Step,
    until: datetime | None,
) -> tuple[Stretch, ...]:
    """By the day of the assessment. `until`: how far the figures reach."""
    where, values = selection.where()
    counted = mart.rows(_STAYS.format(step=step.value, where=where), values)
    code = period_codes(rows, step)
    naive = _by_start(over_time(rows.outcome, rows.risk, code, clusters=rows.patient, alerted=rows.alerted))
    aware = {}
    if weight is not None:
        found = over_time(rows.outcome, rows.risk, code, weight=weight, clusters=rows.patient, alerted=rows.alerted)
        aware = _by_start(found)
    return tuple(
        Stretch(start, stays, _complete(start, step, question, until), naive.get(start), aware.get(start))
        for start, stays in counted
    )


def period_codes(rows: Rows, step: Step) -> IntArray:
    """The first day of each row's week or month, in days since 1970."""
    if step is Step.MONTH:
        days: npt.NDArray[Any] = rows.day.astype("datetime64[D]").astype("datetime64[M]").astype("datetime64[D]")
        return np.asarray(days.astype(np.int64), dtype=np.int64)
    return rows.monday


def _by_start(found: tuple[InPeriod, ...]) -> dict[date, InPeriod]:
    """By first day."""
    return {_EPOCH + timedelta(days=each.period): each for each in found}


def _complete(start: date, step: Step, question: OutcomeQuestion, until: datetime | None) -> bool:
    """Whether the last assessment of a stretch has had its time."""
    if until is None:
        return False
    after = start + timedelta(days=7) if step is Step.WEEK else (start + timedelta(days=32)).replace(day=1)
    due = datetime(after.year, after.month, after.day, tzinfo=until.tzinfo) + timedelta(hours=question.patience)
    return due <= until
