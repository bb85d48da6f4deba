"""The application with a made-up history whose seed and last day are fixed, for pictures: the same at each run."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from sqlalchemy import Engine
from werkzeug.serving import WSGIRequestHandler, make_server

from chartside.factory import create_app, mart_folder, open_house
from chartside.history.plan import SERVICES, Plan
from chartside.history.seed import Wishes, seed
from chartside.history.team import Team
from chartside.house import derive_key
from chartside.settings import Settings
from models.runtime.catalogue import MODELS_FOLDER, read_manifests
from models.runtime.manifest_monitoring import monitoring_of
from oversight.analytics.judged import judged
from oversight.database import open_engine
from oversight.mart.build import bring_up
from oversight.mart.mart import Mart
from oversight.monitors.run import run_all
from oversight.monitors.store import store
from oversight.monitors.thresholds import USUAL, Thresholds
from oversight.pseudonyms import Pseudonyms
from oversight.schema import upgrade

LAST_DAY = date(2026, 5, 31)
NOW = datetime(2026, 6, 1, 8, 0, tzinfo=UTC)
WEEKS, STAYS = 12, 12_000  # as in the demo
SECRET = b"pictures of a made-up hospital: " * 2
PASSWORD = "for pictures only"
REGISTRY = """
[clients.demo-ehr]
name = "Made-up hospital"
authentication = "loopback"
fhir_base = "http://127.0.0.1:9/fhir"
origins = ["http://127.0.0.1:9"]

[clients.demo-ehr.services.sepsis-6h-physiology]
shadow = true
"""


class At:
    """A clock that stands still."""

    def now(self) -> datetime:
        """The time."""
        return NOW


class Quiet(WSGIRequestHandler):
    """Says nothing of each request."""

    def log(self, type: str, message: str, *args: object) -> None:
        """Nothing."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A running service."""

    url: str


@contextmanager
def running_stage(folder: Path) -> Iterator[Stage]:
    """Seed (unless the folder was seeded before), look at each week, do what a quality team does, and serve."""
    (folder / "clients.toml").write_text(REGISTRY, encoding="utf-8")
    with closing(_Server.bound()) as server:
        url = f"http://127.0.0.1:{server.port}"
        settings = Settings(
            base_url=url,
            database_url=f"sqlite:///{folder / 'ledger.db'}",
            clients_file=folder / "clients.toml",
            secret=SECRET,
            quality_password=PASSWORD,
        )
        if not (folder / "ledger.db").exists():
            _fill(settings)
        with closing(open_house(settings, clock=At())) as house:
            server.serve(create_app(house))
            yield Stage(url)


@dataclass(slots=True)
class _Server:
    """A port that is bound before there is anything to serve: the settings name it."""

    server: object
    port: int

    @classmethod
    def bound(cls) -> _Server:
        """On a port that is free."""
        server = make_server("127.0.0.1", 0, lambda *_: [], threaded=True, request_handler=Quiet)
        return cls(server, server.server_port)

    def serve(self, app: object) -> None:
        """From now on, in a thread."""
        self.server.app = app  # type: ignore[attr-defined]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()  # type: ignore[attr-defined]

    def close(self) -> None:
        """Stop, if it runs."""
        if self.server.app.__class__.__name__ == "Flask":  # type: ignore[attr-defined]
            self.server.shutdown()  # type: ignore[attr-defined]
        self.server.server_close()  # type: ignore[attr-defined]


def _fill(settings: Settings) -> None:
    """The history, the monitors of each Monday, and some of what people do about them."""
    engine = open_engine(settings.database_url)
    try:
        upgrade(engine)
        shelf = read_manifests()
        pseudonyms = Pseudonyms(derive_key(settings.secret, "pseudonyms"))
        wishes = Wishes(LAST_DAY, plan=Plan(stays=STAYS))
        seed(engine, pseudonyms, {name: shelf[name].info for name in SERVICES}, wishes)
        bring_up(engine, mart_folder(settings))
        _monitor(engine, mart_folder(settings))
        with Mart(mart_folder(settings)).open() as mart:
            Team(engine, pseudonyms, mart, NOW).work()
    finally:
        engine.dispose()


def _monitor(engine: Engine, folder: Path) -> None:
    """Every Monday morning, the week before."""
    with Mart(folder).open() as mart:
        for before in reversed(range(WEEKS)):
            week = LAST_DAY - timedelta(weeks=before)
            runs = run_all(mart, week, _thresholds, judged)
            assert not any(run.at_fault for run in runs)
            store(engine, runs, datetime.combine(week + timedelta(days=1), time(5, 10), UTC))


def _thresholds(service: str) -> Thresholds:
    """As the model's manifest has them."""
    manifest = read_manifests()[service]
    return USUAL.changed(monitoring_of(MODELS_FOLDER / manifest.folder.name / "model.toml"))
