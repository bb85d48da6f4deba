"""Filling a page that waits for a slow EHR: the work goes on while the browser is told to look again.

Each EHR has threads of its own, so that pages of a slow one wait for each other and not for those of the rest.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait

from clinical.errors import origin
from smart_app.sessions import Launch

LOG = logging.getLogger("chartside.smart_app")

# How long an answer waits for the record before it says that it is being read.
PATIENCE_S = 1.5
# The browser looks again at once and waits longer then, so that the page comes as soon as the record is there. Only so
# many answers are held back at a time, because hooks are answered by the same sixteen threads.
LATER_LOOK = 3
HELD_BACK = 8
# How many pages of one EHR are filled at once, and how many of all EHRs together.
OF_ONE_EHR = 12
AT_ONCE = 36
MOST = 2_000
# For how long a fault waits for the browser to look again.
FAULT_S = 20.0


class Room:
    """What all filling shares: the threads of each EHR, the places of all, and the answers that are held back."""

    def __init__(self) -> None:
        """Nobody is at work."""
        self.places = threading.BoundedSemaphore(AT_ONCE)
        self.held_back = threading.BoundedSemaphore(HELD_BACK)
        self._lock = threading.Lock()
        self._pools: dict[str, ThreadPoolExecutor] = {}  # by client id, of which the registry knows a few

    def threads_of(self, client: str) -> ThreadPoolExecutor:
        """The threads of one EHR; a page that finds them busy waits for its turn."""
        with self._lock:
            if client not in self._pools:
                self._pools[client] = ThreadPoolExecutor(OF_ONE_EHR, thread_name_prefix=f"page-{client}")
            return self._pools[client]


class Filling:
    """Fills each round of a launch once, in a thread of its own. Safe between threads."""

    def __init__(self, fill: Callable[[Launch], Launch | None], room: Room, patience: float = PATIENCE_S) -> None:
        """`fill` gives the launch with something on it, or None while another request is filling it."""
        self._fill = fill
        self._room = room
        self._patience = patience
        self._lock = threading.RLock()  # a job may have ended before its callback is set
        self._running: dict[tuple[str, int], Future[Launch | None]] = {}
        self._at_work: set[tuple[str, int]] = set()

    def knows(self, launch: Launch) -> bool:
        """Whether this round is being filled, or ended with a fault that nobody was told."""
        with self._lock:
            return (launch.id, launch.round) in self._running

    def waits(self, launch: Launch) -> bool:
        """Whether this round waits for its turn: nothing has been asked of the EHR for it yet."""
        key = (launch.id, launch.round)
        with self._lock:
            running = self._running.get(key)
            return running is not None and not running.done() and key not in self._at_work

    def filled(self, launch: Launch) -> Launch | None:
        """The launch with something on it; None while that takes longer. Raises what went wrong, once."""
        key = (launch.id, launch.round)
        with self._lock:
            running = self._running.get(key)
            begun = running is None
            if running is None:
                self._make_room()
                threads = self._room.threads_of(launch.visit.client)
                running = self._running[key] = threads.submit(self._in_a_place, launch)
                running.add_done_callback(lambda ended: self._ended(key, ended))
        if not self._waited(running, self._patience if begun else self._patience * LATER_LOOK):
            return None
        self._forget(key)
        return running.result()

    def crowded(self) -> bool:
        """Whether a look now would not wait: so many do already."""
        if not self._room.held_back.acquire(blocking=False):
            return True
        self._room.held_back.release()
        return False

    def _waited(self, running: Future[Launch | None], patience: float) -> bool:
        """Whether it has ended by the end of this look."""
        if not self._room.held_back.acquire(blocking=False):
            return running.done()
        try:
            return bool(wait([running], patience).done)
        finally:
            self._room.held_back.release()

    def _in_a_place(self, launch: Launch) -> Launch | None:
        """Fill, in one of the places that all EHRs share."""
        key = (launch.id, launch.round)
        with self._room.places:
            with self._lock:
                self._at_work.add(key)
            try:
                return self._fill(launch)
            finally:
                with self._lock:
                    self._at_work.discard(key)

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
