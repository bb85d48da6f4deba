"""Logging: one JSON object a line, with named members from an allow-list and nothing else.

Messages of third-party libraries may quote URLs and bodies, so their text is replaced by their logger's name.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

from clinical.errors import origin

MEMBERS = (
    "client", "service", "hook", "advice", "outcome", "withheld", "status", "fault", "incident", "where", "ms",
    "stored", "repeated", "quarantined", "model", "version", "deviations", "week", "monitor", "alarms", "alerts",
    "faults", "wait_s", "next",
)  # fmt: skip


class JsonLines(logging.Formatter):
    """Formats allow-listed members only; an exception becomes its class and the place it came from."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        if record.name.partition(".")[0] == "chartside":
            line["event"] = record.msg
            said = vars(record)
            line |= {name: said[name] for name in MEMBERS if name in said}
        if record.exc_info and record.exc_info[0] is not None:
            line["fault"] = record.exc_info[0].__name__
            line["where"] = origin(record.exc_info[1]) if record.exc_info[1] else ""
        return json.dumps(line, ensure_ascii=True)


def set_up() -> None:
    """Send all logging to standard error as JSON lines; libraries from WARNING on.

    What no line tells is not looked for either: where in the code it was asked for, and the name of the process
    (docs.python.org/3/howto/logging.html#optimization). The numbers of process and thread stay: a library's own
    handler may write them with `%d`, and would print the message's arguments where they are missing.
    """
    logging._srcfile = None
    logging.logMultiprocessing = False
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("chartside").setLevel(logging.INFO)
