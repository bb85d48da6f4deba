"""Tokens at rest: encrypted (AES-256-GCM), bound to their handle, for a time, and not too many.

The page knows a handle. What is kept under it cannot be read without the deployment's secret, and cannot be moved to
another handle, because the handle is authenticated with it (additional data of the cipher).
"""

from __future__ import annotations

import hmac
import json
import secrets
import threading
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from clinical import strict_json
from clinical.ports import Clock

NONCE_BYTES = 12
MAX_ENTRIES = 2_000


class SealedStore(Protocol):
    """Sealed bytes by handle, each until a moment. A store that several processes share may take this one's place."""

    def put(self, handle: str, sealed: bytes, until: datetime) -> None:
        """Keep, or replace."""
        ...

    def get(self, handle: str) -> tuple[bytes, datetime] | None:
        """What is kept, if its time is not over."""
        ...

    def forget(self, handle: str) -> None:
        """Drop it, if it is there."""
        ...


class MemorySealed:
    """A store in the memory of one process; when full, the oldest gives way. Safe between threads."""

    def __init__(self, clock: Clock, max_size: int = MAX_ENTRIES) -> None:
        """Start empty."""
        self._clock = clock
        self._max_size = max_size
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[bytes, datetime]] = {}

    def put(self, handle: str, sealed: bytes, until: datetime) -> None:
        """Keep, or replace."""
        with self._lock:
            self._drop_expired()
            if handle not in self._kept and len(self._kept) >= self._max_size:
                del self._kept[next(iter(self._kept))]
            self._kept[handle] = (sealed, until)

    def get(self, handle: str) -> tuple[bytes, datetime] | None:
        """What is kept, if its time is not over."""
        with self._lock:
            self._drop_expired()
            return self._kept.get(handle)

    def forget(self, handle: str) -> None:
        """Drop it, if it is there."""
        with self._lock:
            self._kept.pop(handle, None)

    def _drop_expired(self) -> None:
        """Forget what is over."""
        now = self._clock.now()
        for handle in [handle for handle, (_, until) in self._kept.items() if until <= now]:
            del self._kept[handle]


class TokenVault:
    """Seals and opens what is kept under a handle."""

    def __init__(self, secret: bytes, store: SealedStore) -> None:
        """Derive the key from a secret of the deployment."""
        self._cipher = AESGCM(hmac.digest(secret, b"chartside token vault", "sha256"))
        self._store = store

    def put(self, handle: str, content: Mapping[str, Any], until: datetime) -> None:
        """Keep what JSON can say."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = nonce + self._cipher.encrypt(nonce, json.dumps(content).encode(), handle.encode())
        self._store.put(handle, sealed, until)

    def get(self, handle: str) -> tuple[dict[str, Any], datetime] | None:
        """What was kept, and until when; None for what is over, foreign, moved or changed."""
        found = self._store.get(handle)
        if found is None:
            return None
        sealed, until = found
        try:
            plain = self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], handle.encode())
        except (InvalidTag, ValueError):
            return None
        content = strict_json.loads(plain)
        return (content, until) if isinstance(content, dict) else None

    def forget(self, handle: str) -> None:
        """Drop it."""
        self._store.forget(handle)
