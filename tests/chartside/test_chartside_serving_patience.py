"""The server hangs up on a request that takes too long, unless the application asked it to wait."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from chartside import serving
from chartside.serving import Watchdog


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], bool]:
    """Whether a connection is still open after half a second, with the seconds more that were asked for it."""
    monkeypatch.setattr(serving, "REQUEST_S", 0.05)
    monkeypatch.setattr(serving, "LOOK_S", 0.05)
    watchdog = Watchdog()
    watchdog.start()

    def still_open(seconds: float) -> bool:
        """Watch one."""
        one, other = socket.socketpair()
        with one, other, watchdog.watching(one):
            if seconds:
                watchdog.wait_longer(one, seconds)
            other.settimeout(0.5 if seconds else 60)  # to be cut off may take a busy machine its time
            try:
                return other.recv(1) != b""
            except TimeoutError:
                return True

    return still_open


def test_a_long_answer_is_cut_off_unless_it_was_allowed(watched: Callable[[float], bool]) -> None:
    """The allowance is for one connection and one request."""
    assert not watched(0)
    assert watched(30)
    assert not watched(0)


def test_a_connection_that_nobody_watches_is_left_alone() -> None:
    """An application may ask late; it is no fault."""
    one, other = socket.socketpair()
    with one, other:
        Watchdog().wait_longer(one, 5)
        one.sendall(b"x")
        assert other.recv(1) == b"x"
