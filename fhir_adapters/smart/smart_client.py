"""fhirclient 4.4.0, subclassed at its three seams for the SMART launches (SMART App Launch 2.2.0). Nothing else here.

Gaps of the bare library that are closed here:
- it follows a paging link to any host and sends the bearer token along: `SmartServer._get` refuses every URL
  outside the FHIR base of this launch;
- it has no time limit, follows redirects and has no size limit: all HTTP goes through `Transport`;
- it takes the same callback twice and keeps the PKCE verifier until reset: `SmartAuth` makes state, verifier and
  nonce fresh at every launch and drops them before the code is exchanged;
- it prints the expected state in its error and logs the authorize parameters and the launch context:
  those methods are replaced, and no message here holds a value from outside;
- it ignores the id_token, and reads endpoints from the CapabilityStatement only, falling back to "no
  authorization" in silence: `SmartServer.get_capability` reads `.well-known/smart-configuration` first, or fails;
- it sends `client_id` beside a secret, knows no signed assertion, and fails on a refresh without a refresh token:
  every token call goes through `SmartServer.post_as_form`, which adds what the registered kind of client needs.
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
from fhir_adapters.http.transport import FetchFailed, same_base
from fhir_adapters.smart.client_authentication import TokenCall
from fhir_adapters.smart.discovery import Discovery
from fhir_adapters.smart.ehr_line import EhrLine

_VISIBLE = re.compile(r"[\x21-\x7e]{1,16000}")


class SmartAuth(FHIROAuth2Auth):  # type: ignore[misc]
    """Seam 1: the authorization code flow. Everything secret is made at `authorize_uri` and used once."""

    auth_type = "smart"
    auth_state: str | None
    code_verifier: str | None
    refresh_token: str | None

    def __init__(self, state: Mapping[str, Any]) -> None:
        """Start from the discovery, or go on from a saved state."""
        self.discovery: Discovery
        self.nonce = ""
        self.lifetime: int | None = None
        self.asked: dict[str, str] = {}
        super().__init__(state=state)

    def authorize_uri(self, server: SmartServer) -> str:
        """Where to send the browser; replaces the library's, which logs the parameters."""
        self.auth_state = secrets.token_urlsafe(32)
        self.code_verifier = secrets.token_urlsafe(64)
        self.nonce = secrets.token_urlsafe(32)
        self.asked = self._authorize_params(server)
        parts = urlsplit(self.discovery.authorize)
        query = parse_qsl(parts.query) + list(self.asked.items())
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
        """SMART's parameters without the library's stray `state`; whose they are, `post_as_form` adds."""
        params = dict(super()._code_exchange_params(code))
        return {name: value for name, value in params.items() if name not in ("state", "client_id")}

    def _reauthorize_params(self) -> dict[str, str]:
        """The parameters of a refresh; `scope` is left out, which asks for as much as before (RFC 6749 section 6)."""
        return {"grant_type": "refresh_token", "refresh_token": self.refresh_token or ""}

    def _request_access_token(self, server: SmartServer, params: Mapping[str, str]) -> dict[str, Any]:
        """The token response without the token, which stays in here."""
        answer = server.post_as_form(self._token_uri, params).json()
        if not isinstance(answer, dict):
            raise LaunchFailed("The EHR's token response is not usable.")
        token, lifetime = answer.pop("access_token", None), answer.pop("expires_in", None)
        # Printable ASCII only (RFC 6750 section 2.1): a line break would become a header of its own.
        if not isinstance(token, str) or not _VISIBLE.fullmatch(token):
            raise LaunchFailed("The EHR's token response holds no access token.")
        self.access_token = token
        renewed = answer.pop("refresh_token", None)
        if isinstance(renewed, str) and _VISIBLE.fullmatch(renewed):
            self.refresh_token = renewed  # the one before, if any, is never used again
        self.lifetime = _seconds(lifetime)
        # Looked at last, so that what was given is known, and can be given back.
        if str(answer.get("token_type", "")).lower() != "bearer":
            raise LaunchFailed("The EHR's token response is not usable.")
        return answer

    @property
    def state(self) -> dict[str, Any]:
        """The library's state, the discovery and the nonce."""
        return {**super().state, "discovery": asdict(self.discovery), "nonce": self.nonce}

    def from_state(self, state: Mapping[str, Any]) -> None:
        """Restore; token endpoint and issuer are those of the launch (no mix-up)."""
        super().from_state(state)
        self.discovery = Discovery.restored(state["discovery"])
        self._authorize_uri, self._token_uri = self.discovery.authorize, self.discovery.token
        self.nonce = state.get("nonce", "")


def _seconds(value: object) -> int | None:
    """`expires_in`: a number, in the field also as text; anything else is no word on it."""
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value):
        return int(value)
    return max(int(value), 0) if isinstance(value, int | float) and not isinstance(value, bool) else None


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

    def __init__(
        self, client: SmartClient, base_uri: str | None, state: Mapping[str, Any] | None, line: EhrLine
    ) -> None:
        """Take the place of the server that the library would build."""
        self._line = line
        super().__init__(client, base_uri=base_uri, state=state)
        self.session.close()

    def get_capability(self, force: bool = False) -> None:
        """Discover by `.well-known/smart-configuration`; never "no authorization"."""
        discovery = self._line.discover(self.base_uri, self.aud)
        self.auth = SmartAuth(
            {
                "app_id": self.client.app_id,
                "aud": self.aud,
                "redirect_uri": self.client.redirect,
                "discovery": asdict(discovery),
            }
        )

    def post_as_form(self, url: str, formdata: Mapping[str, str], auth: object = None) -> _Answer:
        """A token request, as the registered kind of client. No answer of the server is quoted."""
        try:
            return _Answer(self._line.post_token(url, formdata, self._call()))
        except FetchFailed as fault:
            raise LaunchFailed(f"The EHR did not exchange the code: {fault.message}.") from fault

    def _call(self) -> TokenCall:
        """Who calls, and for whom an assertion is."""
        found = self.auth.discovery
        return TokenCall(self.auth.app_id, found.token, found.signing, self._line.now)

    def _get(self, path: str, headers: object = None, nosign: bool = False) -> _Answer:
        """A FHIR read, for the library's models. Raises `LaunchFailed` for any URL outside the FHIR base."""
        url = urljoin(self.base_uri, path)
        if not same_base(url, self.base_uri):
            raise LaunchFailed("A link leads outside the FHIR server of this launch, so it was not followed.")
        token = None if nosign else self.auth.access_token
        return _Answer(self._line.read("The EHR's record", url, token))

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

    def __init__(self, settings: Mapping[str, Any] | None, state: Mapping[str, Any] | None, line: EhrLine) -> None:
        """Start from settings, or go on from a state."""
        self._line = line
        super().__init__(settings=settings, state=state, save_func=lambda _: None)
        if settings is not None:
            self.server.session.close()
            self.server = SmartServer(self, settings["api_base"], None, line)

    def from_state(self, state: Mapping[str, Any]) -> None:
        """Restore."""
        self.app_id, self.redirect, self.scope = state["app_id"], state["redirect"], state["scope"]
        self.server = SmartServer(self, None, state["server"], self._line)

    def _handle_launch_context(self, ctx: dict[str, Any] | None) -> None:
        """Keep the context; the library's own logs it, and fails on None."""
        self.launch_context = ctx or {}
        self.patient_id = self.launch_context.get("patient")
