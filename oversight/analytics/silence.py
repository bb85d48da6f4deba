"""Which share of the shown cards nobody answered, by group: what an override rate is to be read beside."""

from __future__ import annotations

from oversight.analytics.selection import By, Selection
from oversight.mart.mart import Questions
from oversight.proportions import Proportion, proportion

_COUNTS = """
SELECT CAST({by} AS VARCHAR), count(*) FILTER (outcome IS NULL), count(*) FROM event WHERE card AND {where}
GROUP BY 1 ORDER BY 1
"""


def no_answer_shares(mart: Questions, selection: Selection, by: By) -> dict[str, Proportion]:
    """Of every group that was shown a card; the cards that have no group stand under the empty name."""
    where, values = selection.where()
    rows = mart.rows(_COUNTS.format(by=by.value, where=where), values)
    shares = {key or "": proportion(silent, cards) for key, silent, cards in rows}
    return {key: share for key, share in shares.items() if share is not None}
