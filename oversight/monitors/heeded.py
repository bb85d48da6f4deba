"""Which assessments a heeded card may have touched, so that outcomes as they came cannot be held against a model.

Heeding a card keeps away the event that it forecast. So fewer events than expected, a flat slope and a lower AUROC are
what good advice looks like in naive figures. But only so far: a few heeded cards explain no large effect. So the
figures are asked again as if every heeded stay had had the event after all, which is the most that heeding can have
kept away; what is an alarm even then stays one. More events than expected are one too: no heeded card explains them. A
model in shadow has no cards, but those of another service may have been heeded in the same stays.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from oversight.analytics.selection import Selection
from oversight.mart.mart import Questions
from oversight.monitors.judged_source import JudgedRows
from oversight.monitors.result import Check, Status
from oversight.monitors.weeks import during
from oversight.tallies import Period

EXPLAINED = (
    "Heeded cards alone can bring that about, so it is no alarm. A model that has become worse can look the same: look "
    "at it if this stays."
)
UNEXPLAINED = "Heeded cards alone cannot bring that about."
_ELSEWHERE = """
WITH heeded AS (SELECT DISTINCT client, encounter FROM event WHERE card AND service <> $mine AND encounter IS NOT NULL
  AND (outcome = 'accepted' OR sequence IN (SELECT advice_sequence FROM acted)))
SELECT sequence FROM event JOIN heeded USING (client, encounter) WHERE {where}
"""


def heeded_rows(rows: JudgedRows, mart: Questions, selection: Selection, period: Period) -> npt.NDArray[np.bool_]:
    """The rows of stays in which a card of the service was acted on, or one of another service."""
    where, values = during(selection, period).where()
    found = mart.arrays(_ELSEWHERE.format(where=where), values | {"mine": selection.service})
    own = np.isin(rows.cluster, rows.cluster[rows.alerted & rows.treated])
    return np.asarray(own | np.isin(rows.sequence, found["sequence"].astype(np.int64)), dtype=np.bool_)


def at_most_averted(rows: JudgedRows, heeded: npt.NDArray[np.bool_]) -> JudgedRows:
    """As if no heeded row had been without the event: the most that can have been kept away."""
    return replace(rows, outcome=np.where(heeded, 1.0, rows.outcome))


def explained(check: Check) -> Check:
    """The check, at most to be watched."""
    if check.level is not Status.ALARM:
        return check
    return replace(check, level=Status.WATCH, words=f"{check.words} {EXPLAINED}")


def unexplained(check: Check, best: Check) -> Check:
    """The check, as sure as it is at `best`, the one of rows of which the most was averted."""
    return replace(check, p=max(check.p, best.p), words=f"{check.words} {UNEXPLAINED}")
