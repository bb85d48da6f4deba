"""What the token endpoint demands of every request, whatever the grant."""

from __future__ import annotations

from typing import Any

from flask import Request

from ehr_simulator.authorization.library import InvalidRequestError


def malformed(request: Request) -> str:
    """Why the request cannot be read as a token request (RFC 6749 sections 2.3 and 3.2); empty if it can."""
    if request.mimetype != "application/x-www-form-urlencoded":
        return "The body must be application/x-www-form-urlencoded."
    if request.args:
        return "Parameters belong into the body."
    if any(len(request.form.getlist(name)) > 1 for name in request.form):
        return "A parameter was sent twice."
    if "Authorization" in request.headers and ("client_assertion" in request.form or "client_secret" in request.form):
        return "More than one way of authentication was used."
    return ""


def check_client_id(request: Any, client: Any) -> None:
    """SMART App Launch 2.2, "Obtain access token": client_id is for public apps; confidential ones omit it."""
    if not client.is_public and "client_id" in request.form:
        raise InvalidRequestError("client_id is for public clients only.")
