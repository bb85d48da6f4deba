"""A JWT in its parts. Nothing here is trusted yet: the signature is checked after everything that costs less."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field

from clinical import strict_json
from clinical.errors import ChartsideError, NotAuthenticated

MAX_TOKEN_BYTES = 8192


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it came (`text`), with its decoded header and claims."""

    text: str = field(repr=False)
    header: Mapping[str, object] = field(repr=False)
    claims: Mapping[str, object] = field(repr=False)

    def string(self, name: str) -> str:
        """A claim that is text, or an empty string."""
        return _string(self.claims, name)

    def heading(self, name: str) -> str:
        """A header member that is text, or an empty string."""
        return _string(self.header, name)

    def moment(self, name: str) -> float:
        """A claim that is a NumericDate (RFC 7519 section 2). Raises `NotAuthenticated`."""
        value = self.claims.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise NotAuthenticated(f"{name} is not a time")
        return float(value)


def read_token(authorization: str) -> Token:
    """The bearer token of an Authorization header. Raises `NotAuthenticated`."""
    scheme, _, text = authorization.partition(" ")
    if scheme.lower() != "bearer" or not 0 < len(text) <= MAX_TOKEN_BYTES:
        raise NotAuthenticated("no bearer token")
    parts = text.split(".")
    if len(parts) != 3:
        raise NotAuthenticated("form")
    return Token(text, _members(parts[0]), _members(parts[1]))


def _members(part: str) -> Mapping[str, object]:
    """One part, through the strict JSON loader: a claim that stands twice is refused."""
    try:
        value = strict_json.loads(_decode(part), max_bytes=MAX_TOKEN_BYTES)
    except (ChartsideError, ValueError, binascii.Error):
        raise NotAuthenticated("form") from None
    if not isinstance(value, Mapping):
        raise NotAuthenticated("form")
    return value


def _decode(part: str) -> bytes:
    """Base64url without padding (RFC 7515 section 2)."""
    return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)


def _string(members: Mapping[str, object], name: str) -> str:
    """A member that is text, or an empty string."""
    value = members.get(name)
    return value if isinstance(value, str) else ""
