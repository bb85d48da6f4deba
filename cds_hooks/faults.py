"""The one table from errors to HTTP status and OperationOutcome. Bodies hold our words and an incident id, no more."""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass

from flask import Response, jsonify
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from cds_hooks.cards import EXTENSION
from clinical import errors

LOG = logging.getLogger("chartside.cds_hooks")

# Error → HTTP status, FHIR issue type (http://hl7.org/fhir/R4/valueset-issue-type.html). First match wins.
TABLE: tuple[tuple[type[errors.ChartsideError], int, str], ...] = (
    (errors.NotAuthenticated, 401, "login"),
    (errors.NotAllowed, 403, "forbidden"),
    (errors.UnknownService, 404, "not-found"),
    (errors.BodyTooLarge, 413, "too-long"),
    (errors.UnsupportedMediaType, 415, "not-supported"),
    (errors.Unprocessable, 422, "processing"),
    (errors.RequestRefused, 400, "invalid"),
    (errors.DataUnavailable, 412, "required"),
    (errors.LedgerUnavailable, 503, "transient"),
    (errors.ChartsideError, 500, "exception"),
)


@dataclass(frozen=True, slots=True)
class Failure:
    """A fault, ready to be told: `text` to the caller, `fault` and `where` to the log and the audit.

    `allow` are the methods that a route takes, where another was used (RFC 9110 section 15.5.6).
    """

    status: int
    code: str
    text: str
    incident: str
    fault: str
    where: str
    allow: str = ""


def answer(fault: Exception) -> Response:
    """The answer for whatever went wrong."""
    return render(describe(fault))


def describe(fault: Exception) -> Failure:
    """What went wrong, under a new incident id. It is logged here."""
    status, code, text = _classify(fault)
    allow = ", ".join(fault.valid_methods or ()) if isinstance(fault, MethodNotAllowed) else ""
    failure = Failure(status, code, text, secrets.token_hex(6), type(fault).__name__, errors.origin(fault), allow)
    told = f"{failure.fault}: {fault.message}" if isinstance(fault, errors.LedgerUnavailable) else failure.fault
    note = {"fault": told, "where": failure.where, "status": status, "incident": failure.incident}
    LOG.log(logging.ERROR if status >= 500 else logging.WARNING, "fault", extra=note)
    return failure


def render(failure: Failure) -> Response:
    """The HTTP answer. All 401 are the same to the byte, so that nobody learns which rule they broke."""
    incident = failure.incident if failure.status != 401 else None
    response = jsonify(operation_outcome(failure.code, failure.text, incident))
    response.status_code = failure.status
    if failure.allow:
        response.headers["Allow"] = failure.allow
    if failure.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if failure.status == 503:
        response.headers["Retry-After"] = "5"
    return response


def empty(failure: Failure) -> Response:
    """An empty list for a client that asked for one on faults. It says that nothing was assessed."""
    found = {"status": "fault", "shown": False, "incident": failure.incident, "text": failure.text}
    return jsonify({"cards": [], "extension": {EXTENSION: found}})


def operation_outcome(code: str, text: str, incident: str | None) -> dict[str, object]:
    """A FHIR R4 OperationOutcome with one issue."""
    issue: dict[str, object] = {"severity": "error", "code": code, "details": {"text": text}}
    if incident is not None:
        issue["diagnostics"] = f"incident {incident}"
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def _classify(fault: Exception) -> tuple[int, str, str]:
    """Status, issue type and words. Who failed to authenticate learns nothing more than that."""
    if isinstance(fault, errors.NotAuthenticated):
        return 401, "login", "Authentication is required."
    if isinstance(fault, errors.ChartsideError):
        status, code = next((status, code) for kind, status, code in TABLE if isinstance(fault, kind))
        return status, code, fault.message
    if isinstance(fault, HTTPException) and fault.code is not None and 400 <= fault.code < 500:
        return fault.code, "not-found" if fault.code == 404 else "invalid", fault.name
    return 500, "exception", "The service failed. No advice was given; use your own judgement."
