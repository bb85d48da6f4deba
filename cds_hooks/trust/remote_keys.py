"""The key set behind one URL of the registry: read again when it grows old or lacks a key id, and not too often."""

from __future__ import annotations

import threading
from collections.abc import Callable

from cds_hooks.trust.keys import PublicKey, PublicKeys, rows_of
from clinical.errors import ChartsideError
from clinical.ports import Clock

# A key set is read again after five minutes, so that a withdrawn key stops to count soon.
FRESH_S = 300
# An unknown key id asks for newer keys, but not more often than this: else a stranger could make us call at will.
ASK_AGAIN_S = 30
# After a failed attempt: one second, doubled each time.
FIRST_WAIT_S = 1
# While their server cannot be reached, keys count on for a day and no longer.
LAST_S = 86_400


class RemoteKeys:
    """A key set that is fetched from one URL, which the registry names and nobody else."""

    def __init__(self, url: str, fetch: Callable[[str], object], clock: Clock) -> None:
        """Start without keys; the first call asks for them."""
        self._url = url
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._keys = PublicKeys(None)
        self._fetched_at = float("-inf")
        self._next_try = float("-inf")
        self._failures = 0

    def find(self, kid: str, algorithm: str) -> tuple[PublicKey, ...]:
        """The keys with this id that are meant for this algorithm, fetched again where that may help.

        One call asks. The others go on with the key they know, or wait for the answer if they know none.
        """
        if not self._is_fresh(kid) and self._lock.acquire(blocking=kid not in self._keys):
            try:
                if not self._is_fresh(kid) and self._now() >= self._next_try:
                    self._ask()
            finally:
                self._lock.release()
        return self._keys.find(kid, algorithm) if self._now() - self._fetched_at < LAST_S else ()

    def _is_fresh(self, kid: str) -> bool:
        """Whether the key id is known from an answer that is not old."""
        return kid in self._keys and self._now() - self._fetched_at < FRESH_S

    def _ask(self) -> None:
        """Fetch the key set once, and note when the next attempt is due."""
        try:
            answer = self._fetch(self._url)
        except ChartsideError:
            answer = None
        now = self._now()
        if rows_of(answer) is None:
            self._next_try = now + min(FIRST_WAIT_S * 2**self._failures, FRESH_S)
            self._failures = min(self._failures + 1, 10)
            return
        self._keys, self._fetched_at = PublicKeys(answer), now
        self._next_try, self._failures = now + ASK_AGAIN_S, 0

    def _now(self) -> float:
        """Seconds since the epoch."""
        return self._clock.now().timestamp()
