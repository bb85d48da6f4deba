"""Joins the rooms into one application. The only place that chooses the real things."""

from __future__ import annotations

import hmac
import logging
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from flask import Blueprint, Flask, Response, jsonify, request
from werkzeug.exceptions import HTTPException

import cds_hooks.blueprint
import oversight.pages
import smart_app.blueprint
import smart_app.ports
from cds_hooks import faults
from cds_hooks.services import Services
from cds_hooks.trust import Caller, Trust
from chartside.clients import Client, load_clients
from chartside.clock import SystemClock
from chartside.settings import Settings
from clinical.advice import Advice
from clinical.advise import advise
from clinical.errors import LedgerUnavailable, ManifestInvalid
from clinical.invocation import Invocation
from clinical.need import DataNeed, smart_scopes
from clinical.policy import Policy
from clinical.ports import Clock, RecordSource, RiskModel
from fhir_adapters.record import FhirRecords, Site
from fhir_adapters.resources import warm_up
from fhir_adapters.session import SmartSessions
from fhir_adapters.transport import Deadline, Transport
from fhir_adapters.units import Analytes, load_analytes
from models.runtime.catalogue import load_models
from models.runtime.model import TreeRiskModel
from oversight.database import open_engine
from oversight.ledger import SqlLedger
from oversight.pseudonyms import Pseudonyms
from oversight.schema import upgrade
from oversight.tallies import SqlTallies
from smart_app.ports import Banner, Ehr, Visit

LOG = logging.getLogger("chartside.factory")
# A hook that cannot store its advice says so while the clinician still waits: half for a connection, half for the lock.
LEDGER_PATIENCE_S = 1.0
LEDGER_CONNECTIONS = 16
SMART_HOOK = "smart-launch"
SMART_MODEL_HOOK = "patient-view"


@dataclass(frozen=True, slots=True)
class House:
    """Everything that runs, joined and warm. `close` gives the database connections back."""

    settings: Settings
    clients: Mapping[str, Client]
    models: Mapping[str, RiskModel]
    records: RecordSource
    ledger: SqlLedger
    tallies: SqlTallies
    transport: Transport
    clock: Clock
    close: Callable[[], None]

    def advise(self, invocation: Invocation, records: RecordSource | None = None) -> Advice:
        """The main job for one call; `records` replaces the FHIR reader where the data came through another door."""
        client = self.clients[invocation.client]
        return advise(
            invocation,
            model=self.models[invocation.service],
            records=records or self.records,
            policy=Policy(show_from=client.show_from, shadow=client.shadow),
            ledger=self.ledger,
            clock=self.clock,
        )


def open_house(settings: Settings, *, clock: Clock | None = None) -> House:
    """Open ledger, models and registry. Raises a `NotStarted` fault or `LedgerUnavailable` if any of them is wrong."""
    now = clock or SystemClock()
    clients = {client.id: client for client in load_clients(settings.clients_file)}
    models, analytes = load_models(), load_analytes()
    check_units(models, analytes)
    warm_up()
    engine = open_engine(settings.database_url, patience=LEDGER_PATIENCE_S, pool_size=LEDGER_CONNECTIONS)
    upgrade(engine)
    engine.dispose()  # the server forks after this; a connection must not be in two processes
    transport = Transport()
    sites = {c.id: Site(c.fhir_base, c.intensive_care_locations) for c in clients.values()}
    records = FhirRecords(sites, transport=transport, clock=now, analytes=analytes, budget=settings.fhir_seconds)
    ledger = SqlLedger(engine, Pseudonyms(derive_key(settings.secret, "pseudonyms")), now)
    return House(settings, clients, dict(models), records, ledger, SqlTallies(engine), transport, now, engine.dispose)


def check_units(models: Mapping[str, TreeRiskModel], analytes: Analytes) -> None:
    """Every code that a model reads must have an allow-list of units that ends in the model's unit.

    Otherwise all its values would be set aside, one by one, for ever. Raises `ManifestInvalid`.
    """
    faults = [
        f"{model.info.id}: {coding.token} is not in the table of analytes with the unit {signal.unit}"
        for model in models.values()
        for signal in model.manifest.signals.values()
        for coding in signal.codes
        if (analyte := analytes.of([coding])) is None or analyte.unit != signal.unit
    ]
    if faults:
        raise ManifestInvalid("Models and units do not fit together:\n  " + "\n  ".join(faults))


def create_app(house: House) -> Flask:
    """The WSGI application."""
    app = Flask("chartside", static_folder=None)
    app.register_blueprint(_cds_hooks(house))
    app.register_blueprint(_smart_app(house))
    app.register_blueprint(_oversight(house))
    app.add_url_rule("/health", "health", _health(house.ledger), methods=["GET"])
    app.register_error_handler(HTTPException, _unknown)
    for model in house.models.values():
        LOG.info("model", extra={"model": model.info.id, "version": model.info.version})
    return app


def derive_key(secret: bytes, purpose: str) -> bytes:
    """One key per purpose from the deployment's secret (HMAC-SHA256 as a key derivation function)."""
    return hmac.digest(secret, f"chartside {purpose}".encode(), "sha256")


def _cds_hooks(house: House) -> Blueprint:
    """The EHR's door."""
    callers = [
        Caller(c.id, c.authentication, c.issuer, c.keys, c.audiences, c.max_token_seconds)
        for c in house.clients.values()
    ]
    trust = Trust(
        callers,
        fetch_keys=lambda url: house.transport.get_json(url, deadline=Deadline.after(2.0)),
        clock=house.clock,
    )
    return cds_hooks.blueprint.create_blueprint(
        cds_hooks.blueprint.Deps(
            services=Services(house.models.values()),
            trust=trust,
            advise=house.advise,
            ledger=house.ledger,
            clock=house.clock,
            base_url=house.settings.base_url,
            origins={c.id: c.origins for c in house.clients.values()},
            zone=house.settings.time_zone,
        )
    )


def _smart_app(house: House) -> Blueprint:
    """The clinician's page."""
    needs = [need for model in house.models.values() for need in model.needs]
    ehrs = [Ehr(c.id, c.fhir_base, c.smart_client_id, c.origins) for c in house.clients.values() if c.smart_client_id]
    sessions = SmartSessions(
        transport=house.transport,
        clock=house.clock,
        scopes=smart_scopes(needs),
        seal_key=derive_key(house.settings.secret, "launch"),
    )
    return smart_app.blueprint.create_blueprint(
        smart_app.ports.Deps(
            ehrs={ehr.iss: ehr for ehr in ehrs},
            sessions=sessions,
            assess=_assess(house),
            banner=_banner(house),
            ledger=house.ledger,
            clock=house.clock,
            base_url=house.settings.base_url,
            secret=derive_key(house.settings.secret, "page"),
            zone=house.settings.time_zone,
        )
    )


def _assess(house: House) -> Callable[[Visit], Sequence[Advice]]:
    """Every model that is meant for an opened chart, through the same main job as the hook."""

    def assess(visit: Visit) -> list[Advice]:
        chosen = (model.info.id for model in house.models.values() if SMART_MODEL_HOOK in model.info.hooks)
        return [house.advise(visit_invocation(visit, service)) for service in chosen]

    return assess


def _banner(house: House) -> Callable[[Visit], Banner]:
    """Who the page is about, read with the visit's own access."""
    need = DataNeed("patient", "Patient")

    def banner(visit: Visit) -> Banner:
        record = house.records.read(visit_invocation(visit, "banner"), [need])
        return Banner(visit.patient_id, record.name, record.birth_date, record.sex, record.incomplete, record.caveats)

    return banner


def visit_invocation(visit: Visit, service: str) -> Invocation:
    """An opening of the page as a call."""
    return Invocation(
        client=visit.client,
        service=service,
        hook=SMART_HOOK,
        hook_instance=str(uuid.uuid4()),
        patient_id=visit.patient_id,
        user=visit.user,
        encounter_id=visit.encounter_id,
        access=visit.access,
    )


def _oversight(house: House) -> Blueprint:
    """The quality team's pages."""
    deps = oversight.pages.PageDeps(house.tallies, house.clock, house.settings.quality_password)
    return oversight.pages.create_blueprint(deps)


def _health(ledger: SqlLedger) -> Callable[[], tuple[Response, int]]:
    """Whether calls can be answered: the ledger is there (models are loaded before the door opens)."""

    def health() -> tuple[Response, int]:
        try:
            ledger.ping()
        except LedgerUnavailable:
            return jsonify(status="ledger unavailable"), 503
        return jsonify(status="ok"), 200

    return health


def _unknown(fault: HTTPException) -> Response:
    """Faults outside every room: an OperationOutcome for machines, a line for people."""
    if request.path.startswith("/cds-services"):
        response = faults.answer(fault)
    else:
        response = Response(f"{fault.code} {fault.name}\n", fault.code or 500, content_type="text/plain; charset=utf-8")
    return cds_hooks.blueprint.protect(response)
