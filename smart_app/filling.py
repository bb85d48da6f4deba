"""Filling a page that waits for a slow EHR: the work goes on while the browser is told to look again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait

from smart_app.sessions import Launch

# How long an answer waits for the record before it says that it is being read, and how many pages are filled at once.
PATIENCE_S = 1.5
AT_ONCE = 16
MOST = 2_000


class Filling:
    """Fills each round of a launch once, in a thread of its own. Safe between threads."""

    def __init__(self, fill: Callable[[Launch], Launch | None], patience: float = PATIENCE_S) -> None:
        """`fill` gives the launch with something on it, or None while another request is filling it."""
        self._fill = fill
        self._patience = patience
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="page")
        self._running: dict[tuple[str, int], Future[Launch | None]] = {}

    def filled(self, launch: Launch) -> Launch | None:
        """The launch with something on it; None while that takes longer. Raises what went wrong, once."""
        key = (launch.id, launch.round)
        with self._lock:
            running = self._running.get(key)
            if running is None:
                self._make_room()
                running = self._running[key] = self._pool.submit(self._fill, launch)
        if not wait([running], self._patience).done:
            return None
        with self._lock:
            self._running.pop(key, None)
        return running.result()

    def _make_room(self) -> None:
        """Forget the oldest of what ended and nobody came back for."""
        if len(self._running) >= MOST:
            ended = [key for key, running in self._running.items() if running.done()]
            for key in ended[: MOST // 10]:
                del self._running[key]
