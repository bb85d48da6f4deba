"""The end of a call at its deadline: it hangs up on that call's connection, and never on the one of the next."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from fhir_adapters.http import connections
from fhir_adapters.http.connections import _Connection, ended_at
from fhir_adapters.http.deadline import Deadline, NoAnswer

LONG = 3600.0


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], None]]:
    """What the timers of the calls would do, to be done when a test says so."""
    found: list[Callable[[], None]] = []

    class Late(threading.Timer):
        """A timer that was at work when it was called off."""

        def start(self) -> None:
            found.append(self.function)

    monkeypatch.setattr(threading, "Timer", Late)
    return found


@pytest.fixture
def connection() -> Iterator[Callable[[], tuple[_Connection, socket.socket]]]:
    """Connections that are open, each with its other end."""
    opened: list[socket.socket] = []

    def open_() -> tuple[_Connection, socket.socket]:
        here, there = socket.socketpair()
        opened.extend((here, there))
        made = _Connection("127.0.0.1")
        made.sock = here
        return made, there

    yield open_
    for one in opened:
        one.close()


def is_open(made: _Connection, there: socket.socket) -> bool:
    """Whether what one end says comes to the other."""
    try:
        made.sock.sendall(b"x")
    except OSError:
        return False
    return there.recv(1) == b"x"


def test_a_late_end_leaves_the_next_call_alone(ends, connection) -> None:
    """The timer of a call that is over comes a moment late, while the next call of the thread is under way."""
    with ended_at(Deadline.after(LONG)):
        connection()[0].putrequest("GET", "/")
    (late,) = ends
    made, there = connection()
    with ended_at(Deadline.after(LONG)):
        made.putrequest("GET", "/")
        late()
        assert is_open(made, there)


def test_a_late_end_leaves_a_connection_alone_that_was_kept(ends, connection) -> None:
    """The next call has the very connection of the one that is over."""
    made, there = connection()
    for _ in range(2):
        with ended_at(Deadline.after(LONG)):
            made.putrequest("GET", "/")
            made._HTTPConnection__state = "Idle"
            if len(ends) == 2:
                ends[0]()
                assert is_open(made, there)


def test_the_end_hangs_up_on_its_own_call(ends, connection) -> None:
    """And the call is told that it was too late."""
    made, there = connection()

    def call() -> None:
        with ended_at(Deadline.after(LONG)):
            made.putrequest("GET", "/")
            ends[0]()
            assert not is_open(made, there)

    with pytest.raises(NoAnswer, match="in time"):
        call()


def test_a_call_that_was_ended_before_it_had_a_connection_begins_no_request(ends, connection) -> None:
    """To connect took all the time: a server that then sends drop by drop would not be bounded by anything."""
    made, there = connection()

    def call() -> None:
        with ended_at(Deadline.after(LONG)):
            ends[0]()
            made.putrequest("GET", "/")

    with pytest.raises(NoAnswer, match="in time"):
        call()
    assert connections._CALL.call is None
    assert is_open(made, there)
