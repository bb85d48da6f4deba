"""fhirclient 4.4.0, subclassed at its three seams for the SMART EHR launch (SMART App Launch 2.2.0).

Gaps of the bare library that are closed here:
- it follows a paging link to any host and sends the bearer token along: `SmartServer._get` refuses every URL
  outside the FHIR base of this launch;
- it has no time limit, follows redirects and has no size limit: all HTTP goes through `Transport`;
- it takes the same callback twice and keeps the PKCE verifier until reset: `SmartAuth` makes state, verifier and
  nonce fresh at every launch and drops them before the code is exchanged;
- it prints the expected state in its error and logs the authorize parameters and the launch context:
  those methods are replaced, and no message here holds a value from outside;
- it ignores the id_token, and reads endpoints from the CapabilityStatement only, falling back to "no
  authorization" in silence: `SmartServer.get_capability` reads `.well-known/smart-configuration` or fails.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Never
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

from fhirclient.auth import FHIROAuth2Auth
from fhirclient.client import FHIRClient
from fhirclient.server import FHIRServer

from clinical.errors import LaunchFailed, NotAllowed
from fhir_adapters.transport import Deadline, FetchFailed, Transport, same_base


@dataclass(frozen=True, slots=True)
class Discovery:
    """What `.well-known/smart-configuration` says, checked (SMART "Conformance", section "Metadata")."""

    issuer: str
    authorize: str
    token: str
    jwks: str
    names_issuer: bool

    @classmethod
    def read(cls, document: object, iss: str) -> Discovery:
        """Check a document. Raises `LaunchFailed`, naming the field."""
        if not isinstance(document, Mapping):
            raise LaunchFailed("The EHR's smart-configuration is not a JSON object.")
        methods = document.get("code_challenge_methods_supported")
        # A server that lists no methods may still check S256 (seen in the field); one that lists others does not.
        if methods is not None and not (isinstance(methods, list) and "S256" in methods):
            raise LaunchFailed("The EHR does not offer PKCE with S256, so the launch would not be protected.")
        issuer = document.get("issuer")
        if not isinstance(issuer, str) or not issuer:
            raise LaunchFailed("The EHR's smart-configuration lacks 'issuer'.")
        return cls(
            issuer,
            _endpoint(document, "authorization_endpoint", iss),
            _endpoint(document, "token_endpoint", iss),
            _endpoint(document, "jwks_uri", iss),
            document.get("authorization_response_iss_parameter_supported") is True,
        )


def _endpoint(document: Mapping[str, object], key: str, iss: str) -> str:
    """An endpoint's URL, resolved against the FHIR base; plain http only where the FHIR base is plain http itself."""
    value = document.get(key)
    if not isinstance(value, str) or not value:
        raise LaunchFailed(f"The EHR's smart-configuration lacks '{key}'.")
    try:
        url = urljoin(iss.rstrip("/") + "/", value)
        parts = urlsplit(url)
    except ValueError:
        raise LaunchFailed(f"The EHR's smart-configuration holds an unusable '{key}'.") from None
    if parts.scheme not in {"https", urlsplit(iss).scheme} or not parts.hostname or parts.username or parts.fragment:
        raise LaunchFailed(f"The EHR's smart-configuration holds an unusable '{key}'.")
    return url


@dataclass(frozen=True, slots=True)
class Http:
    """The way out, and the end of this step's time."""

    transport: Transport
    deadline: Deadline


class SmartAuth(FHIROAuth2Auth):  # type: ignore[misc]
    """Seam 1: the authorization code flow. Everything secret is made at `authorize_uri` and used once."""

    auth_type = "smart"
    auth_state: str | None
    code_verifier: str | None

    def __init__(self, state: Mapping[str, Any]) -> None:
        """Start from the discovery, or go on from a saved state."""
        self.discovery: Discovery
        self.nonce = ""
        self.lifetime: int | None = None
        super().__init__(state=state)

    def authorize_uri(self, server: SmartServer) -> str:
        """Where to send the browser; replaces the library's, which logs the parameters."""
        self.auth_state = secrets.token_urlsafe(32)
        self.code_verifier = secrets.token_urlsafe(64)
        self.nonce = secrets.token_urlsafe(32)
        parts = urlsplit(self._authorize_uri)
        query = parse_qsl(parts.query) + list(self._authorize_params(server).items())
        return urlunsplit(parts._replace(query=urlencode(query)))

    def _authorize_params(self, server: SmartServer) -> dict[str, str]:
        """The library's parameters and the nonce of OpenID Connect."""
        return {**super()._authorize_params(server), "nonce": self.nonce}

    def handle_callback(self, url: str, server: SmartServer) -> dict[str, Any]:
        """Check the callback and exchange the code. State and verifier are gone afterwards, whatever happens."""
        expected, self.auth_state = self.auth_state, None
        args = dict(parse_qsl(urlsplit(url).query))
        if not expected or not hmac.compare_digest(expected.encode(), args.get("state", "").encode()):
            raise LaunchFailed("The answer of the EHR does not belong to this launch.")
        self._check_issuer(args.get("iss"))
        if "error" in args or not args.get("code"):
            raise LaunchFailed("The EHR did not authorize the launch.")
        params = self._code_exchange_params(args["code"])
        self.code_verifier = None
        return self._request_access_token(server, params)

    def _check_issuer(self, iss: str | None) -> None:
        """Another server's answer is refused (RFC 9207, mix-up)."""
        if iss != self.discovery.issuer and (iss is not None or self.discovery.names_issuer):
            raise LaunchFailed("The answer came from another authorization server.")

    def _code_exchange_params(self, code: str) -> dict[str, str]:
        """SMART's parameters for a public client; the library adds a stray `state`."""
        params = dict(super()._code_exchange_params(code))
        params.pop("state", None)
        return params

    def _request_access_token(self, server: SmartServer, params: Mapping[str, str]) -> dict[str, Any]:
        """The token response without the token, which stays in here."""
        answer = server.post_as_form(self._token_uri, params).json()
        if not isinstance(answer, dict) or str(answer.get("token_type", "")).lower() != "bearer":
            raise LaunchFailed("The EHR's token response is not usable.")
        token, lifetime = answer.pop("access_token", None), answer.pop("expires_in", None)
        # Printable ASCII only (RFC 6750 section 2.1): a line break would become a header of its own.
        if not isinstance(token, str) or not re.fullmatch(r"[\x21-\x7e]+", token):
            raise LaunchFailed("The EHR's token response holds no access token.")
        self.access_token = token
        self.lifetime = lifetime if isinstance(lifetime, int) and not isinstance(lifetime, bool) else None
        return answer

    @property
    def state(self) -> dict[str, Any]:
        """The library's state, the discovery and the nonce."""
        return {**super().state, "discovery": asdict(self.discovery), "nonce": self.nonce}

    def from_state(self, state: Mapping[str, Any]) -> None:
        """Restore; token endpoint and issuer are those of the launch (no mix-up)."""
        super().from_state(state)
        self.discovery = Discovery(**state["discovery"])
        self._authorize_uri, self._token_uri = self.discovery.authorize, self.discovery.token
        self.nonce = state.get("nonce", "")


@dataclass(frozen=True, slots=True)
class _Answer:
    """The little of `requests.Response` that fhirclient reads."""

    document: object = field(repr=False)

    def json(self) -> object:
        """The decoded body."""
        return self.document


class SmartServer(FHIRServer):  # type: ignore[misc]
    """Seam 2: all HTTP of a launch, bounded, and the token only below the FHIR base."""

    aud: str
    base_uri: str
    auth: SmartAuth

    def __init__(self, client: SmartClient, base_uri: str | None, state: Mapping[str, Any] | None, http: Http) -> None:
        """Take the place of the server that the library would build."""
        self._http = http
        super().__init__(client, base_uri=base_uri, state=state)
        self.session.close()

    def get_capability(self, force: bool = False) -> None:
        """Discover by `.well-known/smart-configuration`; never "no authorization"."""
        document = self._fetch("The EHR's smart-configuration", f"{self.base_uri}.well-known/smart-configuration")
        discovery = Discovery.read(document, self.aud)
        self.auth = SmartAuth(
            {
                "app_id": self.client.app_id,
                "aud": self.aud,
                "redirect_uri": self.client.redirect,
                "discovery": asdict(discovery),
            }
        )

    def key_set(self, url: str) -> object:
        """The EHR's public keys."""
        return self._fetch("The EHR's key set", url)

    def post_as_form(self, url: str, formdata: Mapping[str, str], auth: object = None) -> _Answer:
        """The token request. No answer of the server is quoted."""
        try:
            return _Answer(self._http.transport.post_form(url, formdata, deadline=self._http.deadline))
        except FetchFailed as fault:
            raise LaunchFailed(f"The EHR did not exchange the code: {fault.message}.") from None

    def _get(self, path: str, headers: object = None, nosign: bool = False) -> _Answer:
        """A FHIR read, for the library's models. Raises `LaunchFailed` for any URL outside the FHIR base."""
        url = urljoin(self.base_uri, path)
        if not same_base(url, self.base_uri):
            raise LaunchFailed("A link leads outside the FHIR server of this launch, so it was not followed.")
        token = None if nosign else self.auth.access_token
        return _Answer(self._fetch("The EHR's record", url, token))

    def _fetch(self, what: str, url: str, token: str | None = None) -> object:
        """GET within the time limit."""
        try:
            return self._http.transport.get_json(url, token=token, deadline=self._http.deadline)
        except FetchFailed as fault:
            raise LaunchFailed(f"{what} could not be read: {fault.message}.") from None

    def _closed(self, *_: object, **__: object) -> Never:
        """The library's other verbs have no limits and are not needed."""
        raise NotAllowed("This session only reads.")

    put_json = post_json = delete_json = request_data = _closed

    def from_state(self, state: Mapping[str, Any]) -> None:
        """Restore without the library's table of authorization classes, so that it cannot become "none"."""
        self.base_uri = state["base_uri"]
        self.auth = SmartAuth(state["auth"])
        self.aud = self.auth.aud


class SmartClient(FHIRClient):  # type: ignore[misc]
    """Seam 3: a client that builds a `SmartServer` (the library names its own class twice)."""

    server: SmartServer

    def __init__(self, settings: Mapping[str, Any] | None, state: Mapping[str, Any] | None, http: Http) -> None:
        """Start from settings, or go on from a state."""
        self._http = http
        super().__init__(settings=settings, state=state, save_func=lambda _: None)
        if settings is not None:
            self.server.session.close()
            self.server = SmartServer(self, settings["api_base"], None, http)

    def from_state(self, state: Mapping[str, Any]) -> None:
        """Restore."""
        self.app_id, self.redirect, self.scope = state["app_id"], state["redirect"], state["scope"]
        self.server = SmartServer(self, None, state["server"], self._http)

    def _handle_launch_context(self, ctx: dict[str, Any] | None) -> None:
        """Keep the context; the library's own logs it, and fails on None."""
        self.launch_context = ctx or {}
        self.patient_id = self.launch_context.get("patient")
