"""`/fhir/…` for apps: bearer token, scopes, patient isolation, then the FHIR server."""

from __future__ import annotations

import json
import re
from typing import Any

from flask import Blueprint, Response, request

from ehr_simulator.authorization.grants_store import AccessToken, GrantsStore
from ehr_simulator.authorization.scopes import READ, SEARCH, allowed_levels
from ehr_simulator.fhir_proxy.isolation import (
    INCLUDED_TYPE,
    Foreign,
    check_bundle,
    check_resource,
    limited_search,
    own_patient_only,
)
from ehr_simulator.fhir_proxy.links import publish
from ehr_simulator.fhir_store import FHIR_JSON, FhirStore, FhirStoreFault
from ehr_simulator.outcome import refusal
from ehr_simulator.settings import EhrSettings

MAX_FORM_BYTES = 100_000
_TYPE = re.compile(r"[A-Z][A-Za-z]{1,63}")
_ID = re.compile(r"[A-Za-z0-9.\-]{1,64}")


class Guard:
    """Answers one request at a time; holds no request state."""

    def __init__(self, settings: EhrSettings, store: FhirStore, grants: GrantsStore) -> None:
        """Keep the collaborators."""
        self._settings = settings
        self._store = store
        self._grants = grants

    def answer(self, path: str) -> Response:
        """The guarded answer to the current request."""
        token = self._token()
        if token is None:
            answer = refusal(401, "login", "A valid bearer token is required.")
            answer.headers["WWW-Authenticate"] = "Bearer"
            return answer
        try:
            return self._dispatch(path.split("/"), token)
        except Foreign as fault:
            return refusal(403, "forbidden", str(fault))
        except FhirStoreFault as fault:
            return refusal(502, "transient", str(fault))

    def metadata(self) -> Response:
        """The CapabilityStatement, without a token."""
        try:
            return self._forward("metadata", [])
        except FhirStoreFault as fault:
            return refusal(502, "transient", str(fault))

    def _token(self) -> AccessToken | None:
        """The token of the request, if it is valid."""
        kind, _, value = request.headers.get("Authorization", "").partition(" ")
        return self._grants.token(value.strip(), self._settings.clock()) if kind.lower() == "bearer" else None

    def _dispatch(self, parts: list[str], token: AccessToken) -> Response:
        """Read, search, or refuse."""
        if not _TYPE.fullmatch(parts[0]):
            return refusal(404, "not-supported", "This FHIR API reads and searches resources by type.")
        if request.method == "GET" and len(parts) == 2 and _ID.fullmatch(parts[1]):
            return self._read(parts, token)
        if request.method == "GET" and len(parts) == 1:
            return self._search(parts[0], list(request.args.items(multi=True)), token)
        if request.method == "POST" and parts[1:] == ["_search"]:
            both = [*request.args.items(multi=True), *request.form.items(multi=True)]
            return self._search(parts[0], both, token)
        return refusal(405, "not-supported", "This FHIR API reads and searches; it does not write.")

    def _read(self, parts: list[str], token: AccessToken) -> Response:
        """One resource by id."""
        confined = self._confined(token, parts[0], READ)
        if confined is not None:
            own_patient_only(parts, confined)
        return self._forward("/".join(parts), [], confined)

    def _search(self, resource_type: str, params: list[tuple[str, str]], token: AccessToken) -> Response:
        """A search by type."""
        confined = self._confined(token, resource_type, SEARCH)
        if any(name == "_include" for name, _ in params):
            self._confined(token, INCLUDED_TYPE, READ)
        limited = params if confined is None else limited_search(resource_type, params, confined)
        return self._forward(resource_type, limited, confined)

    @staticmethod
    def _confined(token: AccessToken, resource_type: str, verb: str) -> str | None:
        """The patient that the token is confined to; None for a user scope. Raises `Foreign` without a scope."""
        levels = allowed_levels(token.scope, resource_type, verb)
        if "user" in levels:
            return None
        if "patient" not in levels or token.patient is None:
            raise Foreign(f"The scopes of the token do not allow this on {resource_type}.")
        return token.patient

    def _forward(self, path: str, params: list[tuple[str, str]], confined: str | None = None) -> Response:
        """Ask the FHIR server, check what came back, and publish it."""
        status, body = self._store.get(path, params)
        if confined is not None and status == 200:
            _check(body, confined)
        published = publish(body, self._store.base, self._settings.fhir_base)
        return Response(json.dumps(published), status, mimetype=FHIR_JSON, headers={"Cache-Control": "no-store"})


def _check(body: dict[str, Any], patient: str) -> None:
    """Isolation of the answer."""
    if body.get("resourceType") == "Bundle":
        check_bundle(body.get("entry", []), patient)
    else:
        check_resource(body, patient)


def fhir_blueprint(settings: EhrSettings, store: FhirStore, grants: GrantsStore) -> Blueprint:
    """The routes below `/fhir`."""
    blueprint = Blueprint("fhir", __name__)
    guard = Guard(settings, store, grants)

    @blueprint.get("/fhir/metadata")
    def metadata() -> Response:
        """What the server can do."""
        return guard.metadata()

    @blueprint.route("/fhir/<path:path>", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    def fhir(path: str) -> Response:
        """Everything else needs a token."""
        return guard.answer(path)

    return blueprint
