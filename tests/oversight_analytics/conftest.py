"""Marts with entries that a test makes up, which have the columns of a ledger without the ledger; and pages on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from flask import Flask
from oversight_analytics.pages_on_marts import INSIDE, PASSWORD, MartAsItIs
from sqlalchemy import Engine

from oversight.database import open_engine
from oversight.mart.columns import COPIED
from oversight.mart.mart import Mart, Questions
from oversight.mart.parts import Parts
from oversight.pages import PageDeps, create_blueprint
from oversight.schema import upgrade
from oversight.tallies import Period

FIRST = date(2026, 3, 2)
_DAY_0 = (FIRST - date(1970, 1, 1)).days
MICROSECONDS = 1_000_000
NOON = int(datetime(2026, 3, 2, 12, tzinfo=UTC).timestamp()) * MICROSECONDS
NUMBERS = {"base_rate": 0.1, "probability": 0.3, "tier_at_least": 0.2}
PLAIN = {"client": "ward", "service": "icu-mortality", "hook": "patient-view", "role": "Practitioner",
         "unit_name": "ICU 1", "model_id": "icu-mortality", "model_version": "1.0.0", "tier": "amber",
         "indicator": "warning"}  # fmt: skip


def advice_columns(number: int, columns: Mapping[str, Any]) -> dict[str, Any]:
    """Columns of so many entries; those that a test does not give are plain. `days` and `seconds` place them."""
    given = dict(columns)
    days = np.asarray(given.pop("days", np.zeros(number)), dtype=np.int64)
    seconds = np.asarray(given.pop("seconds", np.zeros(number)), dtype=np.float64)
    made: dict[str, Any] = {"sequence": np.arange(1, number + 1)}
    made["time"] = NOON + days * 86_400 * MICROSECONDS + (seconds * MICROSECONDS).astype(np.int64)
    made["day"] = (_DAY_0 + days).astype(np.int32)
    (advice,) = (one for one in COPIED if one.name == "advice")
    for name in advice.names:
        if name in NUMBERS:
            made[name] = np.full(number, NUMBERS[name])
        elif name not in made:
            made[name] = np.full(number, PLAIN.get(name), dtype=object)
    for name in ("id", "patient", "encounter", "clinician"):
        made[name] = np.array([f"{name}-{n}" for n in range(number)], dtype=object)
    return made | {name: _whole(value, number) for name, value in given.items()}


def _whole(value: Any, number: int) -> Any:
    """A column, or one value for all."""
    return np.full(number, value, dtype=object) if isinstance(value, str) or value is None else np.asarray(value)


def feedback_columns(about: Any, columns: Mapping[str, Any]) -> dict[str, Any]:
    """Columns of feedback about the entries of these sequences, `after` seconds later."""
    number = len(about)
    plain: dict[str, Any] = {"client": "ward", "service": "icu-mortality", "channel": "card", "comment": "", "role": "",
                             "clinician": "", "accepted_suggestions": "[]", "outcome": "accepted"}  # fmt: skip
    (feedback,) = (one for one in COPIED if one.name == "feedback")
    made: dict[str, Any] = {name: np.full(number, plain.get(name), dtype=object) for name in feedback.names}
    made["sequence"] = np.arange(1, number + 1)
    made["advice_sequence"] = np.asarray(about, dtype=np.int64)
    made["time"] = made["received"] = np.full(number, NOON)
    return made | {name: _whole(value, number) for name, value in columns.items()}


@pytest.fixture
def period() -> Period:
    """Ninety days from the first Monday of March."""
    return Period(FIRST, date.fromordinal(FIRST.toordinal() + 89))


@pytest.fixture
def make_mart(tmp_path: Path) -> Callable[..., Any]:
    """Makes a mart out of columns; open it with `with`."""

    @contextmanager
    def make(number: int, advice: Mapping[str, Any], answers: Mapping[str, Any] | None = None) -> Iterator[Questions]:
        """`answers` has `about` (sequences) beside the columns of feedback."""
        Parts(tmp_path / "advice").add(advice_columns(number, advice))
        if answers:
            given = dict(answers)
            Parts(tmp_path / "feedback").add(feedback_columns(given.pop("about"), given))
        with Mart(tmp_path).open() as mart:
            yield mart

    return make


@pytest.fixture
def notes() -> SimpleNamespace:
    """An audit that keeps what it hears (`events`), or fails (`fault`)."""
    kept = SimpleNamespace(events=[], fault=None)

    def note(event: Any) -> None:
        """Keep it, or fail."""
        if kept.fault:
            raise kept.fault
        kept.events.append(event)

    kept.note = note
    return kept


@pytest.fixture
def clock() -> SimpleNamespace:
    """A clock that is set (`time`); it stands at noon of the last of the ninety days."""
    kept = SimpleNamespace(time=datetime(2026, 5, 30, 12, tzinfo=UTC))
    kept.now = lambda: kept.time
    return kept


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """A new ledger beside the mart, for what pages read of a ledger."""
    made = open_engine(f"sqlite:///{tmp_path / 'ledger.db'}")
    upgrade(made)
    yield made
    made.dispose()


@pytest.fixture
def app(tmp_path: Path, clock: SimpleNamespace, notes: SimpleNamespace) -> Callable[..., Flask]:
    """Makes the pages on the mart of this test; keywords give them more, or something else."""

    def make(**changes: Any) -> Flask:
        """An app."""
        made = Flask("test")
        given = {"clock": clock, "audit": notes, "password": PASSWORD, "mart": MartAsItIs(tmp_path)}
        made.register_blueprint(create_blueprint(PageDeps(**given | changes)))
        return made

    return make


@pytest.fixture
def get(app: Callable[..., Flask]) -> Callable[..., Any]:
    """Reads a page as the quality team; keywords are those of `app`."""
    return lambda address, **changes: app(**changes).test_client().get(address, headers=INSIDE)
