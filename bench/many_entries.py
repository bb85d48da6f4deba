"""A mart of many entries: a made-up history, written through the ledger, and then repeated as often as is wanted."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb

from chartside.history.plan import SERVICES, Plan
from chartside.history.seed import Wishes, seed
from models.runtime.catalogue import read_manifests
from oversight.database import open_engine
from oversight.mart.build import LEDGER, bring_up
from oversight.mart.columns import COPIED
from oversight.mart.parts import Parts, quoted
from oversight.mart.values import DRAW, VALUE, WORD
from oversight.pseudonyms import Pseudonyms
from oversight.schema import upgrade

LAST_DAY = date(2026, 5, 31)
# A house with ten times the patients has not ten times the clinicians.
CLINICIANS = 5


def seeded(folder: Path, stays: int = Plan().stays) -> Path:
    """The mart of a ledger (SQLite) with ninety made-up days."""
    engine = open_engine(f"sqlite:///{folder / 'ledger.db'}")
    upgrade(engine)
    shelf = read_manifests()
    wishes = Wishes(LAST_DAY, plan=replace(Plan(), stays=stays))
    seed(engine, Pseudonyms(b"k" * 32), {name: shelf[name].info for name in SERVICES}, wishes)
    bring_up(engine, folder / "mart")
    engine.dispose()
    return folder / "mart"


def repeated(mart: Path, into: Path, entries: int) -> int:
    """A mart of at least so many entries of advice, all in the same days, of other patients. Says how many there are.

    The values behind the advice are those of the findings; the numbers drawn for samples are drawn anew.
    """
    last = {name: Parts(mart / name).last() for name in (*(one.name for one in COPIED), VALUE)}
    times = -(-entries // last["advice"])
    with duckdb.connect() as connection:
        for name in last:
            files = ", ".join(map(quoted, Parts(mart / name).files()))
            if not files:
                continue
            (into / name).mkdir(parents=True)
            parts = f"SELECT * FROM read_parquet([{files}], union_by_name = true)"  # noqa: S608 (our own names)
            connection.execute(f"CREATE TABLE {name} AS {parts}")
            for turn in range(times):
                _copy(connection, name, into / name, turn, last)
            connection.execute(f"DROP TABLE {name}")
    (into / WORD).symlink_to(mart / WORD)
    (into / LEDGER).write_text((mart / LEDGER).read_text())
    return times * last["advice"]


def _copy(connection: duckdb.DuckDBPyConnection, name: str, into: Path, turn: int, last: dict[str, int]) -> None:
    """One copy of a table as a part: other numbers, other people."""
    columns = {row[0] for row in connection.execute(f"DESCRIBE {name}").fetchall()}
    changes = {
        "sequence": f"sequence + {turn * last[name]}",
        "advice_sequence": f"advice_sequence + {turn * last['advice']}",
        "id": f"id || '-{turn}'",
        "patient": f"patient || '{turn}'",
        "encounter": f"encounter || '{turn}'",
        "clinician": f"CASE WHEN clinician <> '' THEN clinician || '{turn % CLINICIANS}' ELSE clinician END",
    }
    listed = ", ".join(f"{what} AS {column}" for column, what in changes.items() if column in columns)
    question = f"SELECT * REPLACE ({listed}) FROM {name} ORDER BY sequence"  # noqa: S608 (our own names)
    how = "FORMAT parquet, COMPRESSION zstd"
    if "draw" in columns:
        drawn = f"SELECT * REPLACE (CAST({DRAW} AS INTEGER) AS draw) FROM ({question})"  # noqa: S608
        question, how = f"{drawn} ORDER BY draw, sequence", f"{how}, ROW_GROUP_SIZE 2048"
    first = turn * last[name] + 1
    target = into / f"{first:012d}-{(turn + 1) * last[name]:012d}.parquet"
    connection.execute(f"COPY ({question}) TO {quoted(target)} ({how})")
