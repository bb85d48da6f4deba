"""What the server has handed out: launches, codes, tokens. In memory, bounded, safe for threads."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Generic, TypeVar

MOST_KEPT = 5000

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Launch:
    """An EHR launch in preparation. `app_context` is handed to the app as it was given."""

    id: str = field(repr=False)
    patient: str
    encounter: str | None
    app_context: str | None
    expires: datetime


@dataclass(frozen=True, slots=True)
class Code:
    """An authorization code with everything that it is bound to (RFC 6749 section 4.1.2, RFC 7636)."""

    value: str = field(repr=False)
    client_id: str
    redirect_uri: str
    scope: str
    nonce: str | None
    code_challenge: str
    launch: Launch
    expires: datetime
    code_challenge_method: str = "S256"

    def get_redirect_uri(self) -> str:
        """Authlib asks for it under this name."""
        return self.redirect_uri

    def get_scope(self) -> str:
        """Authlib asks for it under this name."""
        return self.scope


@dataclass(frozen=True, slots=True)
class AccessToken:
    """Leave to read. `patient` limits every `patient/` scope; `code` is the code it came from, for revocation."""

    value: str = field(repr=False)
    scope: str
    patient: str | None
    expires: datetime
    code: str | None = field(default=None, repr=False)


class _Kept(Generic[Item]):
    """A dictionary that forgets its oldest entries."""

    def __init__(self) -> None:
        self._items: OrderedDict[str, Item] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, key: str, item: Item) -> None:
        """Keep an item."""
        with self._lock:
            self._items[key] = item
            while len(self._items) > MOST_KEPT:
                self._items.popitem(last=False)

    def get(self, key: str) -> Item | None:
        """The item, if it is kept."""
        with self._lock:
            return self._items.get(key)

    def take(self, key: str) -> Item | None:
        """The item, for the first caller only."""
        with self._lock:
            return self._items.pop(key, None)

    def drop_where(self, field_name: str, value: str) -> None:
        """Forget every item whose field has this value."""
        with self._lock:
            for key in [key for key, item in self._items.items() if getattr(item, field_name) == value]:
                del self._items[key]


class GrantsStore:
    """Launches, codes and tokens. Every read checks the expiry against the given time."""

    def __init__(self) -> None:
        """Start empty."""
        self._launches: _Kept[Launch] = _Kept()
        self._codes: _Kept[Code] = _Kept()
        self._spent: _Kept[str] = _Kept()
        self._tokens: _Kept[AccessToken] = _Kept()

    def create_launch(
        self, patient: str, encounter: str | None, app_context: str | None, *, now: datetime, seconds: int
    ) -> Launch:
        """A new launch id."""
        launch = Launch(_secret(), patient, encounter, app_context, now + timedelta(seconds=seconds))
        self._launches.put(launch.id, launch)
        return launch

    def launch(self, launch_id: str, now: datetime) -> Launch | None:
        """A launch that we issued and that has neither been used nor expired."""
        return _unexpired(self._launches.get(launch_id), now)

    def create_code(self, code: Code) -> None:
        """Keep a code and use up its launch."""
        self._launches.take(code.launch.id)
        self._codes.put(code.value, code)

    def spend_code(self, value: str, client_id: str, now: datetime) -> Code | None:
        """The code, once. A second use revokes what the first one gave (RFC 6749 section 4.1.2)."""
        if self._spent.get(value) is not None:
            self._tokens.drop_where("code", value)
            return None
        code = self._codes.get(value)
        if code is None or code.client_id != client_id or self._codes.take(value) is None:
            return None
        self._spent.put(value, value)
        return _unexpired(code, now)

    def create_token(self, token: AccessToken) -> AccessToken:
        """Keep a token, with a new value if it has none yet."""
        kept = token if token.value else replace(token, value=_secret())
        self._tokens.put(kept.value, kept)
        return kept

    def token(self, value: str, now: datetime) -> AccessToken | None:
        """A valid token."""
        return _unexpired(self._tokens.get(value), now)

    def revoke(self, value: str) -> None:
        """Forget a token."""
        self._tokens.take(value)


Dated = TypeVar("Dated", Launch, Code, AccessToken)


def _unexpired(item: Dated | None, now: datetime) -> Dated | None:
    """The item, unless its time is over."""
    return item if item is not None and item.expires > now else None


def _secret() -> str:
    """192 bits of randomness, safe in a URL."""
    return secrets.token_urlsafe(24)
