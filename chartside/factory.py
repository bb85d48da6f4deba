"""Joins the rooms into one application. The only place that chooses the real things."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

from flask import Blueprint, Flask, Response, jsonify, request
from sqlalchemy import make_url
from werkzeug.exceptions import HTTPException, MethodNotAllowed

import cds_hooks.blueprint
from cds_hooks import faults
from cds_hooks.cards import CardWriter
from cds_hooks.desk import Desk, Terms
from cds_hooks.services import Services
from cds_hooks.trust import Caller, Trust
from chartside import openapi
from chartside.before_start import Checked, checked
from chartside.clients import Client
from chartside.clock import SystemClock
from chartside.house import House, derive_key
from chartside.model_pages import create_blueprint as create_model_pages
from chartside.quality_pages import quality_pages
from chartside.settings import Settings
from chartside.smart_page import smart_page
from clinical.app_context import AppContexts
from clinical.errors import LedgerUnavailable
from clinical.need import smart_scopes
from clinical.ports import Clock
from fhir_adapters.http.renewing import RenewingTransport
from fhir_adapters.http.transport import Deadline, Transport
from fhir_adapters.record import FhirRecords, Site
from fhir_adapters.resources import warm_up
from fhir_adapters.smart.session import SmartSessions
from fhir_adapters.write.sent_and_stored import warm_up_writing
from models.runtime.catalogue import AnyModel
from models.runtime.model import TreeRiskModel
from models.runtime.score_cache import RememberingModel
from models.runtime.score_manifest import Answers
from models.runtime.score_model import ScoreModel
from oversight.alerts import SqlAlerts
from oversight.audit import SqlAudit
from oversight.database import open_engine
from oversight.device_report import reported
from oversight.exports.standing import SqlStanding
from oversight.incident_events import SqlIncidentEvents
from oversight.incidents import SqlIncidents
from oversight.ledger import SqlLedger
from oversight.monitor_runs import SqlRuns
from oversight.pages.mart_source import FreshMart
from oversight.pseudonyms import Pseudonyms
from oversight.reviews.cases import SqlCases
from oversight.reviews.store import SqlReviews
from oversight.schema import upgrade
from oversight.switches import SqlSwitches
from oversight.used_tokens import SqlUsedTokens

LOG = logging.getLogger("chartside.factory")
# How long to wait for a connection to the ledger, and for its lock. A hook that cannot store its advice says so while
# the clinician still waits.
LEDGER_PATIENCE_S = 0.25
LEDGER_CONNECTIONS = 16
# A start waits longer: for its migrations, and for another process that is at them.
START_PATIENCE_S = 30.0


def open_house(
    settings: Settings, *, clock: Clock | None = None, mart_behind: Callable[[], object] = lambda: None
) -> House:
    """Open ledger, models and registry. Raises a `NotStarted` fault or `LedgerUnavailable` if any of them is wrong.

    `mart_behind` is told when the mart lacks more of the ledger than a reader of a page would wait for.
    """
    found = checked(settings)
    warm_up()
    if any(client.smart_write_back for client in found.clients.values()):
        warm_up_writing()
    _upgrade(settings.database_url)
    return _join(found, clock or SystemClock(), mart_behind)


def rehearse(settings: Settings) -> Checked:
    """A start up to where ledger and port would be opened. Raises a `NotStarted` fault."""
    found = checked(settings)
    with closing(_join(found, SystemClock(), lambda: None)) as house:
        create_app(house)
    return found


def _join(found: Checked, now: Clock, mart_behind: Callable[[], object]) -> House:
    """Join the rooms. Opens nothing: the ledger's first connection comes with the first question."""
    settings, clients, models = found.settings, found.clients, found.models
    engine = open_engine(settings.database_url, patience=LEDGER_PATIENCE_S, pool_size=LEDGER_CONNECTIONS)
    pseudonyms = Pseudonyms(derive_key(settings.secret, "pseudonyms"))
    transport = Transport()
    sessions = SmartSessions(
        transport=transport,
        clock=now,
        scopes=smart_scopes([need for model in models.values() for need in model.needs]),
        seal_key=derive_key(settings.secret, "launch"),
        registrations=found.registrations,
    )
    fhir = RenewingTransport(sessions.instead_of)
    sites = {
        c.id: Site(c.fhir_base, c.intensive_care_locations, c.fhir_hosts, c.encounter_classes) for c in clients.values()
    }
    return House(
        settings=settings,
        clients=clients,
        models={name: RememberingModel(model) for name, model in models.items()},
        scores=frozenset(name for name, model in models.items() if _gives_points(model)),
        shelf={name: model.manifest for name, model in found.known.items()},
        records=FhirRecords(sites, transport=fhir, clock=now, analytes=found.analytes, budget=settings.fhir_seconds),
        ledger=SqlLedger(engine, pseudonyms, now),
        switches=SqlSwitches(engine, now),
        audit=SqlAudit(engine),
        used_tokens=SqlUsedTokens(engine, now),
        incidents=SqlIncidents(engine, pseudonyms),
        incident_events=SqlIncidentEvents(engine),
        reported=partial(reported, engine),
        alerts=SqlAlerts(engine),
        monitor_runs=SqlRuns(engine),
        standing=SqlStanding(engine),
        mart=FreshMart(engine, mart_folder(settings), far_behind=mart_behind),
        reviews=SqlReviews(engine, pseudonyms),
        review_cases=SqlCases(engine, pseudonyms),
        what_ifs={name: model.what_if() for name, model in models.items() if isinstance(model, TreeRiskModel)},
        languages=found.languages,
        contexts=AppContexts(derive_key(settings.secret, "app context")),
        transport=transport,
        fhir=fhir,
        sessions=sessions,
        clock=now,
        close=engine.dispose,
        sign_in=found.sign_in,
    )


def mart_folder(settings: Settings) -> Path:
    """Where the figures of the quality team's pages lie: beside an embedded ledger, else below the working folder."""
    if settings.mart_folder:
        return settings.mart_folder
    url = make_url(settings.database_url)
    if url.get_backend_name() == "sqlite" and url.database:
        return Path(f"{url.database}.mart")
    return Path("var/mart")


def _gives_points(model: AnyModel) -> bool:
    """Whether a model's level is no probability."""
    return isinstance(model, ScoreModel) and model.manifest.scale.answers is Answers.SCORE


def _upgrade(database_url: str) -> None:
    """Bring the ledger's schema up; nobody waits for an answer yet. Its connections end with it: the server forks."""
    engine = open_engine(database_url, patience=START_PATIENCE_S)
    try:
        upgrade(engine)
    except LedgerUnavailable as fault:
        raise LedgerUnavailable(f"{fault.message} See CHARTSIDE_DATABASE_URL.") from None
    finally:
        engine.dispose()


def create_app(house: House) -> Flask:
    """The WSGI application."""
    app = Flask("chartside", static_folder=None)
    app.url_map.merge_slashes = False  # a path with two slashes is another path, not one to be sent to
    app.register_blueprint(_cds_hooks(house))
    app.register_blueprint(smart_page(house))
    app.register_blueprint(quality_pages(house))
    app.register_blueprint(create_model_pages(house.shelf.values()))
    app.add_url_rule("/health", "health", _health(house.ledger), methods=["GET"])
    app.add_url_rule("/openapi.json", "openapi", _openapi(house), methods=["GET"])
    app.register_error_handler(HTTPException, _unknown)
    for model in house.models.values():
        LOG.info("model", extra={"model": model.info.id, "version": model.info.version})
    return app


def _cds_hooks(house: House) -> Blueprint:
    """The EHR's door."""
    trust = Trust(
        [_caller(client) for client in house.clients.values()],
        fetch_keys=lambda url: house.transport.get_json(url, deadline=Deadline.after(1.0)),
        used=house.used_tokens.for_calls(),
        clock=house.clock,
    )
    desk = Desk(
        services=Services(house.models.values()),
        advise=house.advise,
        ledger=house.ledger,
        audit=house.audit,
        clock=house.clock,
        cards=CardWriter(house.settings.base_url, house.contexts, house.settings.time_zone, _launching(house)),
        terms={client.id: _terms(client) for client in house.clients.values()},
        retry_secret=derive_key(house.settings.secret, "retries"),
    )
    settings = house.settings
    door = cds_hooks.blueprint.Door(trust, settings.base_url, settings.max_body_bytes, settings.certificate_header)
    return cds_hooks.blueprint.create_blueprint(desk, door)


def _launching(house: House) -> frozenset[str]:
    """The clients that may launch the page."""
    return frozenset(client.id for client in house.clients.values() if client.smart_client_id)


def _caller(client: Client) -> Caller:
    """How a client proves who it is."""
    return Caller(
        id=client.id,
        authentication=client.authentication,
        issuer=client.issuer,
        keys=client.keys,
        audiences=client.audiences,
        max_lifetime_s=client.max_token_seconds,
        algorithms=client.algorithms,
        tenants=client.tenants,
        subjects=client.subjects,
        certificates=client.certificates,
        jku=client.jku,
    )


def _terms(client: Client) -> Terms:
    """How a client is served."""
    return Terms(
        origins=client.origins,
        flags=frozenset(client.flags),
        seconds=client.deadline_ms / 1000,
        empty_on_fault=client.on_error == "empty",
    )


def _health(ledger: SqlLedger) -> Callable[[], tuple[Response, int]]:
    """Whether calls can be answered: the ledger is read and written (models are loaded before the door opens)."""

    def health() -> tuple[Response, int]:
        try:
            ledger.ping()
            ledger.prove_writing()
        except LedgerUnavailable:
            return cds_hooks.blueprint.protect(jsonify(status="ledger unavailable")), 503
        return cds_hooks.blueprint.protect(jsonify(status="ok")), 200

    return health


def _openapi(house: House) -> Callable[[], Response]:
    """What the HTTP surface looks like, for machines. It says nothing about patients or clients."""
    document = openapi.document(house.settings.base_url, sorted(house.models))

    def serve() -> Response:
        return cds_hooks.blueprint.protect(jsonify(document))

    return serve


def _unknown(fault: HTTPException) -> Response:
    """Faults outside every room: an OperationOutcome for machines, a line for people."""
    if request.path.startswith("/cds-services"):
        response = faults.answer(fault)
    else:
        response = Response(f"{fault.code} {fault.name}\n", fault.code or 500, content_type="text/plain; charset=utf-8")
        if isinstance(fault, MethodNotAllowed):
            response.headers["Allow"] = ", ".join(fault.valid_methods or ())
    return cds_hooks.blueprint.protect(response)
