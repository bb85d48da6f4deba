"""The EHR's door: `/cds-services`. Order of work: who calls, limits, parse, shape, advise, check, answer."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from flask import Blueprint, Response, g, jsonify, request

from cds_hooks import body, faults
from cds_hooks.desk import Desk, Terms
from cds_hooks.trust import Presented, Trust

_FORWARDING = ("Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via")


@dataclass(frozen=True, slots=True)
class Door:
    """Who may come in, and with how much. `certificate_header` is set by a trusted proxy, empty where there is none."""

    trust: Trust
    base_url: str
    max_bytes: int = 1_000_000
    certificate_header: str = ""

    def caller(self) -> str:
        """Who calls. The URL that a token must be meant for is the public one, whatever the Host header says."""
        header = self.certificate_header
        presented = Presented(
            authorization=request.headers.get("Authorization"),
            url=self.base_url + request.path,
            peer=request.remote_addr or "",
            forwarded=any(name in request.headers for name in _FORWARDING),
            certificate=request.headers.get(header) if header else None,
        )
        g.client = self.trust.identify(presented)
        return str(g.client)

    def object_sent(self) -> tuple[Mapping[str, object], bytes]:
        """The body, as it was meant and as it came."""
        raw = body.read_bytes(request, self.max_bytes)
        return body.read_object(raw, self.max_bytes), raw


def create_blueprint(desk: Desk, door: Door) -> Blueprint:
    """Make the blueprint."""
    routes = Blueprint("cds_hooks", __name__, url_prefix="/cds-services")

    @routes.get("")
    def discover() -> Response:
        return jsonify(desk.discovery(door.caller()))

    @routes.post("/<service_id>")
    def call(service_id: str) -> Response:
        started = time.monotonic()
        client = door.caller()
        try:
            desk.services.require_id(service_id)
            sent, raw = door.object_sent()
            return jsonify(desk.answer(client, service_id, sent, raw, started))
        except Exception as fault:
            return desk.call_failed(fault, client, service_id)

    @routes.post("/<service_id>/feedback")
    def take_feedback(service_id: str) -> Response:
        client = door.caller()
        try:
            desk.services.require_id(service_id)
            return jsonify(desk.take_feedback(client, service_id, door.object_sent()[0]))
        except Exception as fault:
            return desk.feedback_failed(fault, client, service_id)

    @routes.errorhandler(Exception)
    def failed(fault: Exception) -> Response:
        return faults.answer(fault)

    @routes.after_request
    def headers(response: Response) -> Response:
        return _headers(response, desk.terms)

    return routes


def protect(response: Response) -> Response:
    """Keep an answer out of caches, frames and referrers, and its type from being guessed."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Content-Security-Policy"] = "default-src 'none'; frame-ancestors 'none'"
    return response


def _headers(response: Response, terms: Mapping[str, Terms]) -> Response:
    """Security headers, and CORS (never with credentials).

    A browser may read the answer only from an origin of the client that called. Where nobody is known yet (a preflight,
    a refusal), an origin of any client may learn that much.
    """
    protect(response)
    response.headers.add("Vary", "Origin")
    known = g.get("client")
    allowed = terms[known].origins if known is not None else {o for each in terms.values() for o in each.origins}
    origin = request.headers.get("Origin")
    if origin is not None and origin in allowed:
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"
        response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
        response.headers["Access-Control-Max-Age"] = "600"
    return response
