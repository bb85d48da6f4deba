"""The tokens of open visits: given out while they hold, renewed by one caller at a time, forgotten at the end."""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from clinical.errors import ChartsideError, NotAllowed
from clinical.invocation import FhirAccess
from clinical.ports import Clock
from fhir_adapters.smart.token_vault import TokenVault

EARLY = timedelta(seconds=60)
# After a refresh that brought nothing, nobody asks again for so long.
PAUSE = timedelta(seconds=5)
MAX_KNOWN = 8_000
OVER = "The EHR's permission to read this record has run out."


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the vault keeps of a visit. `smart` is the state of the client, which holds the tokens themselves.

    `scopes` are those that hold now; `reads` are the scopes to read that were asked for at the launch.
    """

    client: str
    base_url: str
    patient_id: str
    smart: dict[str, Any] = field(repr=False)
    access: str = field(repr=False)
    scopes: tuple[str, ...]
    reads: tuple[str, ...]
    renewable: bool
    expires_at: datetime | None

    def pack(self) -> dict[str, Any]:
        """For JSON."""
        return {
            **{name: getattr(self, name) for name in self.__slots__},
            "scopes": list(self.scopes),
            "reads": list(self.reads),
            "expires_at": None if self.expires_at is None else self.expires_at.isoformat(),
        }

    @classmethod
    def unpack(cls, packed: dict[str, Any]) -> Tokens:
        """From JSON."""
        ends = packed["expires_at"]
        return cls(
            **{
                **packed,
                "scopes": tuple(packed["scopes"]),
                "reads": tuple(packed["reads"]),
                "expires_at": None if ends is None else datetime.fromisoformat(ends),
            }
        )


class TokenKeeper:
    """`refresh` asks the EHR for new tokens; it raises a `ChartsideError` where it gets none."""

    def __init__(self, vault: TokenVault, clock: Clock, refresh: Callable[[Tokens], Tokens]) -> None:
        """Start with no visits."""
        self._vault = vault
        self._clock = clock
        self._refresh = refresh
        self._guard = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._handles: dict[str, str] = {}  # by digest of an access token
        self._paused: dict[str, datetime] = {}

    def keep(self, tokens: Tokens, until: datetime) -> str:
        """Put the tokens of a new visit away; gives their handle."""
        handle = secrets.token_urlsafe(32)
        self._put(handle, tokens, until)
        return handle

    def access(self, handle: str) -> FhirAccess:
        """Leave to read, renewed if it ends within a minute. Raises `NotAllowed` when it is over and stays so."""
        tokens, _ = self._get(handle)
        now = self._clock.now()
        ends = tokens.expires_at
        if ends is not None and ends <= now + EARLY and tokens.renewable:
            tokens = self._renewed(handle, tokens.access) or tokens
            ends = tokens.expires_at
        if ends is not None and ends <= now:
            raise NotAllowed(OVER)
        return _access(tokens)

    def now(self, handle: str) -> Tokens | None:
        """What is kept now, if anything."""
        found = self._vault.get(handle)
        return None if found is None else Tokens.unpack(found[0])

    def renewed(self, handle: str, refused: str) -> FhirAccess:
        """Leave to read after the EHR refused this token. Raises `NotAllowed` when there is no other."""
        tokens = self._renewed(handle, refused)
        if tokens is None:
            raise NotAllowed(OVER)
        return _access(tokens)

    def instead_of(self, refused: str) -> str | None:
        """The token to use after this one was refused; None for one that is none of ours.

        Raises `NotAllowed` for one that is ours and cannot be renewed.
        """
        with self._guard:
            handle = self._handles.get(_digest(refused))
        return None if handle is None else self.renewed(handle, refused).token

    def take(self, handle: str) -> Tokens | None:
        """Forget a visit; gives what was kept, for the EHR to revoke. A refresh under way is awaited, not outrun."""
        with self._lock_of(handle):
            found = self.now(handle)
            self._vault.forget(handle)
        with self._guard:
            self._locks.pop(handle, None)
            self._paused.pop(handle, None)
            self._handles = {key: value for key, value in self._handles.items() if value != handle}
        return found

    def _renewed(self, handle: str, refused: str) -> Tokens | None:
        """New tokens, asked for once: who waits meanwhile gets the same. None where there are none to be had."""
        with self._lock_of(handle):
            tokens, until = self._get(handle)
            if tokens.access != refused:
                return tokens
            if not tokens.renewable or self._is_paused(handle):
                return None
            try:
                new = self._refresh(tokens)
            except NotRenewed:
                self._put(handle, replace(tokens, renewable=False), until)
                return None
            except ChartsideError:
                self._pause(handle)
                return None
            self._put(handle, new, until)
            return new

    def _is_paused(self, handle: str) -> bool:
        """Whether a refresh failed a moment ago."""
        until = self._paused.get(handle)
        return until is not None and self._clock.now() < until

    def _pause(self, handle: str) -> None:
        """Ask nothing for a moment."""
        now = self._clock.now()
        with self._guard:
            self._paused = {key: until for key, until in self._paused.items() if until > now} | {handle: now + PAUSE}

    def _get(self, handle: str) -> tuple[Tokens, datetime]:
        """What is kept."""
        found = self._vault.get(handle)
        if found is None:
            raise NotAllowed(OVER)
        return Tokens.unpack(found[0]), found[1]

    def _put(self, handle: str, tokens: Tokens, until: datetime) -> None:
        """Keep, and know the token again when the EHR refuses it."""
        self._vault.put(handle, tokens.pack(), until)
        with self._guard:
            if len(self._handles) >= MAX_KNOWN:
                del self._handles[next(iter(self._handles))]
            self._handles[_digest(tokens.access)] = handle

    def _lock_of(self, handle: str) -> threading.Lock:
        """One lock for each visit."""
        with self._guard:
            if len(self._locks) >= MAX_KNOWN:
                self._locks = {key: lock for key, lock in self._locks.items() if lock.locked()}
            return self._locks.setdefault(handle, threading.Lock())


class NotRenewed(ChartsideError):
    """The EHR refused the refresh token, so it is never sent again."""


def _access(tokens: Tokens) -> FhirAccess:
    """As the reader takes it."""
    return FhirAccess(tokens.base_url, tokens.access, tokens.scopes)


def _digest(token: str) -> str:
    """What is kept of a token outside the vault."""
    return hashlib.sha256(token.encode()).hexdigest()
