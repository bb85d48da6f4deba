"""Sign-in of people who open no chart: the authorization code flow of OpenID Connect, at a sign-in server or an EHR.

OpenID Connect Core 1.0 section 3.1 and Discovery 1.0; RFC 7636 (S256), RFC 9207; for an EHR the standalone launch of
SMART App Launch 2.2.0 with the scopes `openid fhirUser`. Nothing is read with the access token, and it is not kept.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from clinical.errors import LaunchFailed
from clinical.ports import Clock
from fhir_adapters.http.addresses import Reach
from fhir_adapters.http.transport import Deadline, FetchFailed, Transport
from fhir_adapters.smart.client_authentication import ClientAuthentication, Public, TokenCall
from fhir_adapters.smart.discovery import Discovery, end_session
from fhir_adapters.smart.ehr_line import MAX_DOCUMENT_BYTES, EhrLine
from fhir_adapters.smart.id_token import LEEWAY_SECONDS, Expected, fhir_user, proved_claims
from fhir_adapters.smart.seal import Seal

OIDC, SMART = "oidc", "smart"
KINDS = (OIDC, SMART)
_WELL_KNOWN = {OIDC: "openid-configuration", SMART: "smart-configuration"}
DISCOVERY_LIFETIME = timedelta(minutes=5)
# After a discovery that failed, nobody asks again for so long: strangers can begin a sign-in.
PAUSE = timedelta(seconds=5)
# What of the discovery the second step needs; it travels in a cookie, so no more than that.
_LASTING = ("issuer", "token", "jwks", "names_issuer", "signing")


class Why(StrEnum):
    """Why nobody was signed in."""

    SERVER = "server"  # the sign-in server could not be used
    DECLINED = "declined"  # it, or the person, said no
    IDENTITY = "identity"  # it did not prove who it is


class NotSignedIn(LaunchFailed):
    """A sign-in that came to no end; the message is for the log."""

    def __init__(self, why: Why, message: str) -> None:
        """Keep the reason."""
        super().__init__(message)
        self.why = why


@dataclass(frozen=True, slots=True)
class SignInServer:
    """Where people sign in, and which app asks.

    `base` is the issuer (`oidc`) or the FHIR base (`smart`); with `max_age` the server asks a person again who has not
    signed in there for so long.
    """

    kind: str
    base: str
    client_id: str
    scopes: tuple[str, ...]
    authentication: ClientAuthentication = field(default_factory=Public, repr=False)
    max_age: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A sign-in on its way: where to send the browser, the state to expect back, and what `complete` needs, sealed."""

    url: str = field(repr=False)
    state: str = field(repr=False)
    kept: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Proved:
    """Who has signed in. `fhir_user` is a reference such as `Practitioner/7`, or empty where the server names none."""

    issuer: str
    subject: str
    fhir_user: str
    claims: Mapping[str, object] = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Found:
    """What the server says about itself, as of a moment; or that it said nothing usable."""

    at: datetime
    discovery: Discovery | None
    sign_out: str = ""
    fault: str = ""


class PeopleSignIn:
    """The two steps for one server. Holds no request state; one object serves all threads."""

    def __init__(
        self, server: SignInServer, *, transport: Transport, clock: Clock, seal_key: bytes, seconds: float = 5.0
    ) -> None:
        """`seconds` bounds each step."""
        self._server = server
        self._transport = transport
        self._clock = clock
        self._seal = Seal(seal_key, "chartside people sign-in")
        self._seconds = seconds
        self._known: _Found | None = None

    def begin(self, redirect_uri: str) -> Asked:
        """Discover the server and form the authorization request. Raises `NotSignedIn`."""
        found = self._discovery()
        state, verifier, nonce = secrets.token_urlsafe(32), secrets.token_urlsafe(48), secrets.token_urlsafe(32)
        digest = hashlib.sha256(verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self._server.client_id,
            "redirect_uri": redirect_uri,
            "scope": " ".join(self._server.scopes),
            "state": state,
            "nonce": nonce,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        if self._server.kind == SMART:
            asked["aud"] = self._server.base
        if self._server.max_age is not None:
            asked["max_age"] = str(int(self._server.max_age.total_seconds()))
        lasting = {name: value for name, value in asdict(found).items() if name in _LASTING}
        kept = self._seal.close({"verifier": verifier, "nonce": nonce, "uri": redirect_uri, "found": lasting})
        return Asked(_with_query(found.authorize, asked), state, kept)

    def complete(self, query: Mapping[str, str], kept: str) -> Proved:
        """Exchange the code and verify who came. The caller has compared the state. Raises `NotSignedIn`."""
        made = self._seal.open(kept)
        found = Discovery.restored({"authorize": "", **made["found"]})
        self._check_answer(query, found)
        line = self._line()
        form = {
            "grant_type": "authorization_code",
            "code": query["code"],
            "redirect_uri": made["uri"],
            "code_verifier": made["verifier"],
        }
        try:
            answer = line.post_token(
                found.token, form, TokenCall(self._server.client_id, found.token, found.signing, line.now)
            )
        except FetchFailed as fault:
            raise NotSignedIn(Why.SERVER, f"The sign-in server did not exchange the code: {fault.message}.") from None
        id_token = answer.get("id_token") if isinstance(answer, Mapping) else None
        try:
            return self._proved(id_token, found, made["nonce"], line)
        except LaunchFailed as fault:
            raise NotSignedIn(Why.IDENTITY, fault.message) from None

    def sign_out_url(self, back: str) -> str:
        """Where a person signs out at the server itself, and comes back to `back`; empty where it offers none.

        No id_token goes along: it would stand in an address (OpenID Connect RP-Initiated Logout 1.0, section 2, asks
        for a `client_id` then).
        """
        try:
            self._discovery()
        except NotSignedIn:
            return ""
        target = self._known.sign_out if self._known is not None else ""
        asked = {"client_id": self._server.client_id, "post_logout_redirect_uri": back}
        return _with_query(target, asked) if target else ""

    def _proved(self, id_token: object, found: Discovery, nonce: str, line: EhrLine) -> Proved:
        """Who the id_token says it is, by a key that the server publishes now."""
        expected = Expected(found.issuer, self._server.client_id, self._server.base, nonce)
        claims = proved_claims(id_token, line.key_set(found.jwks), expected, line.now)
        if self._server.max_age is not None:
            _check_auth_time(claims.get("auth_time"), line.now, self._server.max_age)
        subject = claims["sub"]
        if not isinstance(subject, str) or not subject:
            raise LaunchFailed("The id_token names nobody (sub).")
        user = fhir_user(claims, self._server.base) if self._server.kind == SMART else ""
        return Proved(found.issuer, subject, user, claims)

    def _check_answer(self, query: Mapping[str, str], found: Discovery) -> None:
        """Another server's answer is refused (RFC 9207, mix-up), then one that brings no code."""
        issuer = query.get("iss")
        if issuer != found.issuer and (issuer is not None or found.names_issuer):
            raise NotSignedIn(Why.IDENTITY, "The answer came from another authorization server.")
        if query.get("error") == "access_denied":
            raise NotSignedIn(Why.DECLINED, "The sign-in server or the person declined.")
        if "error" in query or not query.get("code"):
            raise NotSignedIn(Why.SERVER, "The sign-in server answered with an error.")

    def _discovery(self) -> Discovery:
        """What the server says about itself, kept for a while. Raises `NotSignedIn`."""
        now, known = self._clock.now(), self._known
        if known is None or not timedelta() <= now - known.at < (DISCOVERY_LIFETIME if known.discovery else PAUSE):
            self._known = known = self._asked(now)
        if known.discovery is None:
            raise NotSignedIn(Why.SERVER, known.fault)
        return known.discovery

    def _asked(self, now: datetime) -> _Found:
        """Ask the server."""
        server = self._server
        name = _WELL_KNOWN[server.kind]
        url = f"{server.base.rstrip('/')}/.well-known/{name}"
        try:
            document = self._line().read(f"The {name}", url, max_bytes=MAX_DOCUMENT_BYTES)
            discovery = Discovery.read(document, server.base, what=f"The {name}")
            if server.kind == OIDC and discovery.issuer != server.base:
                raise LaunchFailed("The openid-configuration names another issuer than the settings.")
        except LaunchFailed as fault:
            return _Found(now, None, fault=fault.message)
        return _Found(now, discovery, end_session(document, server.base))

    def _line(self) -> EhrLine:
        """The way out for one step."""
        return EhrLine(
            transport=self._transport,
            deadline=Deadline.after(self._seconds),
            reach=Reach.around(self._server.base),
            authentication=self._server.authentication,
            now=self._clock.now(),
        )


def _check_auth_time(auth_time: object, now: datetime, max_age: timedelta) -> None:
    """The person has proved who they are not longer ago than was asked (OpenID Connect Core 3.1.3.7, item 13)."""
    if not isinstance(auth_time, int) or isinstance(auth_time, bool):
        raise LaunchFailed("The id_token does not say when the person signed in (auth_time).")
    if now.timestamp() - auth_time > max_age.total_seconds() + LEEWAY_SECONDS:
        raise LaunchFailed("The person signed in longer ago than the settings take (auth_time).")


def _with_query(url: str, added: Mapping[str, Any]) -> str:
    """A URL with more in its query."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(query=urlencode([*parse_qsl(parts.query), *added.items()])))
