"""The words of this folder: who may call, what a request presents, and what must be remembered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

# CDS Hooks 2.0.1, "JWT Signing Algorithm": ES384 or RS384 should be used; none and symmetric ones shall not.
ALGORITHMS = ("ES384", "RS384")
# What an entry of the registry may name. Nothing symmetric: the key would be known to both sides.
KNOWN_ALGORITHMS = (*ALGORITHMS, "ES256", "RS256")


@dataclass(frozen=True, slots=True)
class Caller:
    """What this room must know about a client.

    `authentication` is "jwt", or "loopback" for calls without a token from this machine. `keys` is a JWK Set, or
    the URL of one; `jku` is what a token may name as the URL of its keys, which is never called (empty: that URL).
    `audiences` are taken besides the called URL. `max_lifetime_s` bounds exp - iat. `tenants` and
    `subjects` are the taken values of the claims `tenant` and `sub`, `certificates` the SHA-256 fingerprints (lower
    case hex) of the client certificates that are taken beside a token; each of the three is checked unless it is
    empty. Several callers may share an issuer if each names its tenants.
    """

    id: str
    authentication: str
    issuer: str = ""
    keys: Mapping[str, object] | str = ""
    audiences: tuple[str, ...] = ()
    max_lifetime_s: int = 300
    algorithms: tuple[str, ...] = ALGORITHMS
    tenants: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    certificates: tuple[str, ...] = ()
    jku: str = ""


@dataclass(frozen=True, slots=True)
class Presented:
    """What a request presents to be identified by.

    `authorization` is the header of that name, `url` the called URL, `peer` the other end's address, `forwarded`
    whether a proxy stands between. `certificate` is what a trusted proxy says about the client certificate; see
    `cds_hooks.trust.certificate` for its forms.
    """

    authorization: str | None = field(repr=False)
    url: str
    peer: str
    forwarded: bool
    certificate: str | None = None


class UsedIds(Protocol):
    """Remembers which token ids (`jti`) were used, across restarts and for all processes of the service."""

    def claim(self, client: str, token_id: str, expires: float) -> bool:
        """Whether this is the first use; from then on, until `expires` (seconds since the epoch), it is not.

        Of two claims at the same time, one is the first. Raises `LedgerUnavailable` if it cannot be sure.
        """
        ...
