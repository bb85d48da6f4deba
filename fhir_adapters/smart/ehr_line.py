"""The way out to one EHR during one step of a launch: bounded in time, size and reach, and as the right client."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from clinical.errors import LaunchFailed
from fhir_adapters.http.addresses import Reach
from fhir_adapters.http.transport import Bounds, Deadline, FetchFailed, Transport
from fhir_adapters.smart.client_authentication import ClientAuthentication, TokenCall
from fhir_adapters.smart.discovery import Discovery

MAX_DOCUMENT_BYTES = 500_000  # a key set, a smart-configuration, a token response
MAX_STATEMENT_BYTES = 4_000_000  # a CapabilityStatement


@dataclass(frozen=True, slots=True)
class EhrLine:
    """`now` is the time at the begin of the step, `unproved_user` the registry's word on EHRs without keys."""

    transport: Transport
    deadline: Deadline
    reach: Reach
    authentication: ClientAuthentication
    now: datetime
    unproved_user: bool = False

    def discover(self, base: str, iss: str) -> Discovery:
        """Ask the FHIR base (with a slash at its end) where to go. Raises `LaunchFailed`.

        The CapabilityStatement counts only where there is no smart-configuration (404), and only for an EHR whose
        registry entry takes it that the clinician's identity cannot be proved.
        """
        url = f"{base}.well-known/smart-configuration"
        try:
            document = self._get(url, MAX_DOCUMENT_BYTES)
        except FetchFailed as fault:
            if fault.status != 404:
                raise LaunchFailed(f"The EHR's smart-configuration could not be read: {fault.message}.") from None
            return self._by_capability(base, iss)
        return Discovery.read(document, iss, unproved_user=self.unproved_user)

    def _by_capability(self, base: str, iss: str) -> Discovery:
        """The deprecated way."""
        if not self.unproved_user:
            raise LaunchFailed(
                "The EHR has no smart-configuration, so it could not be proved who opens the page "
                "(its registry entry can allow that: smart_unproved_user)."
            )
        return Discovery.from_capability(
            self.read("The EHR's CapabilityStatement", f"{base}metadata", max_bytes=MAX_STATEMENT_BYTES), iss
        )

    def read(self, what: str, url: str, token: str | None = None, *, max_bytes: int | None = None) -> object:
        """GET a JSON document. Raises `LaunchFailed`."""
        try:
            return self._get(url, max_bytes, token)
        except FetchFailed as fault:
            raise LaunchFailed(f"{what} could not be read: {fault.message}.") from None

    def key_set(self, url: str) -> object:
        """The EHR's public keys, never from a cache: a rotated key is known at the next launch."""
        return self.read("The EHR's key set", url, max_bytes=MAX_DOCUMENT_BYTES)

    def post_token(self, url: str, form: Mapping[str, str], call: TokenCall) -> object:
        """A call of the token endpoint. Raises `FetchFailed`."""
        sent, headers = self.authentication.apply(form, call)
        bounds = Bounds(self.reach, MAX_DOCUMENT_BYTES)
        return self.transport.post_form(url, sent, headers=headers, deadline=self.deadline, bounds=bounds)

    def revoke(self, url: str, token: str, kind: str, call: TokenCall) -> None:
        """RFC 7009. Raises `FetchFailed`."""
        sent, headers = self.authentication.apply({"token": token, "token_type_hint": kind}, call)
        bounds = Bounds(self.reach, MAX_DOCUMENT_BYTES)
        self.transport.send_form(url, sent, headers=headers, deadline=self.deadline, bounds=bounds)

    def _get(self, url: str, max_bytes: int | None, token: str | None = None) -> object:
        """GET within the bounds."""
        bounds = Bounds(self.reach, max_bytes)
        return self.transport.get_json(url, token=token, deadline=self.deadline, bounds=bounds)
