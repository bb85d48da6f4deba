"""The EHR as a CDS client: discovery, service calls, feedback (CDS Hooks 2.0.1)."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from ehr_simulator import http_json
from ehr_simulator.authorization.grants_store import AccessToken, GrantsStore
from ehr_simulator.chart import prefetch
from ehr_simulator.fhir_store import FhirStore
from ehr_simulator.settings import CLINICIAN, EhrSettings
from ehr_simulator.signing import SigningKey, hook_token


@dataclass(frozen=True, slots=True)
class Service:
    """One entry of a discovery answer."""

    id: str
    hook: str
    title: str
    templates: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one service call: a response, or a problem with the status (0 where nothing answered)."""

    service: Service
    response: Mapping[str, Any] | None
    problem: str = ""
    status: int = 0


class DiscoveryFailed(Exception):
    """The list of services could not be read. `status` is 0 where nothing answered."""

    def __init__(self, message: str, status: int = 0) -> None:
        """Keep the status."""
        super().__init__(message)
        self.status = status


class HookClient:
    """Calls one CDS server. Holds no state of a call."""

    def __init__(self, settings: EhrSettings, store: FhirStore, grants: GrantsStore, key: SigningKey) -> None:
        """Keep the collaborators."""
        self._settings = settings
        self._store = store
        self._grants = grants
        self._key = key

    def services(self, hook: str) -> list[Service]:
        """The services of a hook. Raises `DiscoveryFailed`."""
        try:
            answer = self._send("GET", "")
        except http_json.NoAnswer as fault:
            raise DiscoveryFailed(f"Chartside gave {fault}.") from None
        listed = (answer.body or {}).get("services")
        if answer.status != 200 or not isinstance(listed, list):
            raise DiscoveryFailed(http_json.problem(answer) or "The answer is not a list of services.", answer.status)
        return [_service(entry) for entry in listed if isinstance(entry, dict) and entry.get("hook") == hook]

    def call(self, service: Service, patient: str, encounter: str | None) -> Result:
        """Call a service about a patient. Whatever goes wrong is in the result, never an exception, never silence."""
        body = self._request(service, patient, encounter)
        try:
            answer = self._send("POST", f"/{quote(service.id, safe='')}", body)
        except http_json.NoAnswer as fault:
            return Result(service, None, f"Chartside gave {fault}.")
        if answer.status != 200 or not isinstance((answer.body or {}).get("cards"), list):
            text = http_json.problem(answer) or "The answer is not a CDS Hooks response."
            return Result(service, None, text, answer.status)
        return Result(service, answer.body, status=200)

    def feedback(self, service_id: str, item: Mapping[str, object]) -> http_json.Answer:
        """Send one item of feedback, in the array form. Raises `http_json.NoAnswer`."""
        stamp = self._settings.clock().isoformat(timespec="seconds").replace("+00:00", "Z")
        body = {"feedback": [{**item, "outcomeTimestamp": stamp}]}
        return self._send("POST", f"/{quote(service_id, safe='')}/feedback", body)

    def _request(self, service: Service, patient: str, encounter: str | None) -> dict[str, object]:
        """The whole service request, prefetch and access included."""
        context = {"userId": CLINICIAN, "patientId": patient} | ({"encounterId": encounter} if encounter else {})
        token = self._access(service, patient)
        return {
            "hook": service.hook,
            "hookInstance": str(uuid.uuid4()),
            "fhirServer": self._settings.fhir_base,
            "fhirAuthorization": {
                "access_token": token.value,
                "token_type": "Bearer",
                "expires_in": self._settings.hook_token_lifetime,
                "scope": token.scope,
                "subject": "chartside",
                "patient": patient,
            },
            "context": context,
            "prefetch": prefetch.run(service.templates, context, self._store, self._settings.fhir_base),
        }

    def _access(self, service: Service, patient: str) -> AccessToken:
        """A short token for this patient, with the scopes that the templates need."""
        expires = self._settings.clock() + timedelta(seconds=self._settings.hook_token_lifetime)
        return self._grants.create_token(AccessToken("", prefetch.scopes(service.templates), patient, expires))

    def _send(self, method: str, path: str, body: object = None) -> http_json.Answer:
        """A signed request below `/cds-services`."""
        url = f"{self._settings.chartside}/cds-services{path}"
        token = hook_token(
            self._key,
            issuer=self._settings.base_url,
            audience=url,
            keys_url=self._settings.hook_keys_url,
            now=self._settings.clock(),
        )
        return http_json.call(method, url, token, body, timeout=self._settings.hook_timeout)


def _service(entry: Mapping[str, Any]) -> Service:
    """A service from its discovery entry."""
    templates = entry.get("prefetch")
    return Service(
        id=str(entry.get("id", "")),
        hook=str(entry.get("hook", "")),
        title=str(entry.get("title") or entry.get("id", "")),
        templates=dict(templates) if isinstance(templates, dict) else {},
    )
