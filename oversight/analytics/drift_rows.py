"""The rows that drift is read from: one for each stay before a day and one since, with its values and reasons.

Entries about one stay resemble each other, and counting them all would make every week look moved. Of many stays a
sample is read, by the number that each entry has drawn (`oversight.mart.values`): same question, same rows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

from oversight.analytics.selection import Selection
from oversight.mart.mart import Questions
from oversight.mart.values import DRAW, DRAWS

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

# So many stays of each period at most, unless somebody waits for more: medians and shares are then known to a percent.
SAMPLE = 10_000
_FIRST_DAY = date(1970, 1, 1)
_MONDAY_1970 = 4  # the first Monday: Thursday was the first day


@dataclass(frozen=True, slots=True)
class Feature:
    """A column of values: its name in the ledger, its words, and the concept that it describes."""

    name: str
    label: str
    unit: str
    concept: str
    concept_label: str


@dataclass(frozen=True, slots=True, eq=False)
class DriftRows:
    """One entry for each stay and period that was drawn, in no order that means anything.

    `now`: since the day, else before it. `week`: weeks since 1970. `unit`, `version`: texts. `risk`: NaN for none.
    `values` and `effects` (log-odds): rows × `features`, NaN where there is none; `valued` rows have been read, so that
    what is missing there was missing. `stays` are (before, now) of the whole selection, `share` the drawn part of it.
    """

    now: Flags
    week: Integers
    unit: npt.NDArray[Any]
    version: npt.NDArray[Any]
    risk: Floats
    values: Floats
    effects: Floats
    valued: Flags
    features: tuple[Feature, ...]
    stays: tuple[int, int]
    share: float
    sequence: Integers = field(repr=False)

    @property
    def rows(self) -> tuple[int, int]:
        """How many were drawn, before and now."""
        number = int(self.now.sum())
        return len(self.now) - number, number

    @property
    def version_in_use(self) -> str:
        """That of most entries now, "" of none."""
        names, numbers = np.unique(self.version[self.now], return_counts=True)
        return str(names[np.argmax(numbers)]) if len(names) else ""

    def chosen(self, here: Flags) -> DriftRows:
        """Some of the rows, shape (rows,). `stays` and `share` stay those of the whole."""
        return replace(self, **{name: getattr(self, name)[here] for name in _BY_ROW})


_BY_ROW = ("now", "week", "unit", "version", "risk", "values", "effects", "valued", "sequence")
# Out of `advice`: what was answered does not matter here, and joining it would take half of the time.
_FIRSTS = """
CREATE OR REPLACE TEMP TABLE drift_first AS
SELECT sequence, day, day >= $since AS now, probability, unit_name, model_version, tier, abstention, role, hook, client,
  encounter IS NOT NULL AS encounter, withheld IS NULL AND abstention IS NULL AS card
FROM advice WHERE hook <> 'smart-launch' AND {where} AND (day < $until OR day >= $since)
QUALIFY row_number() OVER (
  PARTITION BY hash(client, encounter IS NULL, coalesce(encounter, patient)), day >= $since ORDER BY time, sequence) = 1
"""
_DRAWN = f"CREATE OR REPLACE TEMP TABLE drift_drawn AS SELECT * FROM drift_first WHERE {DRAW} < $limit"  # noqa: S608
_ROWS = """
SELECT drawn.sequence, day, now, unit_name, model_version, probability, value.sequence IS NOT NULL AS valued
FROM drift_drawn AS drawn LEFT JOIN value ON value.sequence = drawn.sequence AND value.draw < $limit
  AND len(value.value) > 0
"""
_VALUES = """
SELECT sequence, vocabulary, generate_subscripts(value, 1) - 1 AS place, unnest(value) AS value,
  unnest(effect) AS effect
FROM value WHERE draw < $limit AND sequence IN (SELECT sequence FROM drift_drawn)
"""
_WORDS = "SELECT sequence, place, feature, label, unit, concept, concept_label FROM word ORDER BY sequence, place"


def drift_rows(
    mart: Questions, selection: Selection, since: date, sample: int | None = SAMPLE, until: date | None = None
) -> DriftRows:
    """The stays of a selection, before `until` (or `since`) and from `since` on; all of them where `sample` is None.

    Leaves two tables behind for further questions: `drift_first` (all stays) and `drift_drawn` (those of the sample).
    """
    where, asked = selection.where()
    days = {"since": (since - _FIRST_DAY).days, "until": ((until or since) - _FIRST_DAY).days}
    mart.rows(_FIRSTS.format(where=where), asked | days)
    counts = dict(mart.rows("SELECT now, count(*) FROM drift_first GROUP BY 1"))
    stays = (counts.get(False, 0), counts.get(True, 0))
    limit = DRAWS if sample is None else min(DRAWS, math.ceil(DRAWS * sample / max(*stays, 1)))
    mart.rows(_DRAWN, {"limit": limit})
    found = mart.arrays(_ROWS, {"limit": limit})
    sequence = np.asarray(found["sequence"], dtype=np.int64)
    order = np.argsort(sequence)
    rows = {name: np.ma.getdata(column)[order] for name, column in found.items()}
    features, values, effects = _matrices(mart, rows["sequence"].astype(np.int64), limit)
    return DriftRows(
        now=rows["now"].astype(np.bool_),
        week=(rows["day"].astype(np.int64) - _MONDAY_1970) // 7,
        unit=rows["unit_name"].astype(str),
        version=rows["model_version"].astype(str),
        risk=np.ma.filled(np.ma.asarray(found["probability"], dtype=np.float64), np.nan)[order],
        values=values,
        effects=effects,
        valued=rows["valued"].astype(np.bool_),
        features=features,
        stays=stays,
        share=limit / DRAWS,
        sequence=rows["sequence"].astype(np.int64),
    )


def monday(week: int) -> date:
    """The first day of a week since 1970."""
    return date.fromordinal(_FIRST_DAY.toordinal() + 7 * int(week) + _MONDAY_1970)


def _matrices(mart: Questions, sequence: Integers, limit: int) -> tuple[tuple[Feature, ...], Floats, Floats]:
    """Values and reasons as rows × features. A feature is the same in all versions that call it the same."""
    found = mart.arrays(_VALUES, {"limit": limit})
    words = mart.rows(_WORDS)
    used = set(np.unique(found["vocabulary"]).tolist())
    columns: dict[str, int] = {}
    told: dict[str, Feature] = {}
    place_of = np.zeros((len(used), 1 + max((row[1] for row in words if row[0] in used), default=0)), dtype=np.int64)
    vocabularies = np.array(sorted(used), dtype=np.int64)
    for number, place, name, label, unit, concept, concept_label in words:
        if number in used:
            column = columns.setdefault(name, len(columns))
            place_of[np.searchsorted(vocabularies, number), place] = column
            told[name] = Feature(name, label, unit, concept, concept_label)
    values, effects = (np.full((len(sequence), len(columns)), np.nan) for _ in range(2))
    row = np.searchsorted(sequence, np.ma.getdata(found["sequence"]))
    columns_of = place_of[
        np.searchsorted(vocabularies, np.ma.getdata(found["vocabulary"])),
        np.ma.getdata(found["place"]).astype(np.int64),
    ]
    for matrix, name in ((values, "value"), (effects, "effect")):
        matrix[row, columns_of] = np.ma.filled(np.ma.asarray(found[name], dtype=np.float64), np.nan)
    return _named(told, columns), values, effects


def _named(told: dict[str, Feature], columns: Sequence[str] | dict[str, int]) -> tuple[Feature, ...]:
    """The features in the order of their columns."""
    return tuple(told[name] for name in columns)
