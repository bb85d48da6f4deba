"""The sign-in to the quality team's pages, joined to the sign-in server."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from chartside.sign_in import SignInEntry
from clinical.errors import LaunchFailed
from clinical.ports import Clock
from fhir_adapters.http.transport import Transport
from fhir_adapters.smart.people_sign_in import Asked, NotSignedIn, PeopleSignIn, Proved, SignInServer, Why
from oversight.pages.door.sign_in import SignInDeps
from oversight.pages.door.sign_in_server import Known, Refusal, SignInRefused, Started
from oversight.pages.door.visits import Limits, UsedIds

LOG = logging.getLogger("chartside.sign_in")
_REFUSALS = {Why.SERVER: Refusal.SERVER, Why.DECLINED: Refusal.DECLINED, Why.IDENTITY: Refusal.IDENTITY}


class _Server(Protocol):
    """As much of `PeopleSignIn` as is used here."""

    def begin(self, redirect_uri: str) -> Asked:
        """The first step."""
        ...

    def complete(self, query: Mapping[str, str], kept: str) -> Proved:
        """The second step."""
        ...

    def sign_out_url(self, back: str) -> str:
        """Where to sign out at the server."""
        ...


def sign_in_deps(
    entry: SignInEntry | None, *, transport: Transport, clock: Clock, used: UsedIds, base_url: str, seal_key: bytes
) -> SignInDeps | None:
    """What the pages need of a sign-in; None where no file is set."""
    if entry is None:
        return None
    server = SignInServer(entry.kind, entry.base, entry.client_id, entry.scopes, entry.authentication, entry.max_age)
    people = PeopleSignIn(server, transport=transport, clock=clock, seal_key=seal_key)
    limits = Limits(entry.idle, entry.longest)
    return SignInDeps(QualitySignIn(entry, people), used, base_url, limits, entry.edition)


@dataclass(frozen=True, slots=True)
class QualitySignIn:
    """Fills `oversight.pages.door.sign_in_server.SignIn`: whom the server proves, with the roles of the file."""

    entry: SignInEntry
    people: _Server

    @property
    def label(self) -> str:
        """What people call the server."""
        return self.entry.label

    def begin(self, redirect_uri: str) -> Started:
        """Form the request."""
        try:
            asked = self.people.begin(redirect_uri)
        except LaunchFailed as fault:
            raise _refused(fault) from None
        return Started(asked.url, asked.state, asked.kept)

    def complete(self, query: Mapping[str, str], kept: str) -> Known:
        """Prove who came, and look up their roles."""
        try:
            proved = self.people.complete(query, kept)
        except LaunchFailed as fault:
            raise _refused(fault) from None
        roles = self.entry.roles_of(proved.claims, proved.subject, proved.fhir_user)
        named = {**proved.claims, **({"fhirUser": proved.fhir_user} if proved.fhir_user else {})}
        return Known(proved.issuer, proved.subject, self.entry.name_of(named), roles)

    def sign_out_url(self, back: str) -> str:
        """Where to sign out at the server."""
        return self.people.sign_out_url(back)


def _refused(fault: LaunchFailed) -> SignInRefused:
    """The reason for the page; the words, which hold no value from outside, are for the log."""
    why = fault.why if isinstance(fault, NotSignedIn) else Why.IDENTITY
    LOG.warning("sign-in refused", extra={"fault": fault.message})
    return SignInRefused(_REFUSALS[why])
