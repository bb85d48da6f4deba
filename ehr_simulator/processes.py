"""Start another program, wait until it answers, stop it."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import requests

from ehr_simulator import direct

POLL = 0.2
TELL_EVERY = 5.0


class NotReady(Exception):
    """A program did not start, stopped early, or did not answer in time."""


class PortInUse(NotReady):
    """Somebody else listens there already."""


@dataclass(frozen=True, slots=True)
class Child:
    """A running program. What it prints is in `log`."""

    name: str
    log: Path
    process: subprocess.Popen[bytes] = field(repr=False)

    @classmethod
    def start(
        cls, name: str, command: Sequence[str], *, log: Path, folder: Path, environment: Mapping[str, str]
    ) -> Child:
        """Start a program in a folder."""
        with log.open("wb") as out:
            process = subprocess.Popen(
                list(command),
                cwd=folder,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return cls(name, log, process)

    def stop(self, patience: float = 10.0) -> None:
        """Ask it to stop; after the patience is over, end it."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(patience)


def _quiet(_text: str) -> None:
    """Say nothing."""


def wait_until_ready(child: Child, url: str, *, time_limit: float, tell: Callable[[str], None] = _quiet) -> None:
    """Return when a GET gives 200. Raises `NotReady`, which names the log. The program is stopped on any exception."""
    try:
        _wait(child, url, time_limit, tell)
    except BaseException:
        child.stop()
        raise


def _wait(child: Child, url: str, time_limit: float, tell: Callable[[str], None]) -> None:
    """Ask again and again, telling every few seconds that we still wait."""
    begun = told = time.monotonic()
    while not _answers(url):
        waited = time.monotonic() - begun
        if child.process.poll() is not None:
            raise NotReady(f"{child.name} stopped with code {child.process.returncode}. Its log: {child.log}")
        if waited > time_limit:
            raise NotReady(f"{child.name} did not answer within {time_limit:.0f} s. Its log: {child.log}")
        if time.monotonic() - told > TELL_EVERY:
            told = time.monotonic()
            tell(f"  still waiting for {child.name} ({waited:.0f} s)")
        time.sleep(POLL)


def _answers(url: str) -> bool:
    """Whether a GET gives 200."""
    try:
        with direct.request("GET", url, timeout=5) as answer:
            return answer.status_code == 200
    except requests.RequestException:
        return False


def check_port_free(port: int, option: str) -> None:
    """Raise `PortInUse`, naming the option that chooses another port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise PortInUse(f"Port {port} is in use. Choose another one with {option}.") from None
