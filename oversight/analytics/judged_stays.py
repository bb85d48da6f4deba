"""Judged assessments as measures of performance want them: first of each stay, and what is known of their treatment.

The first assessment of a stay is the row that counts. A later one is no row of its own: if the first card was acted on,
what came afterwards no longer says what would have come, and no weight puts that right.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from oversight.analytics.judged import MICROSECONDS_PER_HOUR, judged
from oversight.analytics.outcome_question import OutcomeQuestion
from oversight.analytics.selection import Selection
from oversight.mart.mart import Questions
from oversight.statistics.labelled import BoolArray, FloatArray, IntArray

_MICROSECONDS_PER_DAY = 24 * MICROSECONDS_PER_HOUR
# 1 January 1970 was a Thursday: day 4 is the first Monday.
_FIRST_MONDAY = 4


@dataclass(frozen=True, slots=True)
class Known:
    """How many assessments there are, and of how many the outcome is known, not told, not due, or had come before."""

    assessments: int
    known: int
    unknown: int
    too_early: int
    already: int


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Equally long arrays, in the order of the ledger; `outcome` is 0 or 1, `risk` 0 to 1.

    `followed_up`: whether it is known that a card without an answer was left, or not. `lead_hours` from the assessment
    to the event. `stay` is the same number for the same stay, `patient` for the same patient: hashes, so nobody's
    identity is here. `unit`, `version` are texts.
    """

    sequence: IntArray
    time: IntArray
    risk: FloatArray
    outcome: FloatArray
    alerted: BoolArray
    treated: BoolArray
    followed_up: BoolArray
    accepted: BoolArray
    overridden: BoolArray
    lead_hours: FloatArray
    stay: npt.NDArray[Any]
    patient: npt.NDArray[Any]
    unit: npt.NDArray[Any]
    version: npt.NDArray[Any]

    def where(self, keep: BoolArray | IntArray) -> Rows:
        """Some of them."""
        return Rows(*(getattr(self, name)[keep] for name in self.__slots__))

    def first_of_each_stay(self) -> Rows:
        """One row for each stay: its first."""
        firsts = np.unique(self.stay, return_index=True)[1]
        return self.where(np.sort(firsts))

    def sample(self, most: int) -> Rows:
        """About `most` stays, all rows of each, or all where there are no more. The same stays each time.

        `stay` is a hash, so that those with the smallest ones are drawn by chance.
        """
        if len(self.stay) <= most:
            return self
        stay = self.stay.astype(np.uint64)
        return self.where(stay < np.partition(stay, most)[most])

    @property
    def day(self) -> IntArray:
        """Days since 1970 (UTC)."""
        return self.time // _MICROSECONDS_PER_DAY

    @property
    def monday(self) -> IntArray:
        """The Monday of each row, in days since 1970."""
        return self.day - (self.day - _FIRST_MONDAY) % 7

    @property
    def hour(self) -> IntArray:
        """Hour of the day (UTC)."""
        return self.time // MICROSECONDS_PER_HOUR % 24


def judged_rows(mart: Questions, selection: Selection, question: OutcomeQuestion) -> tuple[Rows, Known]:
    """All assessments of a selection with a known outcome, and how many there are besides."""
    found = judged(mart, selection, question.name, question.window_hours, by_encounter=True)
    known = Known(found.assessments, found.known, found.unknown, found.too_early, found.already)
    return _rows(found.rows), known


def _rows(found: Mapping[str, npt.NDArray[Any]]) -> Rows:
    """As arrays of their kinds. Where no action was ever looked up, silence does not mean that nothing was done."""
    flags = {name: np.asarray(found[name], dtype=np.bool_) for name in ("alerted", "treated", "accepted", "overridden")}
    looked_up = bool(np.any(found["action_seen"]))
    return Rows(
        sequence=np.asarray(found["sequence"], dtype=np.int64),
        time=np.asarray(found["time"], dtype=np.int64),
        risk=np.asarray(found["probability"], dtype=np.float64),
        outcome=np.asarray(found["outcome"], dtype=np.float64),
        followed_up=np.ones_like(flags["treated"]) if looked_up else flags["treated"] | flags["overridden"],
        lead_hours=np.asarray(found["lead_hours"], dtype=np.float64),
        stay=np.asarray(found["encounter"]),
        patient=np.asarray(found["patient"]),
        unit=np.asarray(found["unit"]),
        version=np.asarray(found["model_version"]),
        **flags,
    )
