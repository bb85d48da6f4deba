"""`Mart`: questions about many entries, in SQL over the columns, answered as arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy.typing as npt

from oversight.mart.columns import COPIED, Copied
from oversight.mart.parts import Parts, quoted

# What one question may take, so that it leaves room for the hooks beside it.
SETTINGS: dict[str, str | bool | int | float | list[str]] = {"memory_limit": "512MB", "threads": 2}

# Each advice with the feedback that decides: the latest by the clinician's time, then by arrival; quarantine never
# decides, and a withdrawal is no answer. `card` is what somebody could have answered. Moments are in microseconds.
_EVENT = """
CREATE VIEW event AS
WITH decided AS (
  SELECT advice_sequence, arg_max(struct_pack(
      outcome := outcome, at := time, channel := channel, reason := reason_code, reason_system := reason_system,
      reason_display := reason_display, comment := comment, role := role, clinician := clinician
    ), struct_pack(t := time, s := sequence)) AS last
  FROM feedback WHERE quarantine IS NULL GROUP BY advice_sequence)
SELECT advice.*, DATE '1970-01-01' + day AS date,
  withheld IS NULL AND abstention IS NULL AND hook <> 'smart-launch' AS card,
  nullif(last.outcome, 'withdrawn') AS outcome, last.channel AS channel,
  CASE WHEN last.outcome <> 'withdrawn' THEN (last.at - time) / 1e6 END AS seconds,
  CASE WHEN last.outcome <> 'withdrawn' THEN last.reason END AS reason,
  CASE WHEN last.outcome <> 'withdrawn' THEN last.reason_display END AS reason_display,
  CASE WHEN last.outcome <> 'withdrawn' THEN last.comment END AS comment
FROM advice LEFT JOIN decided ON decided.advice_sequence = advice.sequence
"""


@dataclass(frozen=True, slots=True)
class Mart:
    """The mart in a folder, which `oversight.mart.build` brings up to the ledger."""

    folder: Path

    @contextmanager
    def open(self) -> Iterator[Questions]:
        """A connection of its own, with the views `advice`, `feedback` and `event`."""
        with duckdb.connect(config=SETTINGS) as connection:
            for copied in COPIED:
                files = Parts(self.folder / copied.name).files()
                listed = ", ".join(map(quoted, files))
                source = f"read_parquet([{listed}])" if files else _nothing(copied)
                connection.execute(f"CREATE VIEW {copied.name} AS SELECT * FROM {source}")  # noqa: S608
            connection.execute(_EVENT)
            yield Questions(connection)


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


def _nothing(copied: Copied) -> str:
    """An empty table with the columns of one that has no rows yet."""
    names = ("sequence", *copied.names)
    columns = ", ".join(f"CAST(NULL AS {_KINDS.get(name, 'VARCHAR')}) AS {name}" for name in names)
    return f"(SELECT {columns} WHERE false)"


_KINDS = {
    "sequence": "BIGINT", "time": "BIGINT", "day": "INTEGER", "base_rate": "DOUBLE", "probability": "DOUBLE",
    "tier_at_least": "DOUBLE", "advice_sequence": "BIGINT", "received": "BIGINT",
}  # fmt: skip
