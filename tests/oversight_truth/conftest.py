"""A seeded history in a ledger and its mart, made once for a file of tests."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import Engine

from chartside.history.events import History
from chartside.history.plan import SERVICES
from chartside.history.seed import SetClock, Wishes, seed
from chartside.history.truth import Truth
from models.runtime.catalogue import read_manifests
from oversight.database import open_engine
from oversight.ledger import SqlLedger
from oversight.mart.build import bring_up
from oversight.mart.mart import Mart, Questions
from oversight.pseudonyms import Pseudonyms
from oversight.schema import upgrade
from oversight.tallies import Period

LAST_DAY = date(2026, 5, 31)


@dataclass(frozen=True, slots=True)
class Seeded:
    """Everything about one seeded ledger. `mart` is open."""

    file: Path
    engine: Engine
    ledger: SqlLedger
    pseudonyms: Pseudonyms
    wishes: Wishes
    history: History
    truth: Truth
    mart: Questions

    @property
    def period(self) -> Period:
        """All days."""
        return Period(self.wishes.first_day, self.wishes.last_day)


@pytest.fixture(scope="session")
def seeded() -> Iterator[Seeded]:
    """The history of the demo. Its ledger lies in memory where it can: these tests are not about power cuts."""
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="chartside-truth-", dir=memory if memory.is_dir() else None))
    engine = open_engine(f"sqlite:///{folder / 'ledger.db'}")
    try:
        upgrade(engine)
        wishes, pseudonyms = Wishes(LAST_DAY), Pseudonyms(b"k" * 32)
        shelf = read_manifests()
        history, truth = seed(engine, pseudonyms, {name: shelf[name].info for name in SERVICES}, wishes)
        bring_up(engine, folder / "mart")
        ledger = SqlLedger(engine, pseudonyms, SetClock(history_end(wishes)))
        with Mart(folder / "mart").open() as mart:
            yield Seeded(folder / "ledger.db", engine, ledger, pseudonyms, wishes, history, truth, mart)
    finally:
        engine.dispose()
        shutil.rmtree(folder, ignore_errors=True)


def history_end(wishes):
    """The midnight after the last day."""
    from datetime import UTC, datetime, timedelta

    return datetime.combine(wishes.last_day, datetime.min.time(), UTC) + timedelta(days=1)
