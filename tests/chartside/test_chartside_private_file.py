"""Files that only their owner may read, and that have their name only when they are whole."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from chartside.private_file import whole, whole_text

KILLED = """
import os, signal, sys
from pathlib import Path
from chartside.private_file import whole
with whole(Path(sys.argv[1])) as file:
    file.write(b"a part")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_file_has_its_name_once_it_is_whole(tmp_path: Path) -> None:
    """And nobody else may read it."""
    out = tmp_path / "out.csv"
    with whole(out) as file:
        file.write(b"all of it")
        assert not out.exists()
    assert out.read_bytes() == b"all of it"
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["out.csv"]


def test_what_ends_before_its_end_leaves_nothing(tmp_path: Path) -> None:
    """Whatever it was."""

    def stopped() -> None:
        """Somebody presses Ctrl-C."""
        with whole(tmp_path / "out.csv") as file:
            file.write(b"a part")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert os.listdir(tmp_path) == []


def test_a_killed_process_is_in_nobodys_way(tmp_path: Path) -> None:
    """The same name is free for the next one."""
    out = tmp_path / "out.csv"
    done = subprocess.run([sys.executable, "-c", KILLED, str(out)], cwd=Path(__file__).parents[2], check=False)
    assert done.returncode == -signal.SIGKILL
    assert not out.exists()
    with whole(out) as file:
        file.write(b"all of it")
    assert out.read_bytes() == b"all of it"


def test_a_name_that_is_taken_stays_as_it_is(tmp_path: Path) -> None:
    """Also where it was taken meanwhile."""
    out = tmp_path / "out.csv"

    def late() -> None:
        """The name was free when it began."""
        with whole(out) as file:
            out.write_text("somebody else's")
            file.write(b"ours")

    with pytest.raises(FileExistsError):
        late()
    assert out.read_text() == "somebody else's"
    assert os.listdir(tmp_path) == ["out.csv"]


def test_without_hard_links_it_is_renamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on FAT."""

    def link(*_: object) -> None:
        """No."""
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    with whole(tmp_path / "out.csv") as file:
        file.write(b"all of it")
    assert os.listdir(tmp_path) == ["out.csv"]
    with pytest.raises(FileExistsError), whole(tmp_path / "out.csv"):
        pass


def test_text_is_written_as_it_is_and_leaves_nothing_half(tmp_path: Path) -> None:
    """UTF-8, with the line ends that were written."""
    out = tmp_path / "out.csv"
    with whole_text(out) as file:
        file.write("µ;κ\r\n")
        file.flush()
        assert not out.exists()
    assert out.read_bytes() == "µ;κ\r\n".encode()
    with pytest.raises(UnicodeEncodeError), whole_text(tmp_path / "bad.csv") as file:
        file.write("half a character: \ud800")
    assert os.listdir(tmp_path) == ["out.csv"]


def test_a_file_that_is_made_anew_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    """At its end and not before."""
    out = tmp_path / "truth.json"
    out.write_text("old")
    with pytest.raises(UnicodeEncodeError), whole_text(out, anew=True) as file:
        file.write("half a character: \ud800")
    assert out.read_text() == "old"
    with whole_text(out, anew=True) as file:
        file.write("new")
    assert (out.read_text(), stat.S_IMODE(out.stat().st_mode)) == ("new", 0o600)
    assert os.listdir(tmp_path) == ["truth.json"]
