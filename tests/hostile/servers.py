"""The command `chartside serve` as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError

import pytest
from open_ports import free_port

import chartside
from hostile import good
from hostile.house import settings_in

ROOT = Path(chartside.__file__).resolve().parents[1]
START_LIMIT_S = 180


@dataclass(frozen=True, slots=True)
class Running:
    """The command `chartside serve`, its port and its log."""

    port: int
    log: Path


@contextmanager
def serving(folder: Path) -> Iterator[Running]:
    """Start the real server, wait until it answers, stop it."""
    settings_in(folder)
    (folder / "secret").write_text("s" * 64)
    port = free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("CHARTSIDE_")},
        "CHARTSIDE_BASE_URL": good.BASE_URL,
        "CHARTSIDE_DATABASE_URL": f"sqlite:///{folder}/ledger.db",
        "CHARTSIDE_CLIENTS_FILE": str(folder / "clients.toml"),
        "CHARTSIDE_SECRET_FILE": str(folder / "secret"),
        "CHARTSIDE_PORT": str(port),
    }
    log = folder / "service.log"
    with log.open("wb") as stream:
        command = [sys.executable, "-m", "chartside", "serve"]
        child = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=stream, stderr=stream)
    try:
        _wait(child, port, log)
        yield Running(port, log)
    finally:
        child.terminate()
        child.wait(60)


def _wait(child: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Until the health page answers."""
    until = time.monotonic() + START_LIMIT_S
    while time.monotonic() < until and child.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=10):
                return
        except (URLError, OSError):
            time.sleep(0.2)
    pytest.fail(f"the service did not start: {log.read_text()[-2000:]}")
