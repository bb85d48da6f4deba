"""`Mart`: questions about many entries, in SQL over the columns, answered as arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy.typing as npt

from clinical.errors import LedgerUnavailable
from oversight.mart.columns import COPIED, Copied
from oversight.mart.parts import Parts, quoted
from oversight.mart.same_ledger import REMADE
from oversight.mart.values import VALUE, VALUE_KINDS, WORD, WORD_KINDS

# What one question may take, so that it leaves room for the hooks beside it.
SETTINGS: dict[str, str | bool | int | float | list[str]] = {"memory_limit": "512MB", "threads": 2}
SPILL = "spill"
# Parts are never changed, so what each says of itself is read once for all questions of a connection.
_REMEMBERED = ("LOAD parquet", "SET parquet_metadata_cache = true")

# Each advice with the feedback that decides: the latest by the clinician's time, then by arrival; quarantine never
# decides, and a withdrawal is no answer. `card` is what somebody could have answered; `acted`: an action was seen
# that was not done before the advice. Moments are in microseconds.
_EVENT = """
CREATE VIEW event AS
WITH decided AS (
  SELECT feedback.* FROM (SELECT max_by(sequence, (time, sequence)) AS latest FROM feedback
    WHERE quarantine IS NULL GROUP BY advice_sequence) JOIN feedback ON feedback.sequence = latest),
done AS (SELECT advice_sequence, max(coalesce("at", 9223372036854775807)) AS last FROM action_seen GROUP BY 1)
SELECT advice.*, DATE '1970-01-01' + advice.day AS date,
  withheld IS NULL AND abstention IS NULL AND hook <> 'smart-launch' AS card,
  nullif(decided.outcome, 'withdrawn') AS outcome, decided.channel AS channel,
  CASE WHEN decided.outcome <> 'withdrawn' THEN (decided.time - advice.time) / 1e6 END AS seconds,
  CASE WHEN decided.outcome <> 'withdrawn' THEN decided.reason_system END AS reason_system,
  CASE WHEN decided.outcome <> 'withdrawn' THEN decided.reason_code END AS reason,
  CASE WHEN decided.outcome <> 'withdrawn' THEN decided.reason_display END AS reason_display,
  CASE WHEN decided.outcome <> 'withdrawn' THEN decided.comment END AS comment,
  CASE WHEN decided.outcome <> 'withdrawn' THEN decided.clinician END AS answered_by,
  coalesce(done.last >= advice.time, false) AS acted
FROM advice LEFT JOIN decided ON decided.advice_sequence = advice.sequence
  LEFT JOIN done ON done.advice_sequence = advice.sequence
"""

# What was said last about each stay or patient.
_OUTCOME_LATEST = """
CREATE VIEW outcome_latest AS
SELECT client, patient, encounter, name, last.occurred AS occurred, last.happened AS "at", last.sequence AS sequence
FROM (SELECT client, patient, encounter, name,
    arg_max(struct_pack(occurred := occurred, happened := "at", sequence := sequence), sequence) AS last
  FROM outcome GROUP BY client, patient, encounter, name)
"""
# Of what names no stay there may be several events. Each stands until a later "did not occur" covers its time.
_OUTCOME_STANDING = """
CREATE VIEW outcome_standing AS
SELECT client, patient, encounter, name, occurred, "at", sequence
FROM (SELECT *, row_number() OVER later AS place,
    max(CASE WHEN NOT occurred THEN coalesce("at", 9223372036854775807) END)
      OVER (later ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS denied
  FROM outcome WINDOW later AS (PARTITION BY client, patient, encounter, name ORDER BY sequence DESC))
WHERE place = 1 OR (encounter IS NULL AND occurred AND "at" > coalesce(denied, -1))
"""
_PATIENT_ATTRIBUTE = """
CREATE VIEW patient_attribute AS
SELECT client, patient, attribute, arg_max(value, sequence) AS value
FROM patient_group GROUP BY client, patient, attribute
"""
# What was done before an advice was not done because of it.
_ACTED = """
CREATE VIEW acted AS
SELECT advice_sequence, count(*) AS actions, min(action_seen."at") AS first
FROM action_seen JOIN advice ON advice.sequence = advice_sequence
WHERE action_seen."at" IS NULL OR action_seen."at" >= advice.time GROUP BY advice_sequence
"""
_VIEWS = (_EVENT, _OUTCOME_LATEST, _OUTCOME_STANDING, _PATIENT_ATTRIBUTE, _ACTED)


@dataclass(frozen=True, slots=True)
class Mart:
    """The mart in a folder, which `oversight.mart.build` brings up to the ledger."""

    folder: Path

    @contextmanager
    def open(self) -> Iterator[Questions]:
        """A connection of its own, with a view for each table of `COPIED`, and `event`.

        Behind each advice stand its values and reasons (`value`, `word`), as far as they were read.
        What came of it: `outcome_latest`, `outcome_standing`, `patient_attribute`, `acted` (actions after advice).
        Raises `LedgerUnavailable`, also while questions are asked, where a part cannot be read.
        """
        # What does not fit into memory goes beside the parts, not into the working folder. DuckDB marks each file there
        # with its owner, and clears away what a killed process left.
        config = SETTINGS | {"temp_directory": str(self.folder / SPILL)}
        with told_in_words(), duckdb.connect(config=config) as connection:
            for setting in _REMEMBERED:
                connection.execute(setting)
            for copied in COPIED:
                connection.execute(_view(copied, Parts(self.folder / copied.name).files()))
            for name, kinds in ((VALUE, VALUE_KINDS), (WORD, WORD_KINDS)):
                connection.execute(_view_of(name, kinds, Parts(self.folder / name).files()))
            for view in _VIEWS:
                connection.execute(view)
            yield Questions(connection)


@contextmanager
def told_in_words() -> Iterator[None]:
    """Damage of a part as `LedgerUnavailable`. A question of ours that is wrong stays the fault that it is."""
    try:
        yield
    except duckdb.OutOfMemoryException as fault:
        raise LedgerUnavailable("A question to the mart needs more memory than it may take.") from fault
    except duckdb.Error as fault:
        if isinstance(fault, duckdb.ProgrammingError) and not isinstance(fault, duckdb.InvalidInputException):
            raise
        raise LedgerUnavailable(f"The mart cannot be read. If that stays so, a part is damaged. {REMADE}") from fault


@dataclass(frozen=True, slots=True)
class Questions:
    """An open mart. Values go in as parameters, never into the text of a question."""

    connection: duckdb.DuckDBPyConnection

    def arrays(self, sql: str, values: Mapping[str, Any] | None = None) -> dict[str, npt.NDArray[Any]]:
        """The answer as one array for each column."""
        return dict(self.connection.execute(sql, values or {}).fetchnumpy())

    def rows(self, sql: str, values: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """The answer as rows."""
        return self.connection.execute(sql, values or {}).fetchall()


def _view(copied: Copied, files: Sequence[Path]) -> str:
    """The view of one table. A part in which a column is all gaps does not know its type, so each is told here."""
    return _view_of(copied.name, {name: _KINDS.get(name, "VARCHAR") for name in ("sequence", *copied.names)}, files)


def _view_of(table: str, kinds: Mapping[str, str], files: Sequence[Path]) -> str:
    """The view of columns of these kinds."""
    columns = ", ".join(f'CAST("{name}" AS {kind}) AS "{name}"' for name, kind in kinds.items())
    listed = ", ".join(map(quoted, files))
    source = f"read_parquet([{listed}], union_by_name = true)" if files else _nothing(tuple(kinds))
    return f"CREATE VIEW {table} AS SELECT {columns} FROM {source}"  # noqa: S608


def _nothing(names: Sequence[str]) -> str:
    """No rows with these columns."""
    return "(SELECT " + ", ".join(f'NULL AS "{name}"' for name in names) + " WHERE false)"


_KINDS = {
    "sequence": "BIGINT", "time": "BIGINT", "day": "INTEGER", "base_rate": "DOUBLE", "probability": "DOUBLE",
    "tier_at_least": "DOUBLE", "advice_sequence": "BIGINT", "received": "BIGINT", "occurred": "BOOLEAN", "at": "BIGINT",
}  # fmt: skip
