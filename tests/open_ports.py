"""Ports for servers that are told their number before they start.

Port 0 gives one of those that the system also gives to every connection: between the look and the start another process
may be given it. These lie below, and each process of a run has a share of its own.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from itertools import cycle

LOWEST, SHARES, EACH = 15_000, 8, 2_000


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens, and which nobody else of this run is given."""
    return next(port for port in _OURS if _is_free(port))


def free_ports(count: int) -> list[int]:
    """So many of them."""
    return [free_port() for _ in range(count)]


def _ours() -> Iterator[int]:
    """The ports of this process, round and round; where it begins differs between runs."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = LOWEST + worker % SHARES * EACH
    begin = os.getpid() % EACH
    return cycle([*range(first + begin, first + EACH), *range(first, first + begin)])


def _is_free(port: int) -> bool:
    """Whether one can listen on it now."""
    try:
        with socket.create_server(("127.0.0.1", port)):
            return True
    except OSError:
        return False


_OURS = _ours()
