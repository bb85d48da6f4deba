"""The public keys of an app: registered inline, or read from its JWKS URL."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import requests
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey

from ehr_simulator import direct
from ehr_simulator.authorization.kept import Kept
from ehr_simulator.settings import OAuthClient

MAX_BYTES = 100_000
KEPT_FOR = timedelta(minutes=5)
PublicKey = RSAKey | ECKey


class ClientKeys:
    """Finds a key by its kid. A key set is kept for five minutes, and read again when a kid is not in it."""

    def __init__(self, timeout: float) -> None:
        """`timeout` in seconds, per read."""
        self._timeout = timeout
        self._sets: Kept[tuple[datetime, dict[str, Any]]] = Kept()

    def find(self, client: OAuthClient, kid: str, now: datetime) -> PublicKey | None:
        """The key, or None."""
        if client.jwks_url is None:
            return _pick(dict(client.jwks or {}), kid)
        kept = self._sets.get(client.jwks_url)
        found = _pick(kept[1], kid) if kept is not None and kept[0] > now else None
        return found or _pick(self._read(client.jwks_url, now), kid)

    def _read(self, url: str, now: datetime) -> dict[str, Any]:
        """The key set from its URL; empty where it cannot be read."""
        try:
            with direct.request("GET", url, timeout=self._timeout, stream=True) as answer:
                body = answer.raw.read(MAX_BYTES + 1, decode_content=True) if answer.status_code == 200 else b""
            read = json.loads(body[: MAX_BYTES + 1])
        except (requests.RequestException, ValueError, OSError):
            return {}
        if len(body) > MAX_BYTES or not isinstance(read, dict):
            return {}
        self._sets.put(url, (now + KEPT_FOR, read))
        return read


def _pick(keys: dict[str, Any], kid: str) -> PublicKey | None:
    """The one key with this kid; two of them are none."""
    listed = [key for key in keys.get("keys", []) if isinstance(key, dict) and key.get("kid") == kid]
    if len(listed) != 1 or listed[0].get("kty") not in {"EC", "RSA"}:
        return None
    try:
        imported = KeySet.import_key_set({"keys": listed}).keys[0]
    except (JoseError, ValueError):
        return None
    return imported if isinstance(imported, RSAKey | ECKey) and not imported.is_private else None
