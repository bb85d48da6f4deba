"""The JWT of CDS Hooks 2.0.1, "Trusting CDS Clients", made by the doctor, and the ways in which one can be wrong."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, RSAKey

from clinical import strict_json
from clinical.errors import ChartsideError, SettingsInvalid
from clinical.ports import Clock

LIFETIME_S = 300
PrivateKey = ECKey | RSAKey


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the doctor says it is: a private key and the members that the service expects in header and claims."""

    key: PrivateKey = field(repr=False)
    algorithm: str
    issuer: str
    kid: str
    jku: str = ""
    claims: Mapping[str, str] = field(default_factory=dict)


class Signer:
    """Makes one token for each call."""

    def __init__(self, identity: Identity, clock: Clock) -> None:
        """Keep the identity."""
        self.identity = identity
        self._clock = clock

    def token(
        self,
        url: str,
        *,
        header: Mapping[str, object] | None = None,
        claims: Mapping[str, object] | None = None,
        key: PrivateKey | None = None,
    ) -> str:
        """A fresh token for one URL. `header` and `claims` change members; None takes a member out."""
        protected, payload = self._header(header or {}), self._claims(url, claims or {})
        return jwt.encode(protected, payload, key or self.identity.key, algorithms=[self.identity.algorithm])

    def unsigned(self, url: str) -> str:
        """A token that says alg `none` and has no signature."""
        return f"{self._parts(url, 'none')}."

    def symmetric(self, url: str) -> str:
        """A token signed by HS256 with the public key's PEM as the secret (the algorithm confusion attack)."""
        signed = self._parts(url, "HS256")
        secret = self.identity.key.as_pem(private=False)
        return f"{signed}.{_base64(hmac.digest(secret, signed.encode(), hashlib.sha256))}"

    def now(self) -> int:
        """Seconds since the epoch."""
        return int(self._clock.now().timestamp())

    def stranger(self) -> PrivateKey:
        """A key of the same kind that the service cannot know."""
        return ECKey.generate_key("P-384") if isinstance(self.identity.key, ECKey) else RSAKey.generate_key(2048)

    def _parts(self, url: str, algorithm: str) -> str:
        """Header and claims as they are signed."""
        rows = (self._header({"alg": algorithm}), self._claims(url, {}))
        return ".".join(_base64(json.dumps(row, separators=(",", ":")).encode()) for row in rows)

    def _header(self, changes: Mapping[str, object]) -> dict[str, object]:
        """The protected header."""
        usual: dict[str, object] = {"alg": self.identity.algorithm, "typ": "JWT", "kid": self.identity.kid}
        if self.identity.jku:
            usual["jku"] = self.identity.jku
        return _changed(usual, changes)

    def _claims(self, url: str, changes: Mapping[str, object]) -> dict[str, object]:
        """The claims."""
        now = self.now()
        usual: dict[str, object] = {"iss": self.identity.issuer, "aud": url, "iat": now, "exp": now + LIFETIME_S}
        return _changed(usual | {"jti": str(uuid.uuid4())} | dict(self.identity.claims), changes)


def read_key(path: Path) -> tuple[PrivateKey, str]:
    """The private key of a JWK file, or of a JWK Set with one key, and its key id.

    Raises `SettingsInvalid`.
    """
    try:
        value = strict_json.loads(path.read_bytes())
        row = _only(value)
        key = JWKRegistry.import_key(row)
    except (OSError, ChartsideError, JoseError, ValueError, KeyError, TypeError):
        raise SettingsInvalid("The key file cannot be read as one JWK.") from None
    if not isinstance(key, ECKey | RSAKey) or not key.is_private:
        raise SettingsInvalid("The key must be a private EC (P-384) or RSA key.")
    return key, str(row.get("kid", ""))


def fits(key: PrivateKey, algorithm: str) -> bool:
    """Whether a key can sign by an algorithm."""
    if algorithm == "ES384":
        return isinstance(key, ECKey) and key.curve_name == "P-384"
    return isinstance(key, RSAKey)


def _only(value: object) -> dict[str, str | list[str]]:
    """The JWK, or the one JWK of a set."""
    rows = value.get("keys") if isinstance(value, dict) and "keys" in value else [value]
    if not isinstance(rows, list) or len(rows) != 1 or not isinstance(rows[0], dict):
        raise ValueError
    return rows[0]


def _changed(usual: dict[str, object], changes: Mapping[str, object]) -> dict[str, object]:
    """The members with changes; None takes one out."""
    return {name: value for name, value in {**usual, **changes}.items() if value is not None}


def _base64(data: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
