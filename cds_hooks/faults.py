"""The one table from errors to HTTP status and OperationOutcome. Bodies hold our words and an incident id, no more."""

from __future__ import annotations

import logging
import secrets

from flask import Response, jsonify
from werkzeug.exceptions import HTTPException

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


def answer(fault: Exception) -> Response:
    """The answer for whatever went wrong."""
    status, code, text = _describe(fault)
    incident = secrets.token_hex(6)
    note = {"fault": type(fault).__name__, "where": errors.origin(fault), "status": status, "incident": incident}
    LOG.log(logging.ERROR if status >= 500 else logging.WARNING, "fault", extra=note)
    response = jsonify(operation_outcome(code, text, incident))
    response.status_code = status
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if status == 503:
        response.headers["Retry-After"] = "5"
    return response


def operation_outcome(code: str, text: str, incident: str) -> dict[str, object]:
    """A FHIR R4 OperationOutcome with one issue."""
    issue = {"severity": "error", "code": code, "details": {"text": text}, "diagnostics": f"incident {incident}"}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def _describe(fault: Exception) -> tuple[int, str, str]:
    """Status, issue type and words. Who failed to authenticate learns nothing more than that."""
    if isinstance(fault, errors.NotAuthenticated):
        return 401, "login", "Authentication is required."
    if isinstance(fault, errors.ChartsideError):
        status, code = next((status, code) for kind, status, code in TABLE if isinstance(fault, kind))
        return status, code, fault.message
    if isinstance(fault, HTTPException) and fault.code is not None and 400 <= fault.code < 500:
        return fault.code, "not-found" if fault.code == 404 else "invalid", fault.name
    return 500, "exception", "The service failed. No advice was given; use your own judgement."
