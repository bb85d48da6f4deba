"""Logging of the whole process: one JSON line a record, whoever writes it."""

from __future__ import annotations

import json
import subprocess
import sys

# In a process of its own: logging is set up for the whole of it.
PROGRAM = """
import logging
from chartside.logs import set_up
set_up()
library = logging.getLogger("library")
handler = logging.StreamHandler()
handler.setFormatter(logging.Formatter("[%(process)d %(thread)d %(processName)s %(lineno)d] from a library"))
library.addHandler(handler)
library.warning("read %s", "Doe-Jane")
logging.getLogger("chartside.x").info("advice", extra={"client": "ward", "patient": "Doe-Jane"})
"""


def test_a_librarys_own_handler_writes_and_nothing_is_repeated() -> None:
    """What logging does not look for, no handler stumbles over: it would print the arguments of the message."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=True)
    own, library, ours = sorted(done.stderr.splitlines(), key=lambda line: (line.startswith("{"), "advice" in line))
    assert own.endswith("] from a library")
    assert json.loads(library)["logger"] == "library"
    assert json.loads(ours) | {"time": ""} == {
        "time": "", "level": "info", "logger": "chartside.x", "event": "advice", "client": "ward",
    }  # fmt: skip
    assert "Doe" not in done.stderr
    assert "Traceback" not in done.stderr
