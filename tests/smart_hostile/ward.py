"""A ward: the whole application, two strict EHRs on one FHIR server, and everything that was said meanwhile."""

from __future__ import annotations

import logging
import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Flask, Response, request
from open_ports import free_ports
from werkzeug.serving import make_server

from chartside.factory import House, create_app, open_house
from chartside.settings import Settings
from ehr_simulator.authorization.extras import Extras
from ehr_simulator.ehr_server import SilentHandler, running_ehr
from ehr_simulator.fhir_server import start_fhir_server
from ehr_simulator.loader import Report, load_bundle
from ehr_simulator.patients import INTENSIVE_CARE_UNITS, generate
from ehr_simulator.settings import EhrSettings, OAuthClient
from ehr_simulator.whole_answers import whole
from fhir_adapters.http.transport import Limits

# Zzworsen Basalt, very ill, and Zzsparse Dune.
PATIENT, OTHER_PATIENT = "sim-02", "sim-04"
NAMES = {PATIENT: "Basalt", OTHER_PATIENT: "Dune"}
TOKEN_SECONDS = 300
# Of the two EHRs, the one whose registry entry lets risks be written back.
WRITES = "clinic"
STEP_S = 10.0
OPEN_PAGE = "/page-without-a-policy"
# Only what differs between the two EHRs stands in the table of each.
REGISTRY = """
[clients.{name}]
name = "{name}"
authentication = "jwt"
issuer = "{ehr}"
jwks_url = "{ehr}/.well-known/jwks.json"
fhir_base = "{ehr}/fhir"
origins = ["{ehr}"]
show_from = 0.0
deadline_ms = 4000
smart_client_id = "app-at-{name}"
smart_refresh = "online"
intensive_care_locations = {places}
"""


class Clock:
    """The time, moved by `ahead`; the EHRs and the application share it."""

    ahead = timedelta()

    def now(self) -> datetime:
        """For the application."""
        return datetime.now(UTC) + self.ahead

    __call__ = now


class Said(logging.Handler):
    """Every log line of this process, whatever its level, in full."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the message, its members and its traceback."""
        extra = {key: value for key, value in vars(record).items() if key not in ("msg", "args")}
        self.lines.append(f"{record.getMessage()} {extra}")


@contextmanager
def listening(said: Said) -> Iterator[None]:
    """Keep what is logged during a test, at the lowest level."""
    root = logging.getLogger()
    before = {logger: logger.level for logger in (root, logging.getLogger("chartside"))}
    said.lines.clear()
    root.addHandler(said)
    for logger in before:
        logger.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        root.removeHandler(said)
        for logger, level in before.items():
            logger.setLevel(level)


@dataclass
class OneEhr:
    """An EHR of the ward."""

    name: str
    settings: EhrSettings
    app: Flask
    tokens_asked: list[dict[str, str]] = field(default_factory=list)
    bearers: Counter[str] = field(default_factory=Counter)

    def watch(self) -> None:
        """Note every token request and every token that is shown. One page of it may frame anybody."""

        def note() -> Response | None:
            if request.path == "/oauth/token":
                self.tokens_asked.append(request.form.to_dict())
            if request.path.startswith("/fhir/") and "Authorization" in request.headers:
                self.bearers[request.headers["Authorization"]] += 1
            frames_all = {"Content-Security-Policy": "default-src * 'unsafe-inline'"}
            return Response("<body>", headers=frames_all) if request.path == OPEN_PAGE else None

        self.app.before_request_funcs.setdefault(None, []).append(note)

    @property
    def fhir(self) -> str:
        """Its FHIR base."""
        return self.settings.fhir_base

    @property
    def grants(self) -> Any:
        """What it has handed out."""
        return self.app.extensions["ehr_desk"].grants

    @property
    def renewals(self) -> int:
        """How often it was asked to renew."""
        return sum(asked.get("grant_type") == "refresh_token" for asked in self.tokens_asked)

    def secrets(self) -> set[str]:
        """Every access token, refresh token and used code that there was."""
        kept = (self.grants._tokens, self.grants._refresh, self.grants._spent)
        return {value for one in kept for value in one._items}

    def refuse(self) -> None:
        """Let every access token that was given end at once, for the EHR only."""
        self.grants._tokens.drop(lambda token: True)

    def launch(self, patient: str = PATIENT, **extras: Any) -> str:
        """A launch id, as the chart makes one; the page has to show who it is about."""
        made = self.grants.create_launch(
            patient, f"{patient}-stay", None, now=self.settings.clock(), seconds=300,
            extras=Extras(**{"need_patient_banner": True, **extras}),
        )  # fmt: skip
        return str(made.id)


@dataclass
class Ward:
    """Everything together. `url` is where the application is served."""

    url: str
    house: House
    app: Flask
    clock: Clock
    ehr: OneEhr
    other: OneEhr
    said: Said

    def fresh(self) -> None:
        """As at the beginning."""
        self.clock.ahead = timedelta()
        never_open(self.house)
        for ehr in (self.ehr, self.other):
            ehr.settings.mischief.disarm()
            ehr.tokens_asked.clear()
            ehr.bearers.clear()

    def visits(self) -> list[Any]:
        """What the page keeps of completed launches, oldest first."""
        page = getattr(self.app.view_functions["smart_app.page"], "__self__")  # noqa: B009  a bound method's object
        return [launch.visit for _, launch in page._opening.stores.launches._kept.values()]

    def leaks(self, *texts: str) -> list[str]:
        """Where a secret stands: in these texts, or in a log line."""
        secrets = self.ehr.secrets() | self.other.secrets()
        return [text[:300] for text in (*texts, *self.said.lines) if any(map(text.__contains__, secrets)) or jwt(text)]


def never_open(house: House) -> None:
    """No breaker opens: a server that failed in one test, or seemed to, is asked again in the next."""
    for breaker in house.records._servers._breakers.values():
        breaker._limit = 10**9


def jwt(text: str) -> bool:
    """Whether a signed token, such as an id_token, stands in a text."""
    return re.search(r"eyJ[\w-]{10,}\.[\w-]{10,}\.", text) is not None


def _settings(host: str, port: int, name: str, fhir: str, chartside: str, clock: Clock) -> EhrSettings:
    """An EHR with our application as a public app."""
    client = OAuthClient(f"app-at-{name}", (f"{chartside}/smart/callback",), token_lifetime=TOKEN_SECONDS)
    return EhrSettings(f"http://{host}:{port}", fhir, chartside, (client,), clock=clock)


def _load(fhir: str) -> None:
    """Two patients and their house."""
    bundles, report = generate(datetime.now(UTC)), Report()
    for name in ("00-hospital", PATIENT, OTHER_PATIENT):
        load_bundle(bundles[name], fhir, report, name=name)
    assert not report.set_aside


@contextmanager
def running_ward(folder: Path) -> Iterator[Ward]:
    """Start all of it; the EHRs live on localhost and the application on 127.0.0.1, which is another site."""
    fhir_port, one, two, port = free_ports(4)
    fhir, url, clock = f"http://127.0.0.1:{fhir_port}/fhir", f"http://127.0.0.1:{port}", Clock()
    settings = [_settings("localhost", at, name, fhir, url, clock) for at, name in ((one, "ward"), (two, "clinic"))]
    (folder / "clients.toml").write_text(
        "".join(
            REGISTRY.format(name=name, ehr=ehr.base_url, places=list(INTENSIVE_CARE_UNITS))
            + ("smart_write_back = true\n" if name == WRITES else "")
            for name, ehr in zip(("ward", "clinic"), settings, strict=True)
        )
    )
    with ExitStack() as stack:
        stack.callback(start_fhir_server(fhir_port, folder / "fhir").stop)
        _load(fhir)
        ehrs = [
            OneEhr(name, ehr, stack.enter_context(running_ehr(ehr)))
            for name, ehr in zip(("ward", "clinic"), settings, strict=True)
        ]
        for ehr in ehrs:
            ehr.watch()
        house = stack.enter_context(opened(folder, url, clock, "icu-mortality"))
        app = create_app(house)
        stack.enter_context(served(app, port))
        yield Ward(url, house, app, clock, ehrs[0], ehrs[1], Said())


@contextmanager
def opened(folder: Path, url: str, clock: Clock, *services: str, fhir_seconds: float = 30.0) -> Iterator[House]:
    """The house of a folder, with some of its services or all."""
    settings = Settings(
        base_url=url,
        database_url=f"sqlite:///{folder}/ledger.db",
        clients_file=folder / "clients.toml",
        secret=b"s" * 64,
        fhir_seconds=fhir_seconds,
    )
    with closing(open_house(settings, clock=clock)) as house:
        # A machine may stand still for a moment; only tests of slow servers are in a hurry.
        house.fhir._limits = Limits(STEP_S, STEP_S)
        chosen = {name: model for name, model in house.models.items() if not services or name in services}
        yield replace(house, models=chosen)
        house.transport._http.close()
        house.fhir._http.close()


@contextmanager
def served(app: Flask, port: int) -> Iterator[None]:
    """An app on a port of 127.0.0.1."""
    server = make_server("127.0.0.1", port, whole(app), threaded=True, request_handler=SilentHandler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield
    server.shutdown()
    thread.join(5)
    server.server_close()
