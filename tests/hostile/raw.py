"""Bytes on a connection, as a stranger sends them, and what comes back."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from hostile.judge import Answer

# The service ends a request after 10 s (chartside/serving.py); the rest is for a busy machine.
LIMIT_S = 60.0


def exchange(port: int, steps: Iterable[Mapping[str, Any]], limit: float = LIMIT_S) -> Answer:
    """Send the steps, then read until the other side ends or a whole answer is there. Status 0 is a clean close."""
    started = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout=limit) as connection:
        with suppress(ConnectionError):
            for step in steps:
                _send(connection, step, started + limit)
        received = _received(connection, started + limit)
    return _answer(received, time.monotonic() - started)


def _send(connection: socket.socket, step: Mapping[str, Any], until: float) -> None:
    """One step; a drip ends when the other side hangs up."""
    if "drip" in step:
        for _ in range(step["times"]):
            if time.monotonic() > until:
                return
            connection.sendall(step["drip"].encode())
            time.sleep(step["every"])
    elif step.get("end"):
        connection.shutdown(socket.SHUT_WR)
    else:
        data = bytes.fromhex(step["hex"]) if "hex" in step else step["text"].encode()
        connection.sendall(data * step.get("times", 1))


def _received(connection: socket.socket, until: float) -> bytes:
    """Everything up to the end of the first final answer or of the connection."""
    received = b""
    while not _is_whole(received):
        connection.settimeout(max(0.01, until - time.monotonic()))
        try:
            part = connection.recv(65536)
        except TimeoutError:
            return b"HTTP/1.1 599 Still open\r\n\r\n"
        except ConnectionError:
            break
        if not part:
            break
        received += part
    return received


def _is_whole(received: bytes) -> bool:
    """Whether headers and the declared body are there."""
    head, gap, body = received.partition(b"\r\n\r\n")
    if not gap or head.startswith(b"HTTP/1.1 100"):
        return False
    length = next((line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), b":-1")
    return 0 <= int(length.partition(b":")[2]) <= len(body)


def _answer(received: bytes, seconds: float) -> Answer:
    """The first answer; an interim one is passed over."""
    head, _, body = received.partition(b"\r\n\r\n")
    if head.startswith(b"HTTP/1.1 100"):
        head, _, body = body.partition(b"\r\n\r\n")
    if not head:
        return Answer(0, {}, b"", seconds)
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    headers = {name.strip().title(): value.strip() for name, _, value in pairs}
    return Answer(int(first.split()[1]), headers, body, seconds)
