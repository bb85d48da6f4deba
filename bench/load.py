"""Calls at a steady rate, whether or not earlier ones are answered, as many users make them."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bench.calls import TIMEOUT_S, Call, Check, WrongAnswer, send

CONNECTIONS = 16


@dataclass(frozen=True, slots=True)
class Load:
    """Wall milliseconds of each answered call from the moment it was due, and the number that failed."""

    taken: tuple[float, ...]
    failed: int


def steady(port: int, path: str, make: Callable[[int], Call], check: Check, *, rate: float, seconds: float) -> Load:
    """Send `rate` calls a second for some seconds. A call that cannot be sent in time counts from when it was due."""
    local, lock = threading.local(), threading.Lock()
    total = int(rate * seconds)
    begun = time.perf_counter() + 0.5

    def one(number: int) -> float | None:
        call = make(number)
        due = begun + number / rate
        time.sleep(max(due - time.perf_counter(), 0))
        connection = getattr(local, "connection", None) or http.client.HTTPConnection("127.0.0.1", port, TIMEOUT_S)
        local.connection = connection
        try:
            _, answer = send(connection, path, call)
            taken = (time.perf_counter() - due) * 1000
            with lock:
                check(answer)
        except (OSError, http.client.HTTPException, WrongAnswer):
            connection.close()
            local.connection = None
            return None
        return taken

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        found = list(pool.map(one, range(total)))
    taken = tuple(value for value in found if value is not None)
    return Load(taken, total - len(taken))
