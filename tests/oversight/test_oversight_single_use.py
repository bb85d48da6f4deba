"""The whole application with tokens asked for, on both databases: one token, one answer, one entry."""

from __future__ import annotations

import json
import sqlite3
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from bench import body
from bench.chartside_side import PATH, Chartside
from chartside.factory import create_app, open_house
from chartside.settings import Settings
from fhir_adapters.record import FhirRecords
from oversight.database import writing
from oversight.verify import verify


@pytest.fixture(autouse=True)
def shelf(one_shelf: None) -> None:
    """The houses share their models."""


@dataclass
class Service:
    """One process of the service, and who may call it."""

    http: Any
    side: Chartside

    def token(self, path: str = PATH) -> str:
        """A good one."""
        return self.side.token(path)

    def post(self, token: str, sent: bytes, path: str = PATH) -> Any:
        """A call."""
        headers = {"Authorization": f"Bearer {token}"}
        return self.http().post(path, data=sent, content_type="application/json", headers=headers)


@pytest.fixture
def start(url: str, tmp_path: Path) -> Iterator[Callable[[], Service]]:
    """Starts the service on the same database as often as it is called."""
    side = Chartside(tmp_path, 8100)
    settings = Settings(
        base_url=side.base_url, database_url=url, clients_file=tmp_path / "clients.toml", secret=b"s" * 64
    )
    houses = []

    def start_() -> Service:
        houses.append(open_house(settings))
        return Service(create_app(houses[-1]).test_client, side)

    yield start_
    for house in houses:
        house.close()


def event(**changes: Any) -> bytes:
    """A new event about a patient."""
    sent = body.call(1, datetime.now(UTC), hook_instance=str(uuid.uuid4()), observations=12)
    return json.dumps(json.loads(sent) | changes).encode() if changes else sent


def rows(engine: Engine, table: str) -> int:
    """How many rows a table has."""
    with engine.connect() as connection:
        return int(connection.scalar(text(f"SELECT count(*) FROM {table}")))


def test_a_token_is_answered_once(start: Callable[[], Service], engine: Engine) -> None:
    """Also after a restart and by another process; each new token is answered."""
    first = start()
    token = first.token()
    assert first.post(token, event()).status_code == 200
    assert [service.post(token, event()).status_code for service in (first, start(), start())] == [401] * 3
    assert (rows(engine, "advice"), rows(engine, "used_token"), rows(engine, "audit")) == (1, 1, 0)
    assert first.post(first.token(), event()).status_code == 200


def test_of_two_calls_at_once_one_is_answered(
    start: Callable[[], Service], engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two processes let both in before either was stored; who is second hears what any refused caller hears."""
    services, both, read = (start(), start()), threading.Barrier(2), FhirRecords.read

    def read_when_both_are_in(*args: Any) -> Any:
        both.wait(30)
        return read(*args)

    for _ in range(4):
        token = services[0].token()
        with monkeypatch.context() as patch, ThreadPoolExecutor(2) as pool:
            patch.setattr(FhirRecords, "read", read_when_both_are_in)
            answers = list(pool.map(lambda service, token=token: service.post(token, event()), services))
        said = sorted(answers, key=lambda answer: answer.status_code)
        assert [answer.status_code for answer in said] == [200, 401]
        refused = services[0].post("x.y.z", event())
        assert (said[1].data, dict(said[1].headers)) == (refused.data, dict(refused.headers))
    assert (rows(engine, "advice"), rows(engine, "used_token"), rows(engine, "audit")) == (4, 4, 0)
    assert not any(check.fault for check in verify(engine))


@pytest.mark.parametrize(
    ("sent", "status"),
    [(b"{", 400), (event(hook="order-sign"), 400), (event(prefetch={}), 412), (event(hookInstance="x"), 400)],
    ids=["no JSON", "another hook", "no data", "no event"],
)
def test_a_call_that_fails_uses_its_token_up(
    sent: bytes, status: int, start: Callable[[], Service], engine: Engine
) -> None:
    """Once it is told what was wrong, it needs another."""
    service = start()
    token = service.token()
    assert service.post(token, sent).status_code == status
    noted = rows(engine, "audit")
    assert [service.post(token, body_).status_code for body_ in (sent, event())] == [401, 401]
    assert (rows(engine, "advice"), rows(engine, "used_token"), rows(engine, "audit")) == (0, 1, noted)


@contextmanager
def nothing_goes_in(engine: Engine, table: str) -> Iterator[None]:
    """A store that refuses rows of a table."""
    made, gone = (
        (f"CREATE TRIGGER shut BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'no'); END", "DROP TRIGGER shut")
        if engine.dialect.name == "sqlite"
        else (f"ALTER TABLE {table} ADD CONSTRAINT shut CHECK (client = '') NOT VALID",
              f"ALTER TABLE {table} DROP CONSTRAINT shut")
    )  # fmt: skip
    for statement in (made, gone):
        with writing(engine) as connection:
            connection.execute(text(statement))
        if statement == made:
            yield


def test_without_room_for_the_token_there_is_no_answer(start: Callable[[], Service], engine: Engine) -> None:
    """Neither an advice nor the fault of a call; once there is room, the token is as good as new."""
    service = start()
    advised, failed = service.token(), service.token()
    with nothing_goes_in(engine, "used_token"):
        assert service.post(advised, event()).status_code == 503
        assert service.post(failed, event(prefetch={})).status_code == 503
    assert (rows(engine, "advice"), rows(engine, "used_token"), rows(engine, "audit")) == (0, 0, 0)
    assert service.post(advised, event()).status_code == 200
    assert service.post(failed, event(prefetch={})).status_code == 412


def test_without_room_for_the_advice_the_token_is_used_up(start: Callable[[], Service], engine: Engine) -> None:
    """503, as ever; and the same token does not get a second answer."""
    service = start()
    token = service.token()
    with nothing_goes_in(engine, "advice"):
        assert service.post(token, event()).status_code == 503
    assert (rows(engine, "advice"), rows(engine, "used_token")) == (0, 1)
    assert service.post(token, event()).status_code == 401


@pytest.mark.parametrize("kind", ["sqlite"], indirect=False)
def test_a_locked_store_is_503(kind: str, start: Callable[[], Service], engine: Engine, tmp_path: Path) -> None:
    """Nothing is stored and nothing shown; the token was not used up, because nobody could write that down."""
    service = start()
    token = service.token()
    with closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert service.post(token, event()).status_code == 503
        other.execute("ROLLBACK")
    assert (rows(engine, "advice"), rows(engine, "used_token")) == (0, 0)
    assert service.post(token, event()).status_code == 200


def test_feedback_and_discovery_take_a_token_once(start: Callable[[], Service], engine: Engine) -> None:
    """At the door, as before."""
    service = start()
    token = service.token(f"{PATH}/feedback")
    answers = [service.post(token, b"{}", f"{PATH}/feedback").status_code for _ in range(2)]
    assert answers == [400, 401]
    headers = {"Authorization": f"Bearer {service.token('/cds-services')}"}
    assert [service.http().get("/cds-services", headers=headers).status_code for _ in range(2)] == [200, 401]
    assert rows(engine, "used_token") == 2
