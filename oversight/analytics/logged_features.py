"""What was logged when a card was given, as columns for the odds that it was acted on.

Whoever reads a card goes by more than the risk: where they work, the hour, the week, the version, and, where that is
loaded for audit, the group of the patient. What is not logged cannot be allowed for, and the page says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from oversight.analytics.judged_stays import Rows
from oversight.mart.mart import Questions
from oversight.statistics.labelled import BoolArray, FloatArray

# At most so many values of a thing have a column of their own, the most frequent ones; the rest is what they are held
# against. A value that is rarer than this among the cards tells too little.
MOST_VALUES = 12
FEWEST_CARDS = 30
_NIGHT_FROM, _NIGHT_TO = 20, 8

_CARDS = """
CREATE OR REPLACE TEMP TABLE cards AS SELECT sequence, client, patient FROM event
WHERE card AND sequence IN (SELECT unnest($sequences::BIGINT[]))
"""
_SAID = """
CREATE OR REPLACE TEMP TABLE said AS
SELECT client, hash(patient) AS patient, attribute, arg_max(value, sequence) AS value FROM patient_group
WHERE hash(patient) IN (SELECT patient FROM cards) GROUP BY ALL
"""
_LABELS = "SELECT attribute, value FROM said GROUP BY ALL HAVING count(*) >= $fewest ORDER BY count(*) DESC, 1, 2"
_WHO = """
SELECT cards.sequence, list_position($labels, said.attribute || ': ' || said.value) AS label
FROM said JOIN cards USING (client, patient) WHERE label IS NOT NULL
"""


def logged_features(mart: Questions, rows: Rows) -> tuple[FloatArray, tuple[str, ...]]:
    """Rows × names: columns of 0 and 1, filled in for the rows with a card only. The entries must be laid out."""
    places = np.flatnonzero(rows.alerted)
    cards = rows.where(places)
    found = [
        *_columns("unit", cards.unit),
        *_columns("version", cards.version),
        *_columns("week", cards.monday),
        ("night", (cards.hour >= _NIGHT_FROM) | (cards.hour < _NIGHT_TO)),
        *_groups(mart, cards),
    ]
    matrix = np.zeros((len(rows.risk), len(found)))
    matrix[places] = np.column_stack([column for _, column in found]) if len(places) else 0.0
    return matrix, tuple(name for name, _ in found)


def _columns(label: str, values: npt.NDArray[Any]) -> Iterator[tuple[str, BoolArray]]:
    """One column for each frequent value, but the most frequent one."""
    days = values.dtype.kind in "iu"
    found, code, counts = np.unique(values if days else values.astype(str), return_inverse=True, return_counts=True)
    for place in np.argsort(-counts, kind="stable")[1 : MOST_VALUES + 1].tolist():
        if counts[place] >= FEWEST_CARDS:
            name = found[place].astype("datetime64[D]") if days else found[place]
            yield f"{label}: {name}", np.asarray(code == place, dtype=np.bool_)


def _groups(mart: Questions, cards: Rows) -> Iterator[tuple[str, BoolArray]]:
    """Groups of the patients, as far as they are loaded: one column for each frequent one, but the most frequent."""
    mart.rows(_CARDS, {"sequences": cards.sequence.tolist()})
    mart.rows(_SAID)
    seen: dict[str, list[str]] = {}
    for attribute, value in mart.rows(_LABELS, {"fewest": FEWEST_CARDS}):
        seen.setdefault(attribute, []).append(f"{attribute}: {value}")
    labels = [label for values in seen.values() for label in values[1 : MOST_VALUES + 1]]
    if not labels:
        return
    found = mart.arrays(_WHO, {"labels": labels})
    place = np.searchsorted(cards.sequence, found["sequence"])
    for code, label in enumerate(labels, start=1):
        column = np.zeros(len(cards.sequence), dtype=np.bool_)
        column[place[found["label"] == code]] = True
        yield label, column
