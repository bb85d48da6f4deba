"""How many sign-ins one address may begin in a minute: enough for a team behind one proxy, too few for a flood."""

from __future__ import annotations

import threading
from collections import OrderedDict

from clinical.ports import Clock

MOST = 300
_MINUTE_S = 60.0
_MAX_ADDRESSES = 1_000


class Begins:
    """Counts in the memory of one process, bounded; the address that came first is forgotten first."""

    def __init__(self, clock: Clock, most: int = MOST) -> None:
        """Start at nought."""
        self._clock = clock
        self._most = most
        self._lock = threading.Lock()
        self._counts: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def one_more(self, address: str) -> bool:
        """Whether this address may begin one more now."""
        now = self._clock.now().timestamp()
        with self._lock:
            since, count = self._counts.get(address, (now, 0))
            if not 0 <= now - since < _MINUTE_S:
                since, count = now, 0
            self._counts[address] = (since, count + 1)
            while len(self._counts) > _MAX_ADDRESSES:
                self._counts.popitem(last=False)
        return count < self._most
