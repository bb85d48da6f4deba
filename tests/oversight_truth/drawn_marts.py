"""Marts of drawn histories, without the ledger between: for what has to be asked of many histories."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from chartside.history.comments import BROKEN, SOUND
from chartside.history.events import History
from chartside.history.plan import SERVICES
from chartside.history.rows import FIRST_BROKEN_COMMENT, STATES, Rows
from chartside.history.ward import UNITS
from oversight.mart.columns import ADVICE, FEEDBACK
from oversight.mart.mart import Mart, Questions
from oversight.mart.parts import Parts
from oversight.tallies import Period

FIRST_DAY = date(2026, 3, 2)
_DAY_0 = (FIRST_DAY - date(1970, 1, 1)).days
_DAY_US = 86_400_000_000
COMMENTS = np.array([*SOUND, *BROKEN, ""], dtype=object)


def period_of(history: History) -> Period:
    """Its days."""
    return Period(FIRST_DAY, FIRST_DAY + timedelta(days=history.plan.days - 1))


@contextmanager
def drawn_mart(folder: Path, history: History) -> Iterator[Questions]:
    """The entries of a history and the answers that stand."""
    Parts(folder / "advice").add(_advice(history.rows))
    Parts(folder / "feedback").add(_feedback(history.rows))
    with Mart(folder).open() as mart:
        yield mart


def _advice(rows: Rows) -> dict[str, object]:
    """Columns of the entries."""
    number = rows.size
    names = np.array(["0.9.0", "1.0.0"], dtype=object)
    version = np.where(rows["service"] == SERVICES.index("sepsis-6h"), rows["version"], 1)
    made = {name: np.full(number, None, dtype=object) for name in ADVICE} | {
        "sequence": np.arange(1, number + 1),
        "time": (_DAY_0 * _DAY_US + rows["time"] * _DAY_US).astype(np.int64),
        "day": (_DAY_0 + np.floor(rows["time"])).astype(np.int32),
        "client": np.full(number, "drawn", dtype=object),
        "service": np.array(SERVICES, dtype=object)[rows["service"]],
        "model_id": np.array(SERVICES, dtype=object)[rows["service"]],
        "model_version": names[version],
        "hook": np.where(rows["page"], "smart-launch", "patient-view").astype(object),
        "unit_name": np.array([unit.name for unit in UNITS], dtype=object)[rows["unit"]],
        "clinician": np.char.add("clinician-", rows["clinician"].astype(str)).astype(object),
        "patient": np.char.add("stay-", rows["stay"].astype(str)).astype(object),
        "probability": 1 / (1 + np.exp(-rows["log_odds"])),
        "tier": np.full(number, "raised", dtype=object),
        "abstention": np.where(rows["abstained"], "insufficient-data", None),
        "withheld": np.array([None, *STATES[1:]], dtype=object)[rows["state"]],
    }
    for name in ("base_rate", "tier_at_least"):
        made[name] = np.full(number, 0.25)
    return made


def _feedback(rows: Rows) -> dict[str, object]:
    """Columns of the answers that stand."""
    about = np.flatnonzero((rows["answer"] != "") & ~rows["withdrawn"])
    number = about.size
    places = rows["comment"][about]
    places = np.where(places >= FIRST_BROKEN_COMMENT, places - FIRST_BROKEN_COMMENT + len(SOUND), places)
    made = {name: np.full(number, None, dtype=object) for name in FEEDBACK} | {
        "sequence": np.arange(1, number + 1),
        "advice_sequence": about + 1,
        "time": (_DAY_0 * _DAY_US + rows["time"][about] * _DAY_US).astype(np.int64) + 60_000_000,
        "outcome": rows["answer"][about].astype(object),
        "comment": COMMENTS[places],
    }
    made["received"] = made["time"]
    return made
