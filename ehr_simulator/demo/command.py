"""Runs the product's command line as a child, in the environment of the demo."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Timer

import ehr_simulator
from ehr_simulator.demo.deployment import Ports, chartside_environment, command_line

ROOT = Path(ehr_simulator.__file__).resolve().parents[1]
COMMAND_LIMIT = 120.0


def run(folder: Path, ports: Ports, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `chartside …` to its end. Raises `subprocess.TimeoutExpired`."""
    return subprocess.run(
        [sys.executable, *command_line(arguments)],
        cwd=ROOT,
        env=chartside_environment(folder, ports),
        capture_output=True,
        text=True,
        timeout=COMMAND_LIMIT,
        check=False,
    )


def follow(folder: Path, ports: Ports, *arguments: str, heard: Callable[[str], None], limit: float) -> int:
    """Run `chartside …`, hearing each line as it comes; the exit code, negative where it took more than `limit` s."""
    process = subprocess.Popen(
        [sys.executable, *command_line(arguments)],
        cwd=ROOT,
        env=chartside_environment(folder, ports),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    timer = Timer(limit, process.kill)
    timer.start()
    with process:
        try:
            for line in process.stdout or ():
                heard(line.rstrip())
        except BaseException:  # whoever stops the demo stops this too
            process.kill()
            raise
        finally:
            timer.cancel()
    return process.returncode
