"""Writing back: RiskAssessment and Provenance of the token's own patient, nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from ehr_simulator.fhir_proxy import provenance
from ehr_simulator.fhir_proxy.isolation import Foreign, check_resource, limited_search
from ehr_simulator.fhir_store import FhirStore
from ehr_simulator.settings import WRITABLE, EhrSettings

PASSED_ON = ("If-None-Exist", "If-Match", "Prefer")


class NotAResource(Exception):
    """The body does not fit the address."""


class Writer:
    """Creates and updates. Holds no request state."""

    def __init__(self, settings: EhrSettings, store: FhirStore) -> None:
        """Keep the collaborators."""
        self._settings = settings
        self._store = store

    def create(
        self, kind: str, body: object, patient: str, sent: Mapping[str, str]
    ) -> tuple[int, dict[str, Any], Mapping[str, str]]:
        """POST a resource of the patient. Raises `NotAResource`, `Foreign`, `FhirStoreFault`."""
        resource = self._own(kind, body, patient)
        resource.pop("id", None)
        headers = {name: sent[name] for name in PASSED_ON if name in sent}
        if "If-None-Exist" in headers:
            headers["If-None-Exist"] = self._confined(kind, headers["If-None-Exist"], patient)
        return self._store.write("POST", kind, resource, headers)

    def update(
        self, kind: str, resource_id: str, body: object, patient: str, sent: Mapping[str, str]
    ) -> tuple[int, dict[str, Any], Mapping[str, str]]:
        """PUT over a resource of the patient that exists. Raises `NotAResource`, `Foreign`, `FhirStoreFault`."""
        resource = self._own(kind, body, patient)
        if resource.get("id") != resource_id:
            raise NotAResource("The id in the body is not the one in the address.")
        held = self._store.read(f"{kind}/{resource_id}")
        if held is None:
            raise Foreign("An app does not choose ids here: create it with POST.")
        self._check(kind, held, patient)
        return self._store.write("PUT", f"{kind}/{resource_id}", resource,
                                 {name: sent[name] for name in PASSED_ON[1:] if name in sent})  # fmt: skip

    def _own(self, kind: str, body: object, patient: str) -> dict[str, Any]:
        """The resource with relative references, if it is of the kind and the patient's."""
        if kind not in WRITABLE or not isinstance(body, dict) or body.get("resourceType") != kind:
            raise NotAResource("The body is not a resource of the type in the address.")
        resource: dict[str, Any] = _relative(body, f"{self._settings.fhir_base}/")
        if any(named.startswith("Patient/") and named != f"Patient/{patient}" for named in _references(resource)):
            raise Foreign("The resource names another patient than the token.")
        self._check(kind, resource, patient)
        encounter = resource.get("encounter")
        if isinstance(encounter, Mapping):
            provenance.check_references([str(encounter.get("reference", ""))], patient, self._store)
        return resource

    def _check(self, kind: str, resource: Mapping[str, Any], patient: str) -> None:
        """Whose it is."""
        if kind == "Provenance":
            provenance.check_targets(resource, patient, self._store)
        else:
            check_resource(resource, patient)

    def _confined(self, kind: str, query: str, patient: str) -> str:
        """The condition of a conditional create, for this patient only."""
        params = parse_qsl(query, keep_blank_values=True)
        if kind == "Provenance":
            return urlencode(provenance.limited_search(params, patient, self._store))
        return urlencode(limited_search(kind, params, patient))


def _relative(value: Any, base: str) -> Any:
    """The value with every `reference` below our public base made relative."""
    if isinstance(value, dict):
        return {
            name: inner.removeprefix(base) if name == "reference" and isinstance(inner, str) else _relative(inner, base)
            for name, inner in value.items()
        }
    return [_relative(one, base) for one in value] if isinstance(value, list) else value


def _references(value: Any) -> Iterator[str]:
    """Every `reference` inside."""
    if isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            yield value["reference"]
        for inner in value.values():
            yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)
