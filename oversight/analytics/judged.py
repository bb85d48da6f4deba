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
    same for the same patient), patient (uint64, the same for the same patient), accepted, overridden, action_seen
    (something was done afterwards, seen in the record) and treated (accepted, or action seen).
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
  SELECT sequence, client, patient, encounter, time, probability, card, outcome AS answer, acted, unit_name, tier,
    model_version
  FROM event
  WHERE hook <> 'smart-launch' AND abstention IS NULL AND probability IS NOT NULL AND (card OR NOT $cards) AND {where}),
stay AS (
  SELECT client, patient, encounter, occurred, "at" AS came FROM outcome_latest
  WHERE $by_encounter AND name = $outcome),
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
  FROM chosen LEFT JOIN stay ON stay.client = chosen.client AND stay.patient = chosen.patient
      AND stay.encounter = chosen.encounter
    LEFT JOIN patient ON patient.sequence = chosen.sequence)
"""
_SETTLED = """
CREATE OR REPLACE TEMP TABLE judged_row AS {chosen}
SELECT sequence, time, probability, card AS alerted, verdict,
  CASE WHEN verdict = {yes} THEN (came - time) / {hour} END AS lead_hours, CAST(unit_name AS VARCHAR) AS unit,
  coalesce(CAST(tier AS VARCHAR), '') AS tier, CAST(model_version AS VARCHAR) AS model_version,
  hash(client, coalesce(encounter, patient)) AS encounter, hash(client, coalesce(patient, encounter)) AS patient,
  coalesce(answer = 'accepted', false) AS accepted, coalesce(answer = 'overridden', false) AS overridden,
  acted AS action_seen
FROM settled
"""
# Texts of which there are few different ones come as numbers: to make a text of each row takes longer than the joins.
_TEXTS = ("unit", "tier", "model_version")
_DIFFERENT = "SELECT {} FROM judged_row WHERE verdict <= {}".format(  # noqa: S608 (our names)
    ", ".join(f"list(DISTINCT {name})" for name in _TEXTS), _NO
)
_ROWS = "SELECT * REPLACE ({}) FROM judged_row WHERE verdict <= {} ORDER BY sequence".format(  # noqa: S608 (our names)
    ", ".join(f"list_position(CAST(${name} AS VARCHAR[]), {name}) - 1 AS {name}" for name in _TEXTS), _NO
)


def judged(
    mart: Questions,
    selection: Selection,
    outcome_name: str,
    window_hours: float | None,
    *,
    by_encounter: bool,
    cards: bool = False,
) -> Judged:
    """The assessments of a selection, each with its outcome as far as that is known.

    With `by_encounter`, what was said about the stay of an assessment decides: "did not occur" holds for the whole stay
    as far as it was known. What names no stay (or, without `by_encounter`, everything said about the patient) is placed
    by its time: it counts in (assessment, assessment + window], and "no" needs word from the end of the window or
    later. `window_hours` None: without an end. Openings of the page, abstentions and scores are not in it; with `cards`
    only what was shown is.
    """
    where, values = selection.where()
    words = {"yes": _YES, "no": _NO, "already": _ALREADY, "early": _EARLY, "nothing": _NOTHING}
    window = _EVER if window_hours is None else round(window_hours * MICROSECONDS_PER_HOUR)
    asked = {
        "outcome": outcome_name,
        "by_encounter": by_encounter,
        "cards": cards,
        "bounded": window_hours is not None,
        "window": window,
        "reach": 0 if window_hours is None else window,
    }
    chosen = _CHOSEN.format(where=where, **words)
    mart.rows(_SETTLED.format(chosen=chosen, hour=MICROSECONDS_PER_HOUR, **words), values | asked)
    counts = dict(mart.rows("SELECT verdict, count(*) FROM judged_row GROUP BY 1"))
    rows = _rows(mart)
    mart.rows("DROP TABLE judged_row")
    return Judged(
        rows, unknown=counts.get(_NOTHING, 0), too_early=counts.get(_EARLY, 0), already=counts.get(_ALREADY, 0)
    )


def _rows(mart: Questions) -> dict[str, npt.NDArray[Any]]:
    """Those whose outcome is known."""
    (different,) = mart.rows(_DIFFERENT)
    texts = {name: each or [] for name, each in zip(_TEXTS, different, strict=True)}
    rows = mart.arrays(_ROWS, texts)
    for name, each in texts.items():
        rows[name] = np.array(each, dtype=object)[rows[name].astype(np.int64)]
    rows["outcome"] = (rows.pop("verdict") == _YES).astype(np.float64)
    rows["lead_hours"] = np.ma.filled(rows["lead_hours"].astype(np.float64), np.nan)
    rows["treated"] = rows["accepted"] | rows["action_seen"]
    return rows
