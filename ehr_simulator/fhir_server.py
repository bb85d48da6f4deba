"""The FHIR server behind the stand-in EHR: sekmet-fhir, as a process of its own on 127.0.0.1."""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from ehr_simulator.processes import Child, wait_until_ready

# A script, run with -P: its folder, whose modules have plain names, must not come into the child's import path.
PROGRAM = Path(__file__).with_name("sekmet_server.py")


def settings_text(port: int, data_dir: Path) -> str:
    """The settings file (YAML, written as JSON, which YAML includes)."""
    return json.dumps(
        {
            "base_url": f"http://127.0.0.1:{port}/fhir",
            "host": "127.0.0.1",
            "port": port,
            "data_dir": str(data_dir),
            "log_inbound": False,
            "validation": {"inbound": "warn"},
            "simulator": {"enabled": False},
            "server_auth": {"types": ["none"]},
        },
        indent=1,
    )


def start_fhir_server(port: int, folder: Path, *, time_limit: float = 60.0) -> Child:
    """Start, and return when `/metadata` answers. Raises `NotReady` with the way to the log otherwise.

    `folder` is made; it holds the settings, the database and the log.
    """
    folder.mkdir(parents=True, exist_ok=True)
    settings = folder / "settings.yaml"
    settings.write_text(settings_text(port, folder / "data"), encoding="utf-8")
    (folder / "data").mkdir(exist_ok=True)
    child = Child.start(
        "the FHIR server",
        [sys.executable, "-P", str(PROGRAM), "serve"],
        log=folder / "server.log",
        folder=folder,
        environment={**os.environ, "SEKMET_CONFIG": str(settings)},
    )
    wait_until_ready(child, f"http://127.0.0.1:{port}/fhir/metadata", time_limit=time_limit)
    _speed_up_sorting(folder / "data" / "sekmet.db")
    return child


def _speed_up_sorting(database: Path) -> None:
    """Add the index that `_sort=-date` lacks in sekmet-fhir 0.1.1: a sorted search takes 0.02 s instead of 0.5 s."""
    with closing(sqlite3.connect(database, timeout=10)) as connection, connection:
        connection.execute("CREATE INDEX IF NOT EXISTS ehr_sort ON idx(type, id, param, lo)")
