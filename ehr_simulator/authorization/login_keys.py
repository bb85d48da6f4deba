"""The keys of id_tokens: one signs, and the key set shows it."""

from __future__ import annotations

import threading
from typing import Any

from ehr_simulator.signing import SigningKey


class LoginKeys:
    """The current key, which may be replaced without overlap."""

    def __init__(self, algorithm: str) -> None:
        """Make the first key (ES384, ES256, RS256 or RS384)."""
        self.current = SigningKey(algorithm)
        self._lock = threading.Lock()

    def rotate(self) -> None:
        """Replace the key; the old one is gone at once."""
        with self._lock:
            self.current = SigningKey(self.current.algorithm)

    def published(self) -> dict[str, Any]:
        """The JWK Set."""
        return self.current.public_keys()
