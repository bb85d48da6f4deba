"""`/fhir/…` for apps: bearer token, scopes, patient isolation, then the FHIR server."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, request

from ehr_simulator.authorization.discovery import security
from ehr_simulator.authorization.grants_store import AccessToken, GrantsStore
from ehr_simulator.authorization.scopes import CREATE, READ, SEARCH, UPDATE, allowed_levels
from ehr_simulator.fhir_proxy import provenance
from ehr_simulator.fhir_proxy.isolation import (
    INCLUDED_TYPE,
    Foreign,
    check_resource,
    limited_search,
    own_patient_only,
)
from ehr_simulator.fhir_proxy.links import publish
from ehr_simulator.fhir_proxy.writing import NotAResource, Writer
from ehr_simulator.fhir_store import FHIR_JSON, FhirStore, FhirStoreFault
from ehr_simulator.outcome import refusal
from ehr_simulator.settings import WRITABLE, EhrSettings

_TYPE = re.compile(r"[A-Z][A-Za-z]{1,63}")
_ID = re.compile(r"[A-Za-z0-9.\-]{1,64}")


class Guard:
    """Answers one request at a time; holds no request state."""

    def __init__(self, settings: EhrSettings, store: FhirStore, grants: GrantsStore) -> None:
        """Keep the collaborators."""
        self._settings = settings
        self._store = store
        self._grants = grants
        self._writer = Writer(settings, store)

    def answer(self, path: str) -> Response:
        """The guarded answer to the current request."""
        token = self._token()
        if token is None:
            return _unauthorized()
        try:
            return self._dispatch(path.split("/"), token)
        except Foreign as fault:
            return _forbidden(str(fault))
        except NotAResource as fault:
            return refusal(400, "invalid", str(fault))
        except FhirStoreFault as fault:
            return refusal(502, "transient", str(fault))

    def metadata(self) -> Response:
        """The CapabilityStatement, without a token."""
        try:
            status, body = self._store.get("metadata")
        except FhirStoreFault as fault:
            return refusal(502, "transient", str(fault))
        if self._settings.offers.capability_extension:
            for rest in body.get("rest", []):
                rest["security"] = security(self._settings)
        return self._published(status, body)

    def _token(self) -> AccessToken | None:
        """The token of the request, if it is valid."""
        kind, _, value = request.headers.get("Authorization", "").partition(" ")
        return self._grants.token(value.strip(), self._settings.clock()) if kind.lower() == "bearer" else None

    def _dispatch(self, parts: list[str], token: AccessToken) -> Response:
        """Read, search, create, update, or refuse."""
        if not _TYPE.fullmatch(parts[0]):
            return refusal(404, "not-supported", "This FHIR API reads and searches resources by type.")
        names_one = len(parts) == 2 and _ID.fullmatch(parts[1]) is not None
        if request.method == "GET" and names_one:
            return self._read(parts, token)
        if request.method == "GET" and len(parts) == 1:
            return self._search(parts[0], list(request.args.items(multi=True)), token)
        if request.method == "POST" and parts[1:] == ["_search"]:
            both = [*request.args.items(multi=True), *request.form.items(multi=True)]
            return self._search(parts[0], both, token)
        if parts[0] in WRITABLE and (request.method, names_one, len(parts)) in {("POST", False, 1), ("PUT", True, 2)}:
            return self._write(parts, token)
        return refusal(405, "not-supported", "This FHIR API does not do that with this type.")

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
        if confined is not None:
            params = self._limited(resource_type, params, confined)
        return self._forward(resource_type, params, confined)

    def _limited(self, resource_type: str, params: list[tuple[str, str]], patient: str) -> list[tuple[str, str]]:
        """The search, confined to the patient."""
        if resource_type == "Provenance":
            return provenance.limited_search(params, patient, self._store)
        return limited_search(resource_type, params, patient)

    def _write(self, parts: list[str], token: AccessToken) -> Response:
        """Create or update a resource of the token's patient; no user scope writes here."""
        verb = CREATE if request.method == "POST" else UPDATE
        if "patient" not in allowed_levels(token.scope, parts[0], verb) or token.patient is None:
            raise Foreign(f"The scopes of the token do not allow this on {parts[0]}.")
        body, sent = request.get_json(force=True, silent=True), dict(request.headers)
        if verb == CREATE:
            status, made, headers = self._writer.create(parts[0], body, token.patient, sent)
        else:
            status, made, headers = self._writer.update(parts[0], parts[1], body, token.patient, sent)
        return self._published(status, made, self._addresses(headers))

    def _addresses(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Location on the public base, and the version."""
        kept = {name: headers[name] for name in ("ETag", "Last-Modified") if name in headers}
        if "Location" in headers:
            kept["Location"] = headers["Location"].replace(self._store.base, self._settings.fhir_base, 1)
        return kept

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
            self._check(body, confined)
        return self._published(status, body)

    def _check(self, body: dict[str, Any], patient: str) -> None:
        """Isolation of the answer."""
        bundled = body.get("resourceType") == "Bundle"
        for resource in [entry.get("resource") or {} for entry in body.get("entry", [])] if bundled else [body]:
            if resource.get("resourceType") == "Provenance":
                provenance.check_targets(resource, patient, self._store)
            else:
                check_resource(resource, patient)

    def _published(self, status: int, body: dict[str, Any], headers: Mapping[str, str] | None = None) -> Response:
        """The answer on the public base."""
        published = publish(body, self._store.base, self._settings.fhir_base)
        content = json.dumps(published) if published else ""
        return Response(content, status, mimetype=FHIR_JSON, headers={"Cache-Control": "no-store", **(headers or {})})


def _unauthorized() -> Response:
    """No token, or one that is not (or no longer) good here (RFC 6750 section 3)."""
    answer = refusal(401, "login", "A valid bearer token is required.")
    sent = request.headers.get("Authorization", "").lower().startswith("bearer ")
    answer.headers["WWW-Authenticate"] = 'Bearer error="invalid_token"' if sent else "Bearer"
    return answer


def _forbidden(why: str) -> Response:
    """A good token that does not reach this far."""
    answer = refusal(403, "forbidden", why)
    answer.headers["WWW-Authenticate"] = 'Bearer error="insufficient_scope"'
    return answer


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
