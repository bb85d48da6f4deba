"""How the page proves to an EHR's token endpoint which app it is: not at all, by a secret, or by a key.

RFC 6749 section 2.3.1 (Basic), RFC 7523 and SMART App Launch 2.2.0 "Client authentication" (`private_key_jwt`).
`client_id` stands in the form of a public client only.
"""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from urllib.parse import quote_plus

from joserfc import jws

from fhir_adapters.smart.client_keys import ClientKey, signer_of

ASSERTION_SECONDS = 240
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
METHODS = ("public", "basic", "private_key_jwt")

Authenticated = tuple[dict[str, str], dict[str, str]]


@dataclass(frozen=True, slots=True)
class TokenCall:
    """A call of the token or revocation endpoint. `audience` is the token URL, `signing` what the EHR says it takes."""

    client_id: str
    audience: str
    signing: tuple[str, ...]
    now: datetime


class ClientAuthentication(Protocol):
    """Turns a form into one that says, or proves, whose it is."""

    def apply(self, form: Mapping[str, str], call: TokenCall) -> Authenticated:
        """The form to send, and headers."""
        ...


@dataclass(frozen=True, slots=True)
class Public:
    """No proof: PKCE protects the code."""

    def apply(self, form: Mapping[str, str], call: TokenCall) -> Authenticated:
        """The client_id in the form."""
        return {**form, "client_id": call.client_id}, {}


@dataclass(frozen=True, slots=True)
class Basic:
    """A shared secret in a header."""

    secret: str = field(repr=False)

    def apply(self, form: Mapping[str, str], call: TokenCall) -> Authenticated:
        """Both parts are form-encoded before they are joined (RFC 6749 section 2.3.1)."""
        pair = f"{quote_plus(call.client_id)}:{quote_plus(self.secret)}"
        return _without_id(form), {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


@dataclass(frozen=True, slots=True)
class PrivateKeyJwt:
    """A signed assertion, new for every call."""

    keys: tuple[ClientKey, ...]

    def apply(self, form: Mapping[str, str], call: TokenCall) -> Authenticated:
        """The assertion in the form."""
        proof = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": self._assertion(call)}
        return {**_without_id(form), **proof}, {}

    def _assertion(self, call: TokenCall) -> str:
        """The client_id as iss and sub, the token URL as audience, less than five minutes, a `jti` of its own."""
        key = signer_of(self.keys, call.signing)
        issued = int(call.now.timestamp())
        claims = {
            "iss": call.client_id,
            "sub": call.client_id,
            "aud": call.audience,
            "iat": issued,
            "exp": issued + ASSERTION_SECONDS,
            "jti": str(uuid.uuid4()),
        }
        header = {"alg": key.algorithm, "kid": key.kid, "typ": "JWT"}
        return jws.serialize_compact(header, json.dumps(claims), key.key, [key.algorithm])


def _without_id(form: Mapping[str, str]) -> dict[str, str]:
    """A confidential client's form does not repeat the client_id."""
    return {name: value for name, value in form.items() if name != "client_id"}
