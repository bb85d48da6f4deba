"""The EHR's door: `/cds-services`. Order of work: who calls, limits, parse, shape, advise, check, answer."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo

from flask import Blueprint, Response, jsonify, request

from cds_hooks import body, envelope, faults, feedback, linter
from cds_hooks.cards import CardWriter, outcome
from cds_hooks.services import Services
from cds_hooks.trust import Presented, Trust
from clinical.advice import Advice
from clinical.invocation import Invocation
from clinical.ports import Clock, Ledger

LOG = logging.getLogger("chartside.cds_hooks")
_FORWARDING = ("Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via")


@dataclass(frozen=True, slots=True)
class Deps:
    """What the factory hands over. `advise` is the main job, bound to its collaborators; `origins` are for CORS."""

    services: Services
    trust: Trust
    advise: Callable[[Invocation], Advice]
    ledger: Ledger
    clock: Clock
    base_url: str
    origins: Mapping[str, tuple[str, ...]]
    zone: tzinfo = UTC


def create_blueprint(deps: Deps) -> Blueprint:
    """Make the blueprint."""
    routes = Blueprint("cds_hooks", __name__, url_prefix="/cds-services")
    cards = CardWriter(deps.base_url, deps.zone)

    def caller() -> str:
        """Who calls. The URL that a token must be meant for is the public one, whatever the Host header says."""
        presented = Presented(
            authorization=request.headers.get("Authorization"),
            url=deps.base_url + request.path,
            peer=request.remote_addr or "",
            forwarded=any(name in request.headers for name in _FORWARDING),
        )
        return deps.trust.identify(presented)

    @routes.get("")
    def discover() -> Response:
        caller()
        return jsonify(deps.services.discovery())

    @routes.post("/<service_id>")
    def call(service_id: str) -> Response:
        started = time.monotonic()
        client = caller()
        deps.services.require_id(service_id)
        sent = body.read_object(request)
        service = deps.services.find(service_id, sent.get("hook"))
        advice = deps.advise(envelope.read_invocation(sent, service, client))
        response = cards.response(advice)
        linter.check(response)
        _log(advice, started)
        return jsonify(response)

    @routes.post("/<service_id>/feedback")
    def take_feedback(service_id: str) -> Response:
        client = caller()
        deps.services.require_id(service_id)
        sent = body.read_object(request)
        batch = feedback.read_batch(sent, client=client, service=service_id, now=deps.clock.now())
        receipt = deps.ledger.record(batch)
        counts = {"stored": receipt.stored, "repeated": receipt.repeated, "quarantined": receipt.quarantined}
        LOG.info("feedback", extra={"client": client, "service": service_id, **counts})
        return jsonify(counts)

    @routes.errorhandler(Exception)
    def failed(fault: Exception) -> Response:
        return faults.answer(fault)

    @routes.after_request
    def headers(response: Response) -> Response:
        return _headers(response, deps.origins)

    return routes


def _log(advice: Advice, started: float) -> None:
    """One line per call: ids of ours and outcomes, nothing about the patient."""
    found = outcome(advice)
    LOG.info(
        "advice",
        extra={
            "client": advice.client,
            "service": advice.service,
            "hook": advice.hook,
            "advice": advice.id,
            "outcome": found["status"],
            "withheld": found.get("withheld", ""),
            "ms": round((time.monotonic() - started) * 1000),
        },
    )


def protect(response: Response) -> Response:
    """Keep an answer out of caches, frames and referrers, and its type from being guessed."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Content-Security-Policy"] = "default-src 'none'; frame-ancestors 'none'"
    return response


def _headers(response: Response, origins: Mapping[str, tuple[str, ...]]) -> Response:
    """Security headers, and CORS for the origins of the registry (never with credentials)."""
    protect(response)
    response.headers.add("Vary", "Origin")
    origin = request.headers.get("Origin")
    if origin is not None and any(origin in allowed for allowed in origins.values()):
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"
        response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
        response.headers["Access-Control-Max-Age"] = "600"
    return response
