"""Assessments beside what came of them: the rows that measures of performance are made from.

Each assessment with a risk falls in exactly one place: its outcome is known (`rows`), nobody has said anything about it
(`unknown`), what was said does not reach to the end of its window (`too_early`), or the event had come before the
assessment (`already`), so that there was nothing left to foresee.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from oversight.analytics.selection import Selection
from oversight.mart.mart import Questions

MICROSECONDS_PER_HOUR = 3_600_000_000
# Later than any moment, and still a sum with one.
_EVER = 2**62
_YES, _NO, _ALREADY, _EARLY, _NOTHING = range(5)


@dataclass(frozen=True, slots=True)
class Judged:
    """`rows`: equally long arrays, one entry for each assessment whose outcome is known, in the order of the ledger.

    sequence (int64, the row of the ledger), time (int64, microseconds since 1970), probability (0 to 1), alerted (a
    card was shown), outcome (0 or 1), lead_hours (from assessment to event; NaN without one, or without its time),
    unit, tier and model_version (text), encounter (uint64, the same for the same stay; where no stay is named, the
    same for the same patient), accepted, overridden, action_seen (something was done afterwards, seen in the record)
    and treated (accepted, or action seen).
    """

    rows: dict[str, npt.NDArray[Any]]
    unknown: int
    too_early: int
    already: int

    @property
    def known(self) -> int:
        """How many assessments have an outcome."""
        return len(self.rows["outcome"])

    @property
    def assessments(self) -> int:
        """All assessments with a risk, of which `known` are in the rows."""
        return self.known + self.unknown + self.too_early + self.already


_CHOSEN = """
WITH chosen AS (
  SELECT sequence, client, patient, encounter, time, probability, card, outcome AS answer, unit_name, tier,
    model_version
  FROM event
  WHERE hook <> 'smart-launch' AND abstention IS NULL AND probability IS NOT NULL AND {where}),
stay AS (
  SELECT chosen.sequence, last.occurred, last."at" AS came FROM chosen JOIN outcome_latest AS last
    ON last.client = chosen.client AND last.patient = chosen.patient AND last.encounter = chosen.encounter
  WHERE $by_encounter AND last.name = $outcome),
patient AS (
  SELECT chosen.sequence, max(said."at") AS until,
    min(said."at") FILTER (said.occurred AND said."at" > chosen.time AND said."at" <= chosen.time + $window) AS came
  FROM chosen JOIN outcome_standing AS said ON said.client = chosen.client AND said.patient = chosen.patient
  WHERE said.name = $outcome AND (said.encounter IS NULL OR NOT $by_encounter) GROUP BY chosen.sequence),
settled AS (
  SELECT chosen.*, coalesce(stay.came, patient.came) AS came, CASE
    WHEN stay.occurred THEN CASE
      WHEN stay.came IS NULL THEN CASE WHEN $bounded THEN {early} ELSE {yes} END
      WHEN stay.came <= chosen.time THEN {already}
      WHEN stay.came <= chosen.time + $window THEN {yes} ELSE {no} END
    WHEN NOT stay.occurred THEN CASE WHEN stay.came < chosen.time THEN {early} ELSE {no} END
    WHEN patient.came IS NOT NULL THEN {yes}
    WHEN patient.until >= chosen.time + $reach THEN {no}
    WHEN patient.sequence IS NOT NULL THEN {early}
    ELSE {nothing} END AS verdict
  FROM chosen LEFT JOIN stay USING (sequence) LEFT JOIN patient USING (sequence))
"""
_ROWS = """
SELECT settled.sequence, time, probability, card AS alerted, verdict,
  CASE WHEN verdict = {yes} THEN (came - time) / {hour} END AS lead_hours, unit_name AS unit,
  coalesce(tier, '') AS tier, model_version, hash(client, coalesce(encounter, patient)) AS encounter,
  coalesce(answer = 'accepted', false) AS accepted, coalesce(answer = 'overridden', false) AS overridden,
  acted.advice_sequence IS NOT NULL AS action_seen
FROM settled LEFT JOIN acted ON acted.advice_sequence = settled.sequence ORDER BY settled.sequence
"""


def judged(
    mart: Questions, selection: Selection, outcome_name: str, window_hours: float | None, *, by_encounter: bool
) -> Judged:
    """The assessments of a selection, each with its outcome as far as that is known.

    With `by_encounter`, what was said about the stay of an assessment decides: "did not occur" holds for the whole stay
    as far as it was known. What names no stay (or, without `by_encounter`, everything said about the patient) is placed
    by its time: it counts in (assessment, assessment + window], and "no" needs word from the end of the window or
    later. `window_hours` None: without an end. Openings of the page, abstentions and scores are not in it.
    """
    where, values = selection.where()
    words = {"yes": _YES, "no": _NO, "already": _ALREADY, "early": _EARLY, "nothing": _NOTHING}
    window = _EVER if window_hours is None else round(window_hours * MICROSECONDS_PER_HOUR)
    asked = {
        "outcome": outcome_name,
        "by_encounter": by_encounter,
        "bounded": window_hours is not None,
        "window": window,
        "reach": 0 if window_hours is None else window,
    }
    question = (_CHOSEN + _ROWS).format(where=where, hour=MICROSECONDS_PER_HOUR, **words)
    found = mart.arrays(question, values | asked)
    verdict = found.pop("verdict")
    known = verdict <= _NO
    rows = found if known.all() else {name: column[known] for name, column in found.items()}
    rows["outcome"] = (verdict[known] == _YES).astype(np.float64)
    rows["lead_hours"] = np.ma.filled(rows["lead_hours"].astype(np.float64), np.nan)
    rows["treated"] = rows["accepted"] | rows["action_seen"]
    nothing, early, already = (int(np.count_nonzero(verdict == one)) for one in (_NOTHING, _EARLY, _ALREADY))
    return Judged(rows, unknown=nothing, too_early=early, already=already)
