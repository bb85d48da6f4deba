"""A thread of the server stays with a connection for a moment: nobody waits for it, and nothing is answered twice."""

from __future__ import annotations

import io
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any

from chartside.serving import LINGERERS, THREADS, BoundedWorker

ASK = b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n"
LIMIT_S = 60.0


def opened(stack: ExitStack, port: int) -> socket.socket:
    """A connection that stays open until the test ends."""
    return stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S))


def answers(connection: socket.socket, number: int) -> bytes:
    """What comes back, up to the end of so many answers."""
    received = b""
    while received.count(b'{"status":"ok"}') < number:
        part = connection.recv(65536)
        assert part, received
        received += part
    return received


def test_many_connections_take_turns(server: Any) -> None:
    """More connections than threads that stay with one, and than threads at all; each asks again and again."""
    with ExitStack() as stack:
        connections = [opened(stack, server.port) for _ in range(THREADS + 2 * LINGERERS)]
        for _ in range(3):
            for connection in connections:
                connection.sendall(ASK)
            for connection in connections:
                assert answers(connection, 1).count(b"HTTP/1.1 200 OK") == 1


def test_a_connection_that_asks_at_once_does_not_keep_others_waiting(server: Any) -> None:
    """One after another on the busy connection, and now and then one on another."""
    with ExitStack() as stack:
        busy, other = opened(stack, server.port), opened(stack, server.port)
        for number in range(50):
            busy.sendall(ASK)
            if number % 10 == 0:
                other.sendall(ASK)
                assert answers(other, 1).count(b"HTTP/1.1 200 OK") == 1
            assert answers(busy, 1).count(b"HTTP/1.1 200 OK") == 1


def test_no_thread_stays_with_a_connection_while_another_one_waits() -> None:
    """As many connections as threads, each with a next request at once, would keep the threads for good."""
    here, there = socket.socketpair()
    connection = SimpleNamespace(
        is_http2=False, sock=here, parser=SimpleNamespace(unreader=SimpleNamespace(buf=io.BytesIO()))
    )
    worker = BoundedWorker.__new__(BoundedWorker)
    worker._lingering = threading.BoundedSemaphore(LINGERERS)
    go_on = threading.Event()
    with here, there, ThreadPoolExecutor(1) as threads:
        worker.tpool = threads
        there.sendall(ASK)
        assert worker._goes_on(connection)
        threads.submit(go_on.wait)
        waiting = threads.submit(int)
        assert not worker._goes_on(connection)
        go_on.set()
        waiting.result()
        assert worker._goes_on(connection)


def test_requests_that_were_sent_ahead_are_each_answered_once(server: Any) -> None:
    """Three at once on one connection (RFC 9112 section 9.3.2), and another one after their answers."""
    with ExitStack() as stack:
        connection = opened(stack, server.port)
        connection.sendall(ASK * 3)
        assert answers(connection, 3).count(b"HTTP/1.1 200 OK") == 3
        connection.sendall(ASK)
        assert answers(connection, 1).count(b"HTTP/1.1 200 OK") == 1
