"""The demo as a user starts it: every process, every step, and nothing left running."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def test_the_demo_checks_itself(tmp_path: Path, free_ports: Any) -> None:
    """`demo --check` ends with 0 after every step worked, and its ports are free again."""
    chartside, ehr, fhir = free_ports(3)
    ports = ["--port-chartside", str(chartside), "--port-ehr", str(ehr), "--port-fhir", str(fhir)]
    run = subprocess.run(
        [sys.executable, "-m", "ehr_simulator", "demo", "--check", "--var", str(tmp_path / "demo"), *ports],
        cwd=ROOT,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    steps = [line for line in run.stdout.splitlines() if line.startswith(("ok  ", "FAIL"))]
    assert run.returncode == 0, "\n".join([*steps, run.stdout[-2000:], run.stderr[-2000:]])
    assert len(steps) == 10
    assert " entries of 90 days up to " in run.stdout
    for port in (chartside, ehr, fhir):
        assert free_ports.is_free(port)
