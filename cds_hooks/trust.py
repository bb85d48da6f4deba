"""Who calls: the JWT of CDS Hooks 2.0.1, "Trusting CDS Clients", checked against the client registry.

Every refusal is the same `NotAuthenticated`; the caller never learns which rule it broke.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from clinical import strict_json
from clinical.errors import ChartsideError, NotAuthenticated
from clinical.ports import Clock

ALGORITHMS = ("ES384", "RS384")
LEEWAY_S = 60
MAX_TOKEN_BYTES = 8192
KEYS_MAX_AGE_S = 300
KEYS_RETRY_S = 30
JTI_MEMORY = 100_000


@dataclass(frozen=True, slots=True)
class Caller:
    """What this room must know about a client.

    `authentication` is "jwt", or "loopback" for calls without a token from this machine. `keys` is a JWK Set, or
    the URL of one. `audiences` are taken besides the called URL. `max_lifetime_s` bounds exp - iat.
    """

    id: str
    authentication: str
    issuer: str = ""
    keys: Mapping[str, object] | str = ""
    audiences: tuple[str, ...] = ()
    max_lifetime_s: int = 300


@dataclass(frozen=True, slots=True)
class Presented:
    """What a request presents to be identified by.

    `authorization` is the header of that name, `url` the called URL, `peer` the other end's address, `forwarded`
    whether a proxy stands between.
    """

    authorization: str | None
    url: str
    peer: str
    forwarded: bool


class Trust:
    """Identifies callers. `fetch_keys` gets a JWK Set from a URL of the registry, never from the caller's word."""

    def __init__(self, callers: Iterable[Caller], *, fetch_keys: Callable[[str], object], clock: Clock) -> None:
        """Index the registry."""
        rows = list(callers)
        self._by_issuer = {caller.issuer: caller for caller in rows if caller.authentication == "jwt"}
        self._loopback = next((caller for caller in rows if caller.authentication == "loopback"), None)
        self._keys = _Keys(fetch_keys, clock)
        self._used = _UsedIds()
        self._clock = clock

    def identify(self, presented: Presented) -> str:
        """The id of the calling client. Raises `NotAuthenticated`."""
        if presented.authorization is None:
            return self._without_token(presented)
        scheme, _, token = presented.authorization.partition(" ")
        if scheme.lower() != "bearer" or not 0 < len(token) <= MAX_TOKEN_BYTES:
            raise NotAuthenticated("no bearer token")
        return self._by_token(token, presented.url)

    def _without_token(self, presented: Presented) -> str:
        """A caller on this machine, if the registry knows one and no proxy stands between."""
        if self._loopback is None or presented.forwarded or not _is_loopback(presented.peer):
            raise NotAuthenticated("no token")
        return self._loopback.id

    def _by_token(self, token: str, url: str) -> str:
        """Check a JWT: form, issuer, signature, audience, time, single use."""
        header, claims = _segments(token)
        caller = self._by_issuer.get(_string(claims, "iss"))
        if caller is None:
            raise NotAuthenticated("unknown issuer")
        self._check_header(header, caller)
        self._check_claims(claims, caller, url)
        self._check_signature(token, header, caller)
        self._used.claim((caller.id, _string(claims, "jti")), _number(claims, "exp") + LEEWAY_S, self._now())
        return caller.id

    def _check_header(self, header: Mapping[str, object], caller: Caller) -> None:
        """The header names an algorithm, a type and a key; it never chooses where keys come from."""
        if header.get("alg") not in ALGORITHMS or header.get("typ") != "JWT" or not _string(header, "kid"):
            raise NotAuthenticated("header")
        if {"zip", "crit", "jwk", "x5u", "x5c"} & header.keys():
            raise NotAuthenticated("header member")
        if "jku" in header and header["jku"] != caller.keys:
            raise NotAuthenticated("jku")

    def _check_claims(self, claims: Mapping[str, object], caller: Caller, url: str) -> None:
        """Audience, time window and identity of the token."""
        audience = claims.get("aud")
        named = [audience] if isinstance(audience, str) else audience if isinstance(audience, list) else []
        if not {url, *caller.audiences} & {name for name in named if isinstance(name, str)}:
            raise NotAuthenticated("audience")
        issued, expires, now = _number(claims, "iat"), _number(claims, "exp"), self._now()
        if not issued - LEEWAY_S <= now <= expires + LEEWAY_S or not 0 < expires - issued <= caller.max_lifetime_s:
            raise NotAuthenticated("time")
        if "nbf" in claims and now < _number(claims, "nbf") - LEEWAY_S:
            raise NotAuthenticated("not yet valid")
        if not 0 < len(_string(claims, "jti")) <= 256:
            raise NotAuthenticated("jti")

    def _check_signature(self, token: str, header: Mapping[str, object], caller: Caller) -> None:
        """The signature, by the caller's own key set; an unknown key id asks once for newer keys."""
        for keys in self._keys.candidates(caller, _string(header, "kid")):
            try:
                jwt.decode(token, keys, algorithms=list(ALGORITHMS))
            except (JoseError, ValueError):
                continue
            return
        raise NotAuthenticated("signature")

    def _now(self) -> float:
        """Seconds since the epoch."""
        return self._clock.now().timestamp()


class _Keys:
    """Key sets by URL, cached."""

    def __init__(self, fetch: Callable[[str], object], clock: Clock) -> None:
        """Start empty."""
        self._fetch = fetch
        self._clock = clock
        self._cache: dict[str, tuple[float, Mapping[str, object]]] = {}
        self._lock = threading.Lock()

    def candidates(self, caller: Caller, kid: str) -> Iterable[KeySet]:
        """At most one key set that holds the key id."""
        found = caller.keys if isinstance(caller.keys, Mapping) else self._of_url(caller.keys, kid)
        rows = found.get("keys")
        chosen = (
            [row for row in rows if isinstance(row, Mapping) and row.get("kid") == kid]
            if isinstance(rows, list)
            else []
        )
        if not chosen:
            return []
        try:
            return [KeySet.import_key_set({"keys": chosen})]  # type: ignore[typeddict-item]
        except (JoseError, ValueError, KeyError, TypeError):
            return []

    def _of_url(self, url: str, kid: str) -> Mapping[str, object]:
        """The key set of a URL: cached while fresh, asked for again when it lacks the key id.

        The time of the attempt is noted first, so that one call asks and the others go on with what is known.
        """
        now = self._clock.now().timestamp()
        with self._lock:
            tried_at, keys = self._cache.get(url, (float("-inf"), {}))
            age = now - tried_at
            if age < (KEYS_MAX_AGE_S if _has(keys, kid) else KEYS_RETRY_S if keys else 0):
                return keys
            self._cache[url] = (now, keys)
        try:
            answer = self._fetch(url)
        except ChartsideError:
            return keys
        if not isinstance(answer, Mapping):
            return keys
        with self._lock:
            self._cache[url] = (now, answer)
        return answer


def _has(keys: Mapping[str, object], kid: str) -> bool:
    """Whether a JWK Set holds a key id."""
    rows = keys.get("keys")
    return isinstance(rows, list) and any(isinstance(row, Mapping) and row.get("kid") == kid for row in rows)


class _UsedIds:
    """Token ids that were used, until they expire."""

    def __init__(self) -> None:
        """Start empty."""
        self._until: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._lock = threading.Lock()

    def claim(self, key: tuple[str, str], until: float, now: float) -> None:
        """Use an id once. Raises `NotAuthenticated` for the second time, or when the memory is full."""
        with self._lock:
            while self._until and next(iter(self._until.values())) < now:
                self._until.popitem(last=False)
            if key in self._until or len(self._until) >= JTI_MEMORY:
                raise NotAuthenticated("used before")
            self._until[key] = until


def _segments(token: str) -> tuple[Mapping[str, object], Mapping[str, object]]:
    """Header and claims, through the strict JSON loader."""
    parts = token.split(".")
    if len(parts) != 3:
        raise NotAuthenticated("form")
    try:
        header, claims = (strict_json.loads(_decode(part), max_bytes=MAX_TOKEN_BYTES) for part in parts[:2])
    except (ChartsideError, ValueError, binascii.Error):
        raise NotAuthenticated("form") from None
    if not isinstance(header, Mapping) or not isinstance(claims, Mapping):
        raise NotAuthenticated("form")
    return header, claims


def _decode(part: str) -> bytes:
    """Base64url without padding."""
    return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)


def _string(members: Mapping[str, object], name: str) -> str:
    """A string member, or an empty string."""
    value = members.get(name)
    return value if isinstance(value, str) else ""


def _number(members: Mapping[str, object], name: str) -> float:
    """A NumericDate. Raises `NotAuthenticated`."""
    value = members.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise NotAuthenticated("time claim")
    return float(value)


def _is_loopback(peer: str) -> bool:
    """Whether an address is this machine."""
    try:
        return ipaddress.ip_address(peer).is_loopback
    except ValueError:
        return False
