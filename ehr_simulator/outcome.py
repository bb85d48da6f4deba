"""OperationOutcome, the FHIR way to say that something is wrong."""

from __future__ import annotations

import json

from flask import Response

FHIR_JSON = "application/fhir+json"


def refusal(status: int, code: str, text: str) -> Response:
    """An error response. `code` is of the value set issue-type; the text holds no patient data."""
    issue = {"severity": "error", "code": code, "details": {"text": text}}
    body = {"resourceType": "OperationOutcome", "issue": [issue]}
    return Response(json.dumps(body), status, mimetype=FHIR_JSON)
