"""A mart is never shown for another ledger, half a part or a part that has gone; and a killed builder does no harm."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from clinical.errors import LedgerUnavailable
from oversight.database import open_engine
from oversight.ledger import SqlLedger
from oversight.mart import build, parts
from oversight.mart.build import bring_up, is_current
from oversight.mart.mart import Mart
from oversight.mart.parts import Parts
from oversight.mart.same_ledger import MARKS
from oversight.pages.mart_source import FreshMart
from oversight.pseudonyms import Pseudonyms

KEY = b"a key for tests, 32 bytes or more"


@pytest.fixture
def kind():
    """A backup of SQLite is a file; the checks are the same on both."""
    return "sqlite"


@pytest.fixture
def folder(tmp_path):
    """Where the mart lies."""
    return tmp_path / "mart"


def _restored(engine, backup: Path, tmp_path: Path):
    """The ledger as it was when the backup was made, behind a new engine."""
    engine.dispose()
    put_back = tmp_path / "restored.db"
    shutil.copy(backup, put_back)
    return open_engine(f"sqlite:///{put_back}")


def _backup(engine, to: Path) -> Path:
    """A copy by SQLite itself."""
    with closing(sqlite3.connect(engine.url.database)) as source, closing(sqlite3.connect(to)) as target:
        source.backup(target)
    return to


@pytest.mark.parametrize("gained", [0, 2, 3])
def test_a_ledger_out_of_a_backup_is_refused(engine, ledger, make_advice, folder, tmp_path, clock, gained) -> None:
    """Whether it is shorter than the mart, or as long or longer by entries that were not there before."""
    ledger.append(make_advice())
    backup = _backup(engine, tmp_path / "backup.db")
    for _ in range(2):
        ledger.append(make_advice())
    assert bring_up(engine, folder)
    older = _restored(engine, backup, tmp_path)
    again = SqlLedger(older, Pseudonyms(KEY), clock)
    for _ in range(gained):
        again.append(make_advice())
    for ask in (lambda: is_current(older, folder), lambda: bring_up(older, folder), FreshMart(older, folder).as_of):
        with pytest.raises(LedgerUnavailable, match=r"not the one that the mart was made from"):
            ask()
    shutil.rmtree(folder)
    assert bring_up(older, folder)
    with Mart(folder).open() as mart:
        assert mart.rows("SELECT count(*) FROM advice") == [(1 + gained,)]
    older.dispose()


def test_a_mart_without_marks_is_taken_until_the_ledger_is_shorter(engine, ledger, make_advice, folder) -> None:
    """One that was made before there were marks goes on, and has marks from then on."""
    ledger.append(make_advice())
    bring_up(engine, folder)
    for marks in folder.rglob(MARKS):
        marks.unlink()
    assert is_current(engine, folder)
    ledger.append(make_advice())
    assert bring_up(engine, folder)
    assert (folder / "advice" / MARKS).read_text().startswith("2 ")


def test_a_part_that_was_taken_away_is_missed(engine, ledger, make_advice, folder) -> None:
    """Somebody who removes a broken file does not make the figures silently smaller."""
    for _ in range(3):
        ledger.append(make_advice())
        bring_up(engine, folder)
    Parts(folder / "advice").files()[1].unlink()
    with pytest.raises(LedgerUnavailable, match="part of the mart is missing"):
        is_current(engine, folder)


@pytest.mark.parametrize("keep", [0, 4, 0.5, 0.99])
def test_a_part_that_was_cut_off_is_no_figure(engine, ledger, make_advice, folder, keep) -> None:
    """Parquet ends with what it holds; without that nothing is read."""
    for _ in range(3):
        ledger.append(make_advice())
    bring_up(engine, folder)
    (file,) = Parts(folder / "advice").files()
    data = file.read_bytes()
    file.write_bytes(data[: keep if isinstance(keep, int) else int(len(data) * keep)])
    with pytest.raises(LedgerUnavailable, match="cannot be read"):
        FreshMart(engine, folder).as_of()


def test_marks_that_cannot_be_read_are_a_fault(engine, ledger, make_advice, folder) -> None:
    """In words, with what to do."""
    ledger.append(make_advice())
    bring_up(engine, folder)
    (folder / "advice" / MARKS).write_text("spoilt")
    with pytest.raises(LedgerUnavailable, match="Remove its folder"):
        is_current(engine, folder)


def test_a_full_disk_leaves_no_half_part(engine, ledger, make_advice, folder, monkeypatch) -> None:
    """A fault in words; what is there stays, and the next one goes on where it stood."""
    ledger.append(make_advice())
    bring_up(engine, folder)
    ledger.append(make_advice())
    monkeypatch.setattr(parts, "quoted", lambda _path: "'/dev/full'")
    with pytest.raises(LedgerUnavailable, match="room on its disk"):
        bring_up(engine, folder)
    with pytest.raises(LedgerUnavailable, match="room on its disk"):
        FreshMart(engine, folder).as_of()
    monkeypatch.undo()
    assert not [path for path in folder.rglob(".*") if path.name != f".{MARKS}"]
    assert bring_up(engine, folder)
    with Mart(folder).open() as mart:
        assert mart.rows("SELECT count(*) FROM advice") == [(2,)]


def test_who_was_killed_while_writing_leaves_nothing_wrong(engine, ledger, make_advice, folder) -> None:
    """Half a part and the mark of a part that never came are no rows, and go with the next one."""
    ledger.append(make_advice())
    bring_up(engine, folder)
    half = folder / "advice" / ".000000000002-000000000009.parquet.4711"
    half.write_bytes(b"PAR1")
    with (folder / "advice" / MARKS).open("a") as marks:
        marks.write("9 " + "0" * 64 + "\n")
    assert is_current(engine, folder)
    ledger.append(make_advice())
    assert bring_up(engine, folder)
    assert not half.exists()
    assert is_current(engine, folder)


BUILDER = """
import sys
from pathlib import Path
from oversight.database import open_engine
from oversight.mart import build
build.ROWS = 1
print("begun", flush=True)
build.bring_up(open_engine(sys.argv[1]), Path(sys.argv[2]))
"""


def test_a_builder_is_killed_and_two_others_finish_it(engine, ledger, make_advice, folder) -> None:
    """Every row stands there once."""
    for _ in range(12):
        ledger.append(make_advice())
    command = [sys.executable, "-c", BUILDER, f"sqlite:///{engine.url.database}", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as first:
        first.stdout.readline()
        while not len(Parts(folder / "advice").files()) > 2 and first.poll() is None:
            time.sleep(0.005)
        first.kill()
    others = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [each.wait(180) for each in others] == [0, 0]
    assert build.is_current(engine, folder)
    with Mart(folder).open() as mart:
        for table in ("advice", "value"):
            assert mart.rows(f"SELECT count(*), count(DISTINCT sequence) FROM {table}") == [(12, 12)]
