"""The values and reasons behind the advice, as columns: read out of the findings, which the ledger keeps as bytes.

Taking a finding apart costs more than copying a row, so these parts are made by themselves and may lag behind the
others. Each row has a fixed number drawn from its place in the ledger (`DRAWS`), and the rows of a part lie in that
order: a sample reads a corner of each file and not the whole.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Connection, func, select

from oversight import tables
from oversight.mart.parts import Columns, Parts
from oversight.mart.same_ledger import remember
from oversight.stored_numbers import NOTHING, Numbers, numbers
from oversight.vocabulary import Vocabulary, from_row

VALUE, WORD = "value", "word"
# Rows of one part. Findings are larger than rows.
ROWS = 20_000
DRAWS = 1_000
ORDER, GROUP = "draw, sequence", 2048
# As SQL over a column `sequence`, and below as numpy: the golden ratio spreads neighbours apart (Knuth, TAOCP 6.4).
DRAW = f"(sequence * 2654435761 % 4294967296) * {DRAWS} // 4294967296"
VALUE_KINDS = {
    "sequence": "BIGINT", "draw": "INTEGER", "vocabulary": "BIGINT", "value": "FLOAT[]", "effect": "FLOAT[]",
    "reads": "VARCHAR[]", "facts": "INTEGER", "unit_unknown": "INTEGER", "implausible": "INTEGER",
    "signals": "INTEGER", "missing": "INTEGER", "age_hours": "DOUBLE",
}  # fmt: skip
WORD_KINDS = {
    "sequence": "BIGINT", "place": "INTEGER", "feature": "VARCHAR", "concept": "VARCHAR", "concept_label": "VARCHAR",
    "label": "VARCHAR", "unit": "VARCHAR", "lead": "BOOLEAN",
}  # fmt: skip
_WORDS = ("feature", "concept", "concept_label", "label", "unit", "lead")
_ADVICE = tables.advice.c
_FINDINGS = select(_ADVICE.sequence, _ADVICE.vocabulary, _ADVICE.finding_format, _ADVICE.finding)


def bring_up_values(
    connection: Connection, folder: Path, at_most: int | None, told: Callable[[str, int], object]
) -> None:
    """Part after part, each after the words that it needs; at most so many rows. Raises `LedgerUnavailable`."""
    parts, words = Parts(folder / VALUE), Parts(folder / WORD)
    known = {each.sequence: each for each in _vocabularies(connection) if each.sequence is not None}
    new = [each for number, each in sorted(known.items()) if number > words.last()]
    if rows := _word_rows(new):
        remember(connection, tables.vocabulary, words, int(rows["sequence"][-1]))
        words.add(rows)
    left = at_most
    while left is None or left > 0:
        found = _value_rows(connection, known, parts.last(), ROWS if left is None else min(ROWS, left))
        if found is None:
            break
        remember(connection, tables.advice, parts, int(found["sequence"][-1]))
        parts.add(found, order=ORDER, group=GROUP)
        told(VALUE, parts.last())
        left = None if left is None else left - ROWS
    parts.merge(order=ORDER, group=GROUP)


def values_behind(connection: Connection, folder: Path) -> int:
    """How many findings are not there yet."""
    newest = connection.scalar(select(func.max(_ADVICE.sequence))) or 0
    return newest - Parts(folder / VALUE).last()


def _vocabularies(connection: Connection) -> list[Vocabulary]:
    """All words of the ledger: some kilobytes a model and version."""
    table = tables.vocabulary.c
    return [from_row(row) for row in connection.execute(select(table.sequence, table.content).order_by(table.sequence))]


def _word_rows(vocabularies: list[Vocabulary]) -> Columns | None:
    """One row for each word of each vocabulary; None where there is none."""
    rows = [
        (each.sequence, place, *(dict(zip(each.fields, word, strict=True)).get(name, "") for name in _WORDS))
        for each in vocabularies
        for place, word in enumerate(each.words)
    ]
    if not rows:
        return None
    columns = zip(*rows, strict=True)
    kinds = {"sequence": np.int64, "place": np.int32, "lead": np.bool_}
    return {name: np.array(column, kinds.get(name, object)) for name, column in zip(WORD_KINDS, columns, strict=True)}


def _value_rows(connection: Connection, known: dict[int, Vocabulary], after: int, size: int) -> Columns | None:
    """The next findings as columns, or None where there are none."""
    found = connection.execute(_FINDINGS.where(_ADVICE.sequence > after).order_by(_ADVICE.sequence).limit(size)).all()
    if not found:
        return None
    sequence = np.array([row.sequence for row in found], dtype=np.int64)
    each = [_taken(row, known.get(row.vocabulary)) for row in found]
    columns: dict[str, Any] = {
        "sequence": sequence,
        "draw": (sequence * 2654435761 % 4294967296 * DRAWS // 4294967296).astype(np.int32),
        "vocabulary": np.array([row.vocabulary or 0 for row in found], dtype=np.int64),
        "value": _lists([one.values for one in each]),
        "effect": _lists([one.effects for one in each]),
        "reads": _lists([one.reads for one in each]),
        "age_hours": np.array([one.age_hours for one in each], dtype=np.float64),
    }
    for name in ("facts", "unit_unknown", "implausible", "signals", "missing"):
        columns[name] = np.array([getattr(one, name) for one in each], dtype=np.int32)
    return columns


def _taken(row: Any, vocabulary: Vocabulary | None) -> Numbers:
    """The numbers of one row; what has no words has none."""
    return NOTHING if vocabulary is None else numbers(row.finding, row.finding_format, vocabulary)


def _lists(lists: list[list[Any]]) -> Any:
    """Lists in one column."""
    column = np.empty(len(lists), dtype=object)
    for place, each in enumerate(lists):
        column[place] = each
    return column
