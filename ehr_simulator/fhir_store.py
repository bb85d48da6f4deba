"""The EHR's own way to its FHIR server, behind the guard: bounded in time and size, no redirects."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import requests

from ehr_simulator import direct

MAX_BYTES = 20_000_000
FHIR_JSON = "application/fhir+json"


class FhirStoreFault(Exception):
    """The FHIR server did not answer as it should. The message holds no patient data."""


class FhirStore:
    """Reads and searches, and for the guard writes. `base` has no trailing slash."""

    def __init__(self, base: str, timeout: float) -> None:
        """Keep the base; a connection is opened per call, so the object is safe for threads."""
        self.base = base
        self._timeout = timeout

    def get(self, path: str, params: Sequence[tuple[str, str]] = ()) -> tuple[int, dict[str, Any]]:
        """Status and JSON body of a GET below the base. Raises `FhirStoreFault`."""
        try:
            with direct.request(
                "GET",
                f"{self.base}/{path}",
                params=list(params),
                headers={"Accept": FHIR_JSON},
                timeout=self._timeout,
                stream=True,
            ) as answer:
                return answer.status_code, _decode(_bounded(answer))
        except requests.RequestException as fault:
            raise FhirStoreFault(f"The FHIR server did not answer ({type(fault).__name__}).") from None

    def write(
        self, method: str, path: str, resource: Mapping[str, Any], headers: Mapping[str, str]
    ) -> tuple[int, dict[str, Any], Mapping[str, str]]:
        """Status, JSON body and headers of a POST or PUT below the base. Raises `FhirStoreFault`."""
        try:
            with direct.request(
                method,
                f"{self.base}/{path}",
                data=json.dumps(resource).encode(),
                headers={"Accept": FHIR_JSON, "Content-Type": FHIR_JSON, **headers},
                timeout=self._timeout,
                stream=True,
            ) as answer:
                body = _bounded(answer)
                return answer.status_code, _decode(body) if body else {}, answer.headers
        except requests.RequestException as fault:
            raise FhirStoreFault(f"The FHIR server did not answer ({type(fault).__name__}).") from None

    def read(self, path: str) -> dict[str, Any] | None:
        """A resource, or None where the server has none."""
        status, body = self.get(path)
        if status in {404, 410}:
            return None
        return _success(status, body)

    def search(self, resource_type: str, params: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
        """The resources of the first page of a search."""
        body = _success(*self.get(resource_type, params))
        return [entry["resource"] for entry in body.get("entry", []) if "resource" in entry]


def _success(status: int, body: dict[str, Any]) -> dict[str, Any]:
    """The body of a 200."""
    if status != 200:
        raise FhirStoreFault(f"The FHIR server answered {status}.")
    return body


def _bounded(answer: requests.Response) -> bytes:
    """The body, up to the limit."""
    body = bytearray()
    for part in answer.iter_content(65536):
        body += part
        if len(body) > MAX_BYTES:
            raise FhirStoreFault("The answer of the FHIR server is too large.")
    return bytes(body)


def _decode(body: bytes) -> dict[str, Any]:
    """A JSON object."""
    try:
        value = json.loads(body)
    except ValueError:
        raise FhirStoreFault("The FHIR server did not answer with JSON.") from None
    if not isinstance(value, dict):
        raise FhirStoreFault("The FHIR server did not answer with a JSON object.")
    return value
