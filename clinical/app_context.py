"""The token that a card's link carries into the page: which card it was, and nothing about the patient.

`appContext` travels through browsers and the EHR's authorization server (CDS Hooks 2.0.1, "Link"). It is opaque and
signed for one client, so a card id that somebody made up or took from another hospital opens nothing.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import uuid

_TAG_BYTES = 16


class AppContexts:
    """Writes and reads tokens under one key of the deployment."""

    def __init__(self, key: bytes) -> None:
        """Keep the key."""
        self._key = key

    def write(self, advice_id: str, client: str) -> str:
        """The token for a card (43 characters, base64url of id and HMAC-SHA256-128)."""
        name = uuid.UUID(advice_id).bytes
        return base64.urlsafe_b64encode(name + self._tag(name, client)).decode().rstrip("=")

    def read(self, token: str | None, client: str) -> str | None:
        """The id of the card, or None for a token that is not ours or not this client's."""
        if token is None or len(token) != 43:
            return None
        try:
            raw = base64.b64decode(token + "=", altchars=b"-_", validate=True)
        except (ValueError, binascii.Error):
            return None
        name, tag = raw[:16], raw[16:]
        return str(uuid.UUID(bytes=name)) if hmac.compare_digest(tag, self._tag(name, client)) else None

    def _tag(self, name: bytes, client: str) -> bytes:
        """The first half of the HMAC."""
        return hmac.digest(self._key, name + client.encode(), "sha256")[:_TAG_BYTES]
