"""The tokens that a card's links carry into the page: which card it was, and nothing about the patient.

`appContext` travels through browsers and the EHR's authorization server (CDS Hooks 2.0.1, "Link"). It is opaque and
signed for one client, so a card id that somebody made up or took from another hospital opens nothing.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import uuid
from dataclasses import dataclass

LENGTH = 43
_TAG_BYTES = 16


@dataclass(frozen=True, slots=True)
class CardLink:
    """Which link was followed: the card's id, and whether it was the one to report a problem with the advice."""

    advice_id: str
    reports: bool = False


class AppContexts:
    """Writes and reads tokens under one key of the deployment."""

    def __init__(self, key: bytes) -> None:
        """Keep the key."""
        self._key = key

    def write(self, advice_id: str, client: str, *, reports: bool = False) -> str:
        """The token for a link of a card (43 characters, base64url of id and one half of an HMAC-SHA256)."""
        name = uuid.UUID(advice_id).bytes
        return base64.urlsafe_b64encode(name + self._tags(name, client)[reports]).decode().rstrip("=")

    def read(self, token: str | None, client: str) -> CardLink | None:
        """The link, or None for a token that is not ours or not this client's."""
        if token is None or len(token) != LENGTH:
            return None
        try:
            raw = base64.b64decode(token + "=", altchars=b"-_", validate=True)
        except (ValueError, binascii.Error):
            return None
        name, tag = raw[:16], raw[16:]
        opens, reports = (hmac.compare_digest(tag, one) for one in self._tags(name, client))
        return CardLink(str(uuid.UUID(bytes=name)), reports) if opens or reports else None

    def _tags(self, name: bytes, client: str) -> tuple[bytes, bytes]:
        """The halves of the HMAC: the first stands for the link to the page, the second for the one that reports."""
        digest = hmac.digest(self._key, name + client.encode(), "sha256")
        return digest[:_TAG_BYTES], digest[_TAG_BYTES:]
