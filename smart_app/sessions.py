"""What the server remembers of a launch. The browser holds an opaque id only.

A store may be replaced by one that several processes share; it has four methods, and `put(new=True)`, `replace` and
`take` must be atomic, because they decide which of two equal requests is the first.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, Protocol, TypeVar

from clinical.ports import Clock
from smart_app.ports.ehr import Banner, Visit

V = TypeVar("V")

PENDING_LIFETIME = timedelta(minutes=10)
LAUNCH_LIFETIME = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Pending:
    """A launch that waits for the EHR's answer. `browser` and `state` are digests.

    While the EHR is asked where to go, `state` and `sealed` are empty, which no answer fits.
    """

    id: str
    iss: str
    started: datetime
    browser: str = field(repr=False)
    state: str = field(repr=False)
    sealed: str = field(repr=False)
    standalone: bool = False


@dataclass(frozen=True, slots=True)
class Launch:
    """A page that is open. `round` counts what was put on it: 0 is nothing yet.

    `from_card` says that the advice is the one whose card was clicked, not a new one; `standalone` that no EHR stands
    around the page.
    """

    id: str
    iss: str
    started: datetime
    until: datetime
    browser: str = field(repr=False)
    visit: Visit = field(repr=False)
    round: int = 0
    advice_ids: tuple[str, ...] = ()
    banner: Banner | None = None
    from_card: bool = False
    standalone: bool = False


class SessionStore(Protocol[V]):
    """Values by key, each until a moment."""

    def put(self, key: str, value: V, until: datetime, *, new: bool = False) -> bool:
        """Keep a value, if there is room; with `new`, only if the key is free. Says whether it was kept."""
        ...

    def replace(self, key: str, value: V, until: datetime) -> bool:
        """Put a value in the place of one that is there. Says whether there was one."""
        ...

    def get(self, key: str) -> V | None:
        """The value, if its time is not over."""
        ...

    def take(self, key: str) -> V | None:
        """The value, which is gone afterwards."""
        ...


class MemorySessions(Generic[V]):
    """A store in the memory of one process, bounded. Safe between threads.

    When it is full, the oldest entry gives way. With a `group`, the bound is that of each group, and a full one takes
    nothing new: for what strangers can put there, who would push out what others wait for.
    """

    def __init__(self, clock: Clock, max_size: int = 2_000, *, group: Callable[[V], str] | None = None) -> None:
        """Start empty; `group` names the group of a value."""
        self._clock = clock
        self._max_size = max_size
        self._group = group
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[datetime, V]] = {}

    def put(self, key: str, value: V, until: datetime, *, new: bool = False) -> bool:
        """Keep a value; with `new`, only if the key is free. Says whether it was kept."""
        with self._lock:
            self._drop_expired()
            if key in self._kept and new:
                return False
            if key not in self._kept and not self._make_room(value):
                return False
            self._kept[key] = (until, value)
            return True

    def replace(self, key: str, value: V, until: datetime) -> bool:
        """Put a value in the place of one that is there. Says whether there was one."""
        with self._lock:
            self._drop_expired()
            if key in self._kept:
                self._kept[key] = (until, value)
                return True
            return False

    def get(self, key: str) -> V | None:
        """The value, if its time is not over."""
        with self._lock:
            self._drop_expired()
            held = self._kept.get(key)
            return None if held is None else held[1]

    def take(self, key: str) -> V | None:
        """The value, which is gone afterwards."""
        with self._lock:
            self._drop_expired()
            held = self._kept.pop(key, None)
            return None if held is None else held[1]

    def _make_room(self, value: V) -> bool:
        """Whether there is room for one more, if need be in the place of the oldest."""
        group = self._group
        if group is not None:
            name = group(value)
            return sum(group(held) == name for _, held in self._kept.values()) < self._max_size
        if len(self._kept) >= self._max_size:
            del self._kept[next(iter(self._kept))]
        return True

    def _drop_expired(self) -> None:
        """Forget what is over, so that no token outlives its session in memory."""
        now = self._clock.now()
        for key in [key for key, (until, _) in self._kept.items() if until <= now]:
            del self._kept[key]


@dataclass(frozen=True, slots=True)
class Stores:
    """Separate stores, so that a flood of begun launches cannot push out open pages.

    `marks` holds first times, `written` the references of what was written into the EHR, by launch and advice.
    """

    pending: SessionStore[Pending]
    launches: SessionStore[Launch]
    marks: SessionStore[datetime]
    written: SessionStore[str]


def memory_stores(clock: Clock) -> Stores:
    """Stores for one process. Anybody can begin a launch, so those of one EHR have their own places, and keep them."""
    pending = MemorySessions[Pending](clock, group=lambda launch: launch.iss)
    return Stores(pending, MemorySessions(clock), MemorySessions(clock, 20_000), MemorySessions(clock))
