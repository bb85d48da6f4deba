"""Keys of the EHR: one pair for hook calls (CDS Hooks 2.0.1, "Trusting CDS Clients"), one for id_tokens."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta

from joserfc import jwt
from joserfc.jwk import ECKey

ALGORITHM = "ES384"
HOOK_TOKEN_LIFE = timedelta(minutes=4)  # the specification allows five


class SigningKey:
    """A P-384 key pair that lives as long as the process."""

    def __init__(self) -> None:
        """Make a new pair; the key id is the thumbprint (RFC 7638)."""
        self._key = ECKey.generate_key("P-384", private=True)
        self.kid = self._key.thumbprint()

    def public_keys(self) -> dict[str, list[dict[str, object]]]:
        """The JWK Set with the public half."""
        public = dict(self._key.as_dict(private=False))
        return {"keys": [{**public, "kid": self.kid, "alg": ALGORITHM, "use": "sig"}]}

    def private_key(self) -> dict[str, object]:
        """The whole pair as a JWK, for a file that only its owner may read."""
        return {**self._key.as_dict(private=True), "kid": self.kid, "alg": ALGORITHM, "use": "sig"}

    def sign(self, claims: Mapping[str, object], header: Mapping[str, str] | None = None) -> str:
        """A compact JWS over the claims; `header` adds members such as `jku`."""
        protected = {"alg": ALGORITHM, "typ": "JWT", "kid": self.kid, **(header or {})}
        return jwt.encode(protected, dict(claims), self._key, algorithms=[ALGORITHM])


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
