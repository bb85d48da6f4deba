"""What has to survive at the browser or in a store between two steps: sealed, because it holds the PKCE verifier.

JWE (RFC 7516) with a key of ours: nobody else can read, change or make it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from clinical import strict_json
from clinical.errors import ChartsideError, LaunchFailed

_HEADER = {"alg": "dir", "enc": "A256GCM"}


class Seal:
    """Seals and opens what JSON can say. Seals of different purposes do not open each other's texts."""

    def __init__(self, key: bytes, purpose: str) -> None:
        """Derive the key of a purpose."""
        self._key = OctKey.import_key(hashlib.sha256(purpose.encode() + key).digest())

    def close(self, content: Mapping[str, Any]) -> str:
        """Encrypt."""
        return jwe.encrypt_compact(dict(_HEADER), json.dumps(content), self._key)

    def open(self, sealed: str) -> dict[str, Any]:
        """Decrypt our own seal. Raises `LaunchFailed` for anything else."""
        try:
            content = strict_json.loads(jwe.decrypt_compact(sealed, self._key, list(_HEADER.values())).plaintext or b"")
        except (JoseError, ValueError, ChartsideError):
            raise LaunchFailed("The launch could not be continued.") from None
        assert isinstance(content, dict)  # noqa: S101  only `close` can have written it
        return content
