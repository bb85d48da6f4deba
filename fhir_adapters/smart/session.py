"""The SMART launches (SMART App Launch 2.2.0): begin, complete, renew, end.

fhirclient does the protocol (`smart_client.py` holds its three subclasses and names the gaps of the bare library that
they close), `id_token.py` proves who opened the page, `token_keeper.py` keeps the tokens. The record itself is read by
the room's one reader, with what `access` gives out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Protocol
from urllib.parse import urlencode

from clinical.errors import LaunchFailed
from clinical.invocation import FhirAccess
from clinical.ports import Clock
from fhir_adapters.http.addresses import Reach
from fhir_adapters.http.transport import Deadline, FetchFailed, Transport
from fhir_adapters.smart.client_authentication import TokenCall
from fhir_adapters.smart.ehr_line import EhrLine
from fhir_adapters.smart.ehr_style import EhrStyles
from fhir_adapters.smart.id_token import Expected, Opener, locale_of, who_opened
from fhir_adapters.smart.launch_context import fhir_context_in, id_in, name_in, patient_in, scopes_in
from fhir_adapters.smart.seal import Seal
from fhir_adapters.smart.smart_client import SmartAuth, SmartClient
from fhir_adapters.smart.smart_scopes import REFRESHES, asked, asked_writes, covered, form_of, not_beyond
from fhir_adapters.smart.token_keeper import NotRenewed, TokenKeeper, Tokens
from fhir_adapters.smart.token_vault import MemorySealed, SealedStore, TokenVault
from fhir_adapters.smart.visit import Begun, Ehr, Granted, Registration, Visit
from fhir_adapters.write.write_scopes import can_write

__all__ = ["Begun", "Ehr", "Granted", "Registration", "SmartSessions", "Visit"]

IDENTITY_SCOPES = ("openid", "fhirUser")  # fhirclient adds "launch" or "launch/patient" itself
LAUNCH_LIFETIME = timedelta(minutes=10)
# A page is open for an hour at most; its tokens are gone a little later.
VISIT_LIFETIME = timedelta(minutes=65)
LONGEST_TOKEN_S = 86_400
# From this length on, the request is posted where the EHR takes that: some proxies cut a URL.
LONG_URL = 2_000
STYLE_SECONDS = 1.0
REVOKE_SECONDS = 2.0
# What of the client's state a later refresh needs; the rest holds the id_token and the launch.
_LASTING = ("app_id", "redirect", "scope", "server")


class VisitLike(Protocol):
    """As much of a visit as says where its tokens are."""

    @property
    def handle(self) -> str:
        """The vault's handle."""
        ...


class SmartSessions:
    """Fills the `EhrSessions` that the page declares.

    What has to survive between the two steps of a launch is sealed (JWE, A256GCM), because it holds the PKCE verifier.
    """

    def __init__(
        self,
        *,
        transport: Transport,
        clock: Clock,
        scopes: Sequence[str],
        seal_key: bytes,
        seconds: float = 5.0,
        registrations: Mapping[str, Registration] | None = None,
        store: SealedStore | None = None,
    ) -> None:
        """`scopes` are those of the models (`clinical.need.smart_scopes`); `seconds` bounds each step.

        `registrations` are by client id; a client without one is public.
        """
        self._transport = transport
        self._clock = clock
        self._scopes = tuple(scopes)
        self._seal = Seal(seal_key, "chartside smart launch")
        self._seconds = seconds
        self._registrations = registrations or {}
        self._styles = EhrStyles()
        self._keeper = TokenKeeper(TokenVault(seal_key, store or MemorySealed(clock)), clock, self._refresh)

    def begin(self, ehr: Ehr, launch: str | None, redirect_uri: str) -> Begun:
        """Discover the EHR and form the authorization request; without `launch` it is standalone. `LaunchFailed`."""
        registration = self._registration(ehr.client)
        settings = {
            "app_id": ehr.smart_client_id,
            "api_base": ehr.iss,
            "redirect_uri": redirect_uri,
            "launch_token": launch,
        }
        client = SmartClient(settings, None, self._line(ehr.iss, ehr.client))
        client.server.get_capability()
        found = client.server.auth.discovery
        form = form_of(found, registration.scopes)
        reads = asked(self._scopes, form)
        refresh = REFRESHES[registration.refresh]
        wished = (*IDENTITY_SCOPES, *([refresh] if refresh else ()), *reads, *asked_writes(registration.writes, form))
        client.scope = " ".join(wished)
        url = client.authorize_url
        begun_at = self._clock.now().isoformat()
        content = {"client": ehr.client, "iss": ehr.iss, "begun_at": begun_at, "reads": reads, "smart": client.state}
        state, pending = client.server.auth.auth_state or "", self._seal.close(content)
        if "authorize-post" in found.capabilities and len(url) > LONG_URL:
            return Begun(found.authorize, state, pending, client.server.auth.asked)
        return Begun(url, state, pending)

    def complete(self, pending: str, callback: Mapping[str, str]) -> Visit:
        """Exchange the code and verify who and what came back. Raises `LaunchFailed`."""
        begun = self._seal.open(pending)
        if self._clock.now() - datetime.fromisoformat(begun["begun_at"]) > LAUNCH_LIFETIME:
            raise LaunchFailed("The launch took too long.")
        line = self._line(begun["iss"], begun["client"])
        client = SmartClient(None, begun["smart"], line)
        try:
            client.handle_callback(f"{client.redirect}?{urlencode(callback)}")
            return self._visit(client, begun, line)
        except Exception:
            # What the EHR gave for a launch that is refused is nobody's: it goes back.
            self._revoke(client.server.auth, begun["iss"], begun["client"])
            raise

    def access(self, visit: VisitLike) -> FhirAccess:
        """Leave to read, renewed where it is about to end. Raises `NotAllowed` when it has run out."""
        return self._keeper.access(visit.handle)

    def renewed(self, visit: VisitLike, access: FhirAccess) -> FhirAccess:
        """Leave to read after the EHR refused this one (401). Raises `NotAllowed` when there is no other."""
        return self._keeper.renewed(visit.handle, access.token)

    def instead_of(self, token: str) -> str | None:
        """The token to use instead of a refused one, for `RenewingTransport`; None for one that is not ours.

        Raises `NotAllowed` for one that is ours and cannot be renewed.
        """
        return self._keeper.instead_of(token)

    def end(self, visit: VisitLike) -> None:
        """Forget the tokens, and ask the EHR to (RFC 7009), where it offers that. Its faults are not the user's."""
        tokens = self._keeper.take(visit.handle)
        if tokens is None:
            return
        self._revoke(SmartAuth(tokens.smart["server"]["auth"]), tokens.base_url, tokens.client)

    def granted(self, visit: VisitLike) -> Granted:
        """What the EHR permits now: a renewed token may permit less than the first. Nothing where it is over.

        Nobody else keeps the scopes of a visit.
        """
        tokens = self._keeper.now(visit.handle)
        if tokens is None:
            return Granted()
        writes = self._registration(tokens.client).writes
        return Granted(
            scopes=tokens.scopes,
            not_granted=tuple(scope for scope in tokens.reads if not covered(scope, tokens.scopes)),
            can_write=tuple(name for name in can_write(tokens.scopes) if name in writes),
        )

    def _revoke(self, auth: SmartAuth, iss: str, name: str) -> None:
        """Ask the EHR to end tokens (RFC 7009), where it offers that: within a time for both, and whatever comes of it.

        It runs while another answer is on its way to the user, which no fault of this may replace.
        """
        found = auth.discovery
        held = {"refresh_token": auth.refresh_token, "access_token": auth.access_token}
        line = self._line(iss, name, REVOKE_SECONDS)
        call = TokenCall(auth.app_id, found.token, found.signing, line.now)
        for kind, token in held.items():
            with suppress(Exception):
                if found.revoke and token:
                    line.revoke(found.revoke, token, kind, call)

    def _visit(self, client: SmartClient, begun: Mapping[str, Any], line: EhrLine) -> Visit:
        """Read the token response (SMART "Launch context arrives with your access_token")."""
        context, registration = client.launch_context, self._registration(begun["client"])
        opener = _opener(client, line, begun["iss"])
        patient_id, encounter_id = patient_in(context), id_in(context, "encounter")
        granted = scopes_in(context, tuple(client.scope.split()))
        tokens = _tokens(client, line.now, begun["client"], patient_id, granted, tuple(begun["reads"]))
        quick = replace(line, deadline=Deadline.after(min(STYLE_SECONDS, line.deadline.left())))
        style = self._styles.get(context.get("smart_style_url"), begun["iss"], registration.style_origins, quick)
        return Visit(
            client=begun["client"],
            patient_id=patient_id,
            encounter_id=encounter_id,
            user=opener.user,
            app_context=context["appContext"] if isinstance(context.get("appContext"), str) else None,
            need_patient_banner=context.get("need_patient_banner") is not False,
            intent=name_in(context, "intent"),
            tenant=name_in(context, "tenant"),
            fhir_context=fhir_context_in(context),
            style=style,
            locale=opener.locale or locale_of(context.get("locale")),
            handle=self._keeper.keep(tokens, line.now + VISIT_LIFETIME),  # last: nothing can be refused after this
        )

    def _refresh(self, tokens: Tokens) -> Tokens:
        """Ask for new tokens. Raises `NotRenewed` where the EHR says no, `LaunchFailed` where it says nothing."""
        line = self._line(tokens.base_url, tokens.client)
        client = SmartClient(None, tokens.smart, line)
        try:
            client.reauthorize()
        except LaunchFailed as fault:
            if isinstance(fault.__cause__, FetchFailed) and fault.__cause__.status in (400, 401, 403):
                raise NotRenewed("The EHR did not renew its permission.") from None
            raise
        context = client.launch_context
        if context.get("patient", tokens.patient_id) != tokens.patient_id:
            self._revoke(client.server.auth, tokens.base_url, tokens.client)
            raise NotRenewed("The EHR renewed its permission for another patient.")
        scopes = not_beyond(scopes_in(context, tokens.scopes), tokens.scopes)
        return _tokens(client, line.now, tokens.client, tokens.patient_id, scopes, tokens.reads)

    def _registration(self, name: str) -> Registration:
        """How the page is registered at an EHR."""
        return self._registrations.get(name) or Registration()

    def _line(self, iss: str, name: str, seconds: float | None = None) -> EhrLine:
        """The way out for one step."""
        registration = self._registration(name)
        return EhrLine(
            transport=self._transport,
            deadline=Deadline.after(seconds or self._seconds),
            reach=Reach.around(iss),
            authentication=registration.authentication,
            now=self._clock.now(),
            unproved_user=registration.unproved_user,
        )


def _opener(client: SmartClient, line: EhrLine, iss: str) -> Opener:
    """Who opened the page, proved by the keys of the discovered issuer where there are any."""
    auth = client.server.auth
    expected = Expected(auth.discovery.issuer, auth.app_id, iss, auth.nonce)
    keys = line.key_set(auth.discovery.jwks) if auth.discovery.provable else None
    return who_opened(client.launch_context.get("id_token"), keys, expected, line.now)


def _ends(client: SmartClient, now: datetime) -> datetime | None:
    """When the client's token ends, if the EHR said so."""
    lifetime = client.server.auth.lifetime
    return None if lifetime is None else now + timedelta(seconds=min(lifetime, LONGEST_TOKEN_S))


def _tokens(
    client: SmartClient, now: datetime, name: str, patient_id: str, scopes: tuple[str, ...], reads: tuple[str, ...]
) -> Tokens:
    """What the vault keeps."""
    auth = client.server.auth
    auth.nonce = ""  # used up, like state and verifier
    state = client.state
    return Tokens(
        client=name,
        base_url=auth.aud,
        patient_id=patient_id,
        smart={key: state[key] for key in _LASTING},
        access=auth.access_token,
        scopes=scopes,
        reads=reads,
        renewable=bool(auth.refresh_token),
        expires_at=_ends(client, now),
    )
