"""`Trust`: who calls. Cheap rules first, then the signature, and the single use of the token last."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Callable, Iterable

from cds_hooks.trust import rules
from cds_hooks.trust.caller import Caller, Presented, UsedIds
from cds_hooks.trust.keys import KeySource, PublicKeys, is_signed_by, registry_for
from cds_hooks.trust.remote_keys import RemoteKeys
from cds_hooks.trust.token import Token, read_token
from clinical.errors import NotAuthenticated
from clinical.ports import Clock

LOG = logging.getLogger("chartside.cds_hooks.trust")


class Trust:
    """Identifies callers. Safe to share between threads.

    `fetch_keys` gets a JWK Set from a URL of the registry, never from the caller's word, and raises a `ChartsideError`
    where it cannot; `used` remembers which tokens were used.
    """

    def __init__(
        self,
        callers: Iterable[Caller],
        *,
        fetch_keys: Callable[[str], object],
        used: UsedIds,
        clock: Clock,
    ) -> None:
        """Index the registry; one key source for each URL."""
        everyone = list(callers)
        self._loopback = next((caller for caller in everyone if caller.authentication == "loopback"), None)
        rows = [caller for caller in everyone if caller.authentication == "jwt"]
        self._by_issuer: dict[str, list[Caller]] = {}
        for caller in rows:
            self._by_issuer.setdefault(caller.issuer, []).append(caller)
        urls = {caller.keys for caller in rows if isinstance(caller.keys, str)}
        remote = {url: RemoteKeys(url, fetch_keys, clock) for url in urls}
        self._keys: dict[str, KeySource] = {
            caller.id: remote[caller.keys] if isinstance(caller.keys, str) else PublicKeys(caller.keys)
            for caller in rows
        }
        self._signatures = {caller.id: registry_for(caller.algorithms) for caller in rows}
        self._used = used
        self._clock = clock

    def identify(self, presented: Presented) -> str:
        """The id of the calling client. Raises `NotAuthenticated`, or `LedgerUnavailable` (503) without the store."""
        known: list[Caller] = []
        try:
            return self._identify(presented, known)
        except NotAuthenticated as refusal:
            # Our words and the registry's, nothing out of the token.
            LOG.info("refused", extra={"outcome": refusal.message, "client": known[0].id if known else ""})
            raise

    def _identify(self, presented: Presented, known: list[Caller]) -> str:
        """By token, or as a caller on this machine. `known` is who the token says it is from, once that is a client."""
        if presented.authorization is None:
            return self._without_token(presented)
        token = read_token(presented.authorization)
        caller = self._caller(token)
        known.append(caller)
        rules.check_header(token, caller)
        rules.check_audience(token, caller, presented.url)
        rules.check_times(token, caller, self._clock.now().timestamp())
        rules.check_identity(token, caller)
        rules.check_certificate(presented.certificate, caller)
        self._check_signature(token, caller)
        self._use(token, caller)
        return caller.id

    def _without_token(self, presented: Presented) -> str:
        """A caller on this machine, if the registry knows one and no proxy stands between."""
        if self._loopback is None or presented.forwarded or not _is_loopback(presented.peer):
            raise NotAuthenticated("no token")
        return self._loopback.id

    def _caller(self, token: Token) -> Caller:
        """The entry with this exact issuer, and with this tenant where entries name tenants."""
        candidates = self._by_issuer.get(token.string("iss"), [])
        if not candidates:
            raise NotAuthenticated("issuer")
        tenant = token.string("tenant")
        for caller in candidates:
            if not caller.tenants or tenant in caller.tenants:
                return caller
        raise NotAuthenticated("tenant")

    def _check_signature(self, token: Token, caller: Caller) -> None:
        """The signature, by a key of the caller's own set."""
        keys = self._keys[caller.id].find(token.heading("kid"), token.heading("alg"))
        if not any(is_signed_by(token.text, key, self._signatures[caller.id]) for key in keys):
            raise NotAuthenticated("signature")

    def _use(self, token: Token, caller: Caller) -> None:
        """Use the token up. Only a token that holds in all else gets this far, so nobody can fill the store."""
        expires = token.moment("exp") + rules.LEEWAY_S
        if not self._used.claim(caller.id, token.string("jti"), expires):
            raise NotAuthenticated("used before")


def _is_loopback(peer: str) -> bool:
    """Whether an address is this machine."""
    try:
        return ipaddress.ip_address(peer).is_loopback
    except ValueError:
        return False
