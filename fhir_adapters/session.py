"""The SMART EHR launch (SMART App Launch 2.2.0): begin, complete, and what came back.

fhirclient does the protocol (`smart_client.py` holds its three subclasses and names the gaps of the bare library that
they close), `id_token.py` proves who opened the page. The record itself is read by the room's one reader, from
`Visit.access`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol
from urllib.parse import urlencode

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from clinical import strict_json
from clinical.errors import ChartsideError, LaunchFailed
from clinical.invocation import FhirAccess
from clinical.ports import Clock
from fhir_adapters.id_token import Expected, verified_user
from fhir_adapters.smart_client import Http, SmartClient
from fhir_adapters.transport import Deadline, Transport

IDENTITY_SCOPES = ("openid", "fhirUser")  # fhirclient adds "launch" itself
LAUNCH_LIFETIME = timedelta(minutes=10)

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_SCOPE = re.compile(r"(?:patient|user)/(\*|[A-Za-z]+)\.(\*|read|c?r?u?d?s?)")


class Ehr(Protocol):
    """What the launch needs of a registry entry: our id of the client, its issuer, and our client_id there."""

    @property
    def client(self) -> str:
        """The id in the client registry."""
        ...

    @property
    def iss(self) -> str:
        """The FHIR base URL, exactly as the EHR sends it."""
        ...

    @property
    def smart_client_id(self) -> str:
        """Our client_id at this EHR's authorization server."""
        ...


@dataclass(frozen=True, slots=True)
class Begun:
    """A launch on its way: where to send the browser, the state to expect back, and what `complete` will need."""

    authorize_url: str = field(repr=False)
    state: str = field(repr=False)
    pending: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Visit:
    """A completed launch. `user` is a reference, `not_granted` the scopes that were asked for and not given.

    `need_patient_banner` is True unless the EHR says that it shows one itself. `expires_at` is the end of the token.
    """

    client: str
    patient_id: str
    encounter_id: str | None
    user: str
    app_context: str | None
    need_patient_banner: bool
    scopes: tuple[str, ...]
    not_granted: tuple[str, ...]
    access: FhirAccess
    expires_at: datetime | None


class SmartSessions:
    """Begins and completes launches; keeps nothing itself. Fills the `EhrSessions` that the page declares.

    What has to survive between the two steps is sealed (JWE, A256GCM), because it holds the PKCE verifier.
    """

    def __init__(
        self, *, transport: Transport, clock: Clock, scopes: Sequence[str], seal_key: bytes, seconds: float = 5.0
    ) -> None:
        """`scopes` are those of the models (`clinical.need.smart_scopes`); `seconds` bounds each of the two steps."""
        self._transport = transport
        self._clock = clock
        self._scopes = tuple(scopes)
        self._key = OctKey.import_key(hashlib.sha256(b"chartside smart launch" + seal_key).digest())
        self._seconds = seconds

    def begin(self, ehr: Ehr, launch: str, redirect_uri: str) -> Begun:
        """Discover the EHR and form the authorization request. Raises `LaunchFailed`."""
        settings = {
            "app_id": ehr.smart_client_id,
            "api_base": ehr.iss,
            "redirect_uri": redirect_uri,
            "scope": " ".join((*IDENTITY_SCOPES, *self._scopes)),
            "launch_token": launch,
        }
        client = SmartClient(settings, None, self._http())
        url = client.authorize_url
        begun_at = self._clock.now().isoformat()
        pending = self._seal({"client": ehr.client, "iss": ehr.iss, "begun_at": begun_at, "smart": client.state})
        return Begun(url, client.server.auth.auth_state or "", pending)

    def complete(self, pending: str, callback: Mapping[str, str]) -> Visit:
        """Exchange the code and verify who and what came back. Raises `LaunchFailed`."""
        begun = self._unseal(pending)
        if self._clock.now() - datetime.fromisoformat(begun["begun_at"]) > LAUNCH_LIFETIME:
            raise LaunchFailed("The launch took too long.")
        client = SmartClient(None, begun["smart"], self._http())
        client.handle_callback(f"{client.redirect}?{urlencode(callback)}")
        return self._visit(client, begun["client"], begun["iss"])

    def _visit(self, client: SmartClient, name: str, iss: str) -> Visit:
        """Read the token response (SMART "Launch context arrives with your access_token")."""
        context, auth = client.launch_context, client.server.auth
        expected = Expected(auth.discovery.issuer, auth.app_id, iss, auth.nonce)
        now = self._clock.now()
        user = verified_user(context.get("id_token"), client.server.key_set(auth.discovery.jwks), expected, now)
        granted = _granted(context, self._scopes)
        return Visit(
            client=name,
            patient_id=_id(context, "patient", "The EHR did not say whose chart is open."),
            encounter_id=_id(context, "encounter", "") if context.get("encounter") is not None else None,
            user=user,
            app_context=context["appContext"] if isinstance(context.get("appContext"), str) else None,
            need_patient_banner=context.get("need_patient_banner") is not False,
            scopes=granted,
            not_granted=tuple(scope for scope in self._scopes if not _covered(scope, granted)),
            access=FhirAccess(iss, auth.access_token, granted),
            expires_at=None if auth.lifetime is None else now + timedelta(seconds=min(auth.lifetime, 86_400)),
        )

    def _http(self) -> Http:
        """The transport with this step's deadline."""
        return Http(self._transport, Deadline.after(self._seconds))

    def _seal(self, content: Mapping[str, Any]) -> str:
        """Encrypt."""
        return jwe.encrypt_compact({"alg": "dir", "enc": "A256GCM"}, json.dumps(content), self._key)

    def _unseal(self, pending: str) -> dict[str, Any]:
        """Decrypt our own seal; anything else is refused."""
        try:
            content = strict_json.loads(jwe.decrypt_compact(pending, self._key, ["dir", "A256GCM"]).plaintext or b"")
        except (JoseError, ValueError, ChartsideError):
            raise LaunchFailed("The launch could not be continued.") from None
        assert isinstance(content, dict)  # noqa: S101  only `_seal` can have written it
        return content


def _id(context: Mapping[str, Any], key: str, absent: str) -> str:
    """A FHIR id of the token response; it becomes part of URLs, so its form is checked."""
    value = context.get(key)
    if value is None and absent:
        raise LaunchFailed(absent)
    if not isinstance(value, str) or not _ID.fullmatch(value) or value in (".", ".."):
        raise LaunchFailed(f"The EHR's '{key}' is not a FHIR id.")
    return value


def _granted(context: Mapping[str, Any], asked: tuple[str, ...]) -> tuple[str, ...]:
    """The scopes of the token response; left out means "as asked" (RFC 6749 section 5.1)."""
    scope = context.get("scope")
    return tuple(scope.split()) if isinstance(scope, str) else asked


def _covered(asked: str, granted: Sequence[str]) -> bool:
    """Whether reading and searching a type was granted, in v1 or v2 form; a scope with a filter gives only a part."""
    wanted = _SCOPE.fullmatch(asked)
    if wanted is None:
        return asked in granted
    matches = [match for scope in granted if (match := _SCOPE.fullmatch(scope))]
    return any(
        match[1] in ("*", wanted[1]) and (match[2] in ("*", "read") or {"r", "s"} <= set(match[2])) for match in matches
    )
