"""A circuit breaker: a server that keeps failing is left alone for a while, so that its callers do not wait in vain.

Not pybreaker: it holds one lock while a call runs, so reads of one server would follow each other instead of running
side by side. Here a lock is held only while the state is looked at or changed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Breaker:
    """Knows whether one server may be asked now.

    Closed: all may ask. After `limit` failures in a row it opens: nobody may, but one trial every `pause` seconds.
    The first success closes it. A trial that never reports back does no harm: the next one comes a pause later.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, *, limit: int = 5, pause: float = 10.0) -> None:
        """Start closed. `clock` counts seconds and never goes back."""
        self._clock = clock
        self._limit = limit
        self._pause = pause
        self._failures = 0
        self._next_trial = 0.0
        self._lock = threading.Lock()

    def admits(self) -> bool:
        """Whether a call may be made now. While open, True takes the trial."""
        with self._lock:
            if self._failures < self._limit:
                return True
            now = self._clock()
            if now < self._next_trial:
                return False
            self._next_trial = now + self._pause
            return True

    def succeeded(self) -> None:
        """The server answered."""
        with self._lock:
            self._failures = 0

    def failed(self) -> None:
        """The server failed. What fails after the opening prolongs it."""
        with self._lock:
            self._failures += 1
            if self._failures >= self._limit:
                self._next_trial = self._clock() + self._pause
