"""A dictionary that forgets its oldest entries, safe for threads."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

MOST_KEPT = 5000

Item = TypeVar("Item")


class Kept(Generic[Item]):
    """Bounded; the oldest entry goes first."""

    def __init__(self) -> None:
        """Start empty."""
        self._items: OrderedDict[str, Item] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, key: str, item: Item) -> None:
        """Keep an item."""
        with self._lock:
            self._items[key] = item
            while len(self._items) > MOST_KEPT:
                self._items.popitem(last=False)

    def put_new(self, key: str, item: Item) -> bool:
        """Keep an item under a key that is not in use; False where it is."""
        with self._lock:
            if key in self._items:
                return False
            self._items[key] = item
            while len(self._items) > MOST_KEPT:
                self._items.popitem(last=False)
            return True

    def get(self, key: str) -> Item | None:
        """The item, if it is kept."""
        with self._lock:
            return self._items.get(key)

    def take(self, key: str) -> Item | None:
        """The item, for the first caller only."""
        with self._lock:
            return self._items.pop(key, None)

    def drop(self, unwanted: Callable[[Item], bool]) -> None:
        """Forget every item that is unwanted."""
        with self._lock:
            for key in [key for key, item in self._items.items() if unwanted(item)]:
                del self._items[key]
