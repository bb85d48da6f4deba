"""Keys of the EHR: one pair for hook calls (CDS Hooks 2.0.1, "Trusting CDS Clients"), others for id_tokens."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

ALGORITHM = "ES384"
CURVES = {"ES256": "P-256", "ES384": "P-384"}
HOOK_TOKEN_LIFE = timedelta(minutes=4)  # the specification allows five


class SigningKey:
    """A key pair that lives as long as the process: P-384, or what the algorithm asks for (ES256, RS256, RS384)."""

    def __init__(self, algorithm: str = ALGORITHM) -> None:
        """Make a new pair; the key id is the thumbprint (RFC 7638)."""
        self.algorithm = algorithm
        self._key: ECKey | RSAKey = (
            ECKey.generate_key(CURVES[algorithm], private=True)
            if algorithm in CURVES
            else RSAKey.generate_key(2048, private=True)
        )
        self.kid = self._key.thumbprint()

    def public_keys(self) -> dict[str, list[dict[str, object]]]:
        """The JWK Set with the public half."""
        public = dict(self._key.as_dict(private=False))
        return {"keys": [{**public, "kid": self.kid, "alg": self.algorithm, "use": "sig"}]}

    def public_pem(self) -> bytes:
        """The public half as PEM."""
        return bytes(self._key.as_pem(private=False))

    def private_key(self) -> dict[str, object]:
        """The whole pair as a JWK, for a file that only its owner may read."""
        return {**self._key.as_dict(private=True), "kid": self.kid, "alg": self.algorithm, "use": "sig"}

    def sign(self, claims: Mapping[str, object], header: Mapping[str, str] | None = None, *, name: bool = True) -> str:
        """A compact JWS over the claims; `header` adds members such as `jku`; `name` False leaves the `kid` out."""
        kid = {"kid": self.kid} if name else {}
        protected = {"alg": self.algorithm, "typ": "JWT", **kid, **(header or {})}
        return jwt.encode(protected, dict(claims), self._key, algorithms=[self.algorithm])


def hook_token(key: SigningKey, *, issuer: str, audience: str, keys_url: str, now: datetime) -> str:
    """The bearer JWT of one hook call or feedback. `audience` is the URL that is called."""
    claims = {
        "iss": issuer,
        "aud": audience,
        "iat": int(now.timestamp()),
        "exp": int((now + HOOK_TOKEN_LIFE).timestamp()),
        "jti": str(uuid.uuid4()),
    }
    return key.sign(claims, {"jku": keys_url})
