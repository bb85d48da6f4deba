"""Small texts that a browser keeps for us: readable by it, and by nobody to be made or changed (HMAC-SHA256).

They hold nothing that the person at the browser may not know; what they may not know is sealed by whoever hands it in.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Mapping
from typing import Any

from clinical import strict_json
from clinical.errors import ChartsideError

MAX_BYTES = 4_000  # browsers keep no longer cookie


class Signed:
    """Writes and reads the texts of one purpose; those of another purpose are none."""

    def __init__(self, secret: bytes, purpose: str) -> None:
        """Derive the key of a purpose."""
        self._key = hmac.digest(secret, f"signed {purpose}".encode(), "sha256")

    def write(self, content: Mapping[str, Any]) -> str:
        """What JSON can say, in letters that a cookie may hold."""
        text = base64.urlsafe_b64encode(json.dumps(content, separators=(",", ":")).encode()).decode()
        return f"{text}.{self._mark(text)}"

    def read(self, given: str | None) -> dict[str, Any] | None:
        """What was written; None for anything else."""
        text, _, mark = (given or "").rpartition(".")
        if len(text) > MAX_BYTES or not hmac.compare_digest(mark.encode("utf-8", "replace"), self._mark(text).encode()):
            return None
        try:
            content = strict_json.loads(base64.urlsafe_b64decode(text))
        except (binascii.Error, ValueError, ChartsideError):
            return None
        return content if isinstance(content, dict) else None

    def _mark(self, text: str) -> str:
        """The HMAC of a text."""
        return hmac.digest(self._key, text.encode("utf-8", "replace"), "sha256").hex()
