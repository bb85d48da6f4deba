"""Filling a page that waits for a slow EHR: the work goes on while the browser is told to look again."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait

from clinical.errors import origin
from smart_app.sessions import Launch

LOG = logging.getLogger("chartside.smart_app")

# How long an answer waits for the record before it says that it is being read, and how many pages are filled at once.
PATIENCE_S = 1.5
AT_ONCE = 16
MOST = 2_000
# For how long a fault waits for the browser to look again, which it does every two seconds.
FAULT_S = 20.0


class Filling:
    """Fills each round of a launch once, in a thread of its own. Safe between threads."""

    def __init__(self, fill: Callable[[Launch], Launch | None], patience: float = PATIENCE_S) -> None:
        """`fill` gives the launch with something on it, or None while another request is filling it."""
        self._fill = fill
        self._patience = patience
        self._lock = threading.RLock()  # a job may have ended before its callback is set
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="page")
        self._running: dict[tuple[str, int], Future[Launch | None]] = {}

    def knows(self, launch: Launch) -> bool:
        """Whether this round is being filled, or ended with a fault that nobody was told."""
        with self._lock:
            return (launch.id, launch.round) in self._running

    def filled(self, launch: Launch) -> Launch | None:
        """The launch with something on it; None while that takes longer. Raises what went wrong, once."""
        key = (launch.id, launch.round)
        with self._lock:
            running = self._running.get(key)
            if running is None:
                self._make_room()
                running = self._running[key] = self._pool.submit(self._fill, launch)
                running.add_done_callback(lambda ended: self._ended(key, ended))
        if not wait([running], self._patience).done:
            return None
        self._forget(key)
        return running.result()

    def _ended(self, key: tuple[str, int], ended: Future[Launch | None]) -> None:
        """What is on the page stands in the session; a fault waits a little for somebody to be told.

        It may hold what must not outlive the session, and what is long past is no state of the EHR.
        """
        fault = None if ended.cancelled() else ended.exception()
        if fault is None:
            self._forget(key)
            return
        later = threading.Timer(FAULT_S, self._give_up, [key, type(fault).__name__, origin(fault)])
        later.daemon = True
        later.start()

    def _give_up(self, key: tuple[str, int], name: str, where: str) -> None:
        """Nobody came back to be told."""
        if self._forget(key):
            LOG.warning("page not filled", extra={"fault": name, "where": where})

    def _forget(self, key: tuple[str, int]) -> bool:
        """Nobody needs it any more. Says whether it was there."""
        with self._lock:
            return self._running.pop(key, None) is not None

    def _make_room(self) -> None:
        """Forget the oldest of what ended and nobody came back for."""
        if len(self._running) >= MOST:
            ended = [key for key, running in self._running.items() if running.done()]
            for key in ended[: MOST // 10]:
                del self._running[key]
