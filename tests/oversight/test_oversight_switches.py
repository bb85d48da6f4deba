"""The kill switch and the audit: what a person switched off is off within seconds, everywhere, and stays on record."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Lock
from time import sleep

import pytest
from sqlalchemy import event, text

from clinical.audit import AuditEvent, AuditKind
from clinical.errors import LedgerUnavailable
from oversight.audit import SqlAudit
from oversight.switches import ALL, SqlSwitches, SwitchState
from oversight.verify import verify


class CountingLock:
    """A lock that knows who came, also those who wait for it."""

    def __init__(self):
        self.come = []
        self._lock = Lock()

    def __enter__(self):
        self.come.append(1)
        return self._lock.__enter__()

    def __exit__(self, *about):
        return self._lock.__exit__(*about)


@pytest.fixture
def ticks():
    """The time of a stopwatch, which the test moves."""
    return [100.0]


@pytest.fixture
def switches(engine, clock, ticks):
    """The switches of one process."""
    return SqlSwitches(engine, clock, monotonic=lambda: ticks[0])


def off(switches, client, service, *, off=True):
    """Switch, by somebody for some reason."""
    switches.set(client, service, off=off, by_whom="ann", reason="drill")


def test_everything_is_on_at_first(switches):
    """No row, no silence."""
    assert not switches.is_off("st-mary", "icu-mortality")
    assert switches.states() == ()


@pytest.mark.parametrize(
    ("client", "service", "expected"),
    [
        (ALL, ALL, [True, True, True, True]),
        ("a", ALL, [True, True, False, False]),
        (ALL, "x", [True, False, True, False]),
        ("a", "x", [True, False, False, False]),
    ],
)
def test_switch_reaches_as_far_as_it_says(switches, client, service, expected):
    """All, one client, one service, or one service for one client."""
    off(switches, client, service)
    assert [switches.is_off(*pair) for pair in (("a", "x"), ("a", "y"), ("b", "x"), ("b", "y"))] == expected
    off(switches, client, service, off=False)
    assert not any(switches.is_off(*pair) for pair in (("a", "x"), ("a", "y"), ("b", "x"), ("b", "y")))


def test_narrow_switch_on_does_not_lift_a_wide_one(switches):
    """Off is off, whoever else is on."""
    off(switches, ALL, "x")
    off(switches, "a", "x", off=False)
    assert switches.is_off("a", "x")


def test_another_process_knows_within_two_seconds(switches, engine, clock, ticks):
    """It reads again when what it knows is two seconds old, and not before."""
    assert not switches.is_off("a", "x")
    off(SqlSwitches(engine, clock), "a", "x")
    ticks[0] += 1.99
    assert not switches.is_off("a", "x")
    ticks[0] += 0.01
    assert switches.is_off("a", "x")


def test_own_switch_works_at_once(switches):
    """Whoever switches sees it."""
    assert not switches.is_off("a", "x")
    off(switches, "a", "x")
    assert switches.is_off("a", "x")


def test_database_is_asked_once_in_two_seconds(switches, engine, ticks):
    """However many calls there are."""
    reads = []
    event.listen(engine, "before_cursor_execute", lambda *about: reads.append(about[2]))
    for _ in range(50):
        ticks[0] += 0.1
        switches.is_off("a", "x")
    assert 2 <= len(reads) <= 3


def test_nobody_can_say_is_a_fault(empty_url, open_ledger, clock):
    """A database that cannot be read is neither on nor off, each time anew."""
    _, engine = open_ledger(empty_url)
    switches = SqlSwitches(engine, clock)
    for _ in range(2):
        with pytest.raises(LedgerUnavailable):
            switches.is_off("a", "x")


def test_old_knowledge_is_not_used_when_the_database_is_gone(switches, engine, ticks):
    """Two seconds are the limit, also for a fault."""
    assert not switches.is_off("a", "x")

    def fail(*_about):
        """The database goes away."""
        raise OSError("gone")

    event.listen(engine, "before_cursor_execute", fail)
    ticks[0] += 2
    with pytest.raises(LedgerUnavailable):
        switches.is_off("a", "x")
    event.remove(engine, "before_cursor_execute", fail)
    assert not switches.is_off("a", "x")


def test_threads_do_not_wait_for_a_slow_fault_in_turn(switches, engine):
    """Of eight that come together one asks, and all get its fault."""
    asked, door = [], CountingLock()
    switches._lock = door

    def fail(*_about):
        """The database goes away when all have come."""
        asked.append(1)
        while len(door.come) < 8:
            sleep(0.01)
        raise OSError("gone")

    def is_fault(_number):
        """Whether it is told."""
        with pytest.raises(LedgerUnavailable):
            switches.is_off("a", "x")

    event.listen(engine, "before_cursor_execute", fail)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(is_fault, range(8)))
    event.remove(engine, "before_cursor_execute", fail)
    assert len(asked) == 1
    assert not switches.is_off("a", "x")


def test_states_list_the_latest_of_each(switches, clock):
    """By whom, when and why, sorted."""
    off(switches, "b", "x")
    clock.time += timedelta(hours=1)
    switches.set("b", "x", off=False, by_whom="bob", reason="done")
    off(switches, ALL, ALL)
    assert switches.states() == (
        SwitchState(ALL, ALL, True, clock.time, "ann", "drill"),
        SwitchState("b", "x", False, clock.time, "bob", "done"),
    )


def test_switch_and_its_audit_are_stored_together(switches, engine, clock):
    """Both or none."""
    switches.set("a", "x", off=True, by_whom="ann", reason="r" * 2000)

    def fail(_connection, _cursor, statement, *_about):
        """The database goes away before the audit."""
        if "INTO audit" in statement:
            raise OSError("gone")

    event.listen(engine, "before_cursor_execute", fail)
    with pytest.raises(LedgerUnavailable):
        off(switches, "b", "y")
    with engine.connect() as connection:
        (noted,) = connection.execute(text("SELECT kind, client, service, detail FROM audit")).all()
        assert connection.scalar(text("SELECT count(*) FROM switch")) == 1
    assert noted[:3] == ("switch", "a", "x")
    assert noted[3].startswith("off, by ann: rrr")
    assert len(noted[3]) <= 500


def test_audit_keeps_an_event_whole(engine, clock):
    """Every field, on the disk when it returns; a long detail is cut."""
    audit = SqlAudit(engine)
    event_ = AuditEvent(clock.now(), AuditKind.EMPTY_ON_FAULT, "c", "s", "patient-view", 503, "7f", "é" * 700)
    audit.note(event_)
    audit.note(AuditEvent(clock.now(), AuditKind.FEEDBACK_REFUSED, client="x" * 9000))
    with engine.connect() as connection:
        first, second = connection.execute(text("SELECT * FROM audit ORDER BY sequence")).mappings()
    assert [first[name] for name in ("kind", "client", "service", "hook", "status", "incident")] == [
        "empty-on-fault",
        "c",
        "s",
        "patient-view",
        503,
        "7f",
    ]
    assert first["detail"] == "é" * 500
    assert len(second["client"]) == 200
    assert all(check.fault is None for check in verify(engine))


def test_audit_that_cannot_be_written_is_a_fault(engine, empty_url, open_ledger, clock):
    """Without tables, and with a time that is none."""
    with pytest.raises(LedgerUnavailable):
        SqlAudit(open_ledger(empty_url)[1]).note(AuditEvent(clock.now(), AuditKind.SWITCH))
    with pytest.raises(LedgerUnavailable):
        SqlAudit(engine).note(AuditEvent(datetime(2026, 3, 2), AuditKind.SWITCH))  # noqa: DTZ001 (that is the fault)
