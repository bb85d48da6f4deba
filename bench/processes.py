"""Servers as child processes, and what a whole process tree has used."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

PROC = Path("/proc")
INSTALLED = "/site-packages/"
READY_S = 90.0
STOP_S = 15.0
POLL_S = 0.05
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Server:
    """A running server; `pid` is the root of its process tree."""

    pid: int
    port: int

    def cpu_ms(self) -> float:
        """CPU milliseconds, user and system, of all processes of the tree since they began."""
        return sum(_ticks(process) for process in tree(self.pid)) * 1000 / _TICKS_PER_S

    def worker_mb(self) -> float:
        """Resident memory of the largest process of the tree, with what it shares."""
        return max(_kb(process, "Rss") for process in tree(self.pid)) / 1024

    def compiled_packages(self) -> frozenset[str]:
        """The installed packages of which a process of the tree has loaded compiled code."""
        paths = {line.split()[-1] for process in tree(self.pid) for line in _lines(process, "maps")}
        return frozenset(path.partition(INSTALLED)[2].partition("/")[0] for path in paths if INSTALLED in path)

    def memory_mb(self) -> float:
        """Proportional set size of the tree: shared pages are divided among those who share them."""
        return sum(_kb(process, "Pss") for process in tree(self.pid)) / 1024


@contextmanager
def running(
    command: Sequence[str], environment: Mapping[str, str], *, root: Path, log: Path, port: int, ready: str
) -> Iterator[Server]:
    """A server while the block runs, from when GET `ready` is answered 200. Ends what it started and nothing else."""
    with log.open("wb") as out:
        process = subprocess.Popen(  # noqa: S603 (commands of this program)
            list(command), env=dict(environment), cwd=root, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        _wait(process, port, ready)
        yield Server(process.pid, port)
    except click.ClickException:
        click.echo(_end_of(log), err=True)
        raise
    finally:
        _stop(process)


def _wait(process: subprocess.Popen[bytes], port: int, path: str) -> None:
    """Wait until the server answers."""
    end = time.monotonic() + READY_S
    while time.monotonic() < end and process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", path)
            if connection.getresponse().status == http.client.OK:
                return
        except OSError:
            pass
        finally:
            connection.close()
        time.sleep(POLL_S)
    raise click.ClickException("The server did not start; the end of its log stands above.")


def _end_of(log: Path) -> str:
    """The last lines of a log."""
    return log.read_text(encoding="utf-8", errors="replace")[-2000:]


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ask the session of the server to end, then insist."""
    for kind in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is None:
            os.killpg(process.pid, kind)
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                continue


def tree(root: int) -> list[int]:
    """A process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdecimal() and (fields := _stat(int(entry.name))):
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found, to_do = [], [root]
    while to_do:
        process = to_do.pop()
        found.append(process)
        to_do += children.get(process, [])
    return found


def _stat(process: int) -> list[str]:
    """The fields of /proc/PID/stat from the state on (proc(5): field 3), or nothing for a process that is gone."""
    try:
        text = (PROC / str(process) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return text.rpartition(")")[2].split()  # the name before it may hold spaces and brackets


def _ticks(process: int) -> int:
    """utime, stime, and those of children that have ended and were waited for (fields 14 to 17)."""
    fields = _stat(process)
    return sum(map(int, fields[11:15])) if fields else 0


def _kb(process: int, line: str) -> int:
    """A line of /proc/PID/smaps_rollup, such as Pss."""
    found = (int(one.split()[1]) for one in _lines(process, "smaps_rollup") if one.startswith(f"{line}:"))
    return next(found, 0)


def _lines(process: int, file: str) -> list[str]:
    """The lines of a file in /proc/PID, none for a process that is gone."""
    try:
        return (PROC / str(process) / file).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
