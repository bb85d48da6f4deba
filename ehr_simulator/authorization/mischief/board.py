"""The switchboard: which mischief is armed, for whom, and how often."""

from __future__ import annotations

import ipaddress
import threading
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ehr_simulator.authorization.mischief.table import TABLE

EVERYBODY = "*"


class NotOnLoopback(Exception):
    """Mischief was armed on an EHR that others could reach."""


@dataclass(slots=True)
class _Armed:
    """One switch. `left` None means without end."""

    value: Any
    left: int | None


class Mischief:
    """Armed per client id, per launch id, or for everybody. Safe for threads."""

    def __init__(self) -> None:
        """Nothing armed."""
        self._armed: dict[tuple[str, str], _Armed] = {}
        self._ever: set[str] = set()
        self._last_code: dict[str, str] = {}
        self._lock = threading.Lock()
        self._public = False

    def bind(self, base_url: str) -> None:
        """Learn where the EHR lives. Raises `NotOnLoopback` where others could reach it and something is armed."""
        self._public = self._public or not _is_loopback(base_url)
        if self._public and self._armed:
            raise NotOnLoopback("Mischief is for an EHR on a loopback address only.")

    def arm(self, name: str, *, target: str = EVERYBODY, value: Any = None, times: int | None = None) -> None:
        """Switch a mischief on for a client id, a launch id or everybody; `times` limits how often it acts.

        Raises `KeyError` for a name that `table.py` does not list, and `NotOnLoopback`.
        """
        if name not in TABLE:
            raise KeyError(name)
        if self._public:
            raise NotOnLoopback("Mischief is for an EHR on a loopback address only.")
        with self._lock:
            self._armed[name, target] = _Armed(value, times)
            self._ever.add(name)

    def disarm(self, name: str | None = None) -> None:
        """Switch one mischief off, or all of them."""
        with self._lock:
            for key in [key for key in self._armed if name in (None, key[0])]:
                del self._armed[key]

    def was_armed(self, name: str) -> bool:
        """Whether the mischief was armed at any time, which counts as no use."""
        return name in self._ever

    def on(self, name: str, who: tuple[str, ...] = ()) -> bool:
        """Whether the mischief acts now. Counts as one use."""
        return self.value(name, who, default=True) is not None

    def value(self, name: str, who: tuple[str, ...] = (), *, default: Any) -> Any:
        """The value of a mischief that acts now, `default` where it was armed without one; None if it does not act."""
        with self._lock:
            for target in (*who, EVERYBODY):
                armed = self._armed.get((name, target))
                if armed is None:
                    continue
                if armed.left is not None:
                    armed.left -= 1
                    if armed.left <= 0:
                        del self._armed[name, target]
                return default if armed.value is None else armed.value
        return None

    def swap_code(self, client_id: str, code: str) -> str:
        """The code that this app was given before; remembers the new one."""
        with self._lock:
            before = self._last_code.get(client_id, "no-code-was-given-before")
            self._last_code[client_id] = code
            return before


def _is_loopback(base_url: str) -> bool:
    """Whether the host is a loopback address or localhost."""
    host = urlsplit(base_url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
