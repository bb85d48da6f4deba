"""The assessments of one service and one outcome, laid out once for the many questions of a page.

As `oversight.analytics.narrowed`, for pages that join outcomes: patients and stays become the same numbers on both
sides.
"""

from __future__ import annotations

from oversight.analytics.selection import Selection
from oversight.mart.mart import Questions

_NUMBERED = (
    "CASE WHEN patient IS NOT NULL THEN hash(patient) END AS patient, "
    "CASE WHEN encounter IS NOT NULL THEN hash(encounter) END AS encounter"
)
_EVENT = """
CREATE OR REPLACE TEMP TABLE event AS SELECT sequence, time, day, client, service, hook, unit_name, role, tier,
  tier_at_least, model_id, model_version, abstention, withheld, probability, card, outcome, acted, clinician, {numbered}
FROM event
WHERE hook <> 'smart-launch' AND abstention IS NULL AND probability IS NOT NULL AND sequence <= $entry AND {where}
"""
# As the views of these names have it, but numbered before stays are told apart, which is quicker.
_LATEST = """
CREATE OR REPLACE TEMP TABLE outcome_latest AS
WITH said AS MATERIALIZED (
  SELECT client, name, occurred, "at", sequence, {numbered} FROM outcome
  WHERE name = $outcome AND encounter IS NOT NULL)
SELECT * FROM said WHERE sequence IN (SELECT max(sequence) FROM said GROUP BY client, patient, encounter)
"""
_STANDING = """
CREATE OR REPLACE TEMP TABLE outcome_standing AS
SELECT client, name, occurred, "at", sequence, {numbered} FROM outcome_standing
WHERE name = $outcome AND encounter IS NULL
"""


def lay_out(mart: Questions, selection: Selection, outcome_name: str, entry: int) -> None:
    """From here on `event` has the assessments of a selection up to this entry, and outcomes are those of this name.

    Outcomes of a stay are in `outcome_latest`, those that name none in `outcome_standing`.
    """
    # Nothing below depends on the order of rows: where it matters, the question says so.
    mart.rows("SET preserve_insertion_order = false")
    where, values = selection.where()
    mart.rows(_EVENT.format(numbered=_NUMBERED, where=where), values | {"entry": entry})
    lay_out_outcomes(mart, outcome_name)


def lay_out_outcomes(mart: Questions, outcome_name: str) -> None:
    """Outcomes alone, for an `event` in which patients and stays are such numbers already."""
    for laid_out in (_LATEST, _STANDING):
        mart.rows(laid_out.format(numbered=_NUMBERED), {"outcome": outcome_name})
