"""How soon the page follows the record: its first byte after the EHR's last answer, in milliseconds: `make bench-page`.

The shipped service with every model that a chart can be opened with, and the stand-in EHR, whose FHIR server takes its
time for each answer. Before each load a value in the chart changes, so nothing is remembered. A browser that is told to
wait looks again when it is told to. A goal that is missed makes the exit code 1.
"""

from __future__ import annotations

import http.client
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import requests
from flask import Response, request

from bench.goals import Goal
from bench.processes import running
from bench.side_by_side import ROOT, free_port
from ehr_simulator.authorization.extras import Extras
from ehr_simulator.demo.deployment import Ports, chartside_environment, write_files
from ehr_simulator.ehr_server import running_ehr
from ehr_simulator.fhir_server import start_fhir_server
from ehr_simulator.loader import Report, load_bundle
from ehr_simulator.patients import generate
from ehr_simulator.settings import EhrSettings
from models.runtime.catalogue import read_manifests

CLIENT = "demo-ehr"
HOOK = "patient-view"
# Zzunits Ember has the largest page of the invented patients.
PATIENT = "sim-05"
# Its heart rate.
CHANGES = "8867-4"
GOAL_MS = 300.0
MOST_TURNS = 60


@dataclass
class Hospital:
    """An EHR and the shipped service. `delay_s` is how long each FHIR answer takes; `answered` when each was sent."""

    chartside: str
    settings: EhrSettings
    desk: Any
    delay_s: float = 0.0
    answered: list[float] = field(default_factory=list)

    def launch(self, patient: str) -> str:
        """The address that the EHR opens from a patient's chart."""
        made = self.desk.grants.create_launch(
            patient, f"{patient}-stay", None, now=self.settings.clock(), seconds=300,
            extras=Extras(need_patient_banner=True),
        )  # fmt: skip
        return f"{self.chartside}/smart/launch?iss={self.settings.fhir_base}&launch={made.id}"

    def hold(self) -> None:
        """Before an answer of the EHR."""
        if request.path.startswith("/fhir/"):
            time.sleep(self.delay_s)

    def note(self, response: Response) -> Response:
        """After one: when its last byte was sent."""
        if request.path.startswith("/fhir/"):
            response.call_on_close(lambda: self.answered.append(time.perf_counter()))
        return response


def every_service() -> tuple[str, ...]:
    """All that a site can have on the page of an opened chart."""
    found = read_manifests().items()
    return tuple(name for name, one in found if HOOK in one.info.hooks and not getattr(one, "draft", ""))


@contextmanager
def hospital(folder: Path, services: Iterable[str], bundles: Iterable[dict[str, Any]]) -> Iterator[Hospital]:
    """Both, on ports of this machine, with patients. `services` are asked for by name beside those always offered."""
    ports = Ports(free_port(), free_port(), free_port())
    settings = ports.settings()
    write_files(folder, settings, strict=True)
    registry = folder / "clients.toml"
    tables = [f"[clients.{CLIENT}.services.{name}]" for name in services]
    said = registry.read_text(encoding="utf-8")
    with registry.open("a", encoding="utf-8") as file:
        file.writelines(f"\n{table}\n" for table in tables if table not in said)
    with ExitStack() as stack:
        stack.callback(start_fhir_server(ports.fhir, folder / "fhir").stop)
        for bundle in bundles:
            load_bundle(bundle, settings.fhir_server, Report())
        app = stack.enter_context(running_ehr(settings))
        made = Hospital(settings.chartside, settings, app.extensions["ehr_desk"])
        app.before_request_funcs.setdefault(None, []).append(made.hold)
        app.after_request_funcs.setdefault(None, []).append(made.note)
        command, log = [sys.executable, "-m", "chartside", "serve"], folder / "chartside.log"
        environment = chartside_environment(folder, ports)
        stack.enter_context(running(command, environment, root=ROOT, log=log, port=ports.chartside, ready="/health"))
        yield made


@dataclass
class Chart:
    """A patient of the hospital, one of whose values changes."""

    fhir_server: str
    bundles: Mapping[str, dict[str, Any]]
    turns: Iterator[int] = field(default_factory=count)

    def change(self) -> None:
        """Another value than ever before. Raises `requests.HTTPError` where it is not stored."""
        entries = (entry["resource"] for entry in self.bundles[PATIENT]["entry"])
        fact = next(one for one in entries if CHANGES in (code["code"] for code in _codings(one)))
        fact["valueQuantity"]["value"] = 80 + next(self.turns) / 10
        requests.put(f"{self.fhir_server}/Observation/{fact['id']}", json=fact, timeout=30).raise_for_status()


def _codings(resource: Mapping[str, Any]) -> list[dict[str, str]]:
    """How an Observation is coded; nothing for others."""
    codings: list[dict[str, str]] = resource["code"]["coding"] if resource["resourceType"] == "Observation" else []
    return codings


@dataclass
class Browser:
    """As much of a browser as a launch needs: cookies, redirects, and looking again after a while."""

    cookies: dict[str, str] = field(default_factory=dict)

    def get(self, url: str) -> tuple[http.client.HTTPResponse, float]:
        """An answer, its body read, and the moment of its first bytes."""
        parts = urlsplit(url)
        sent = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} if self.cookies else {}
        connection = http.client.HTTPConnection(parts.netloc, timeout=60)
        try:
            connection.request("GET", f"{parts.path}?{parts.query}", headers=sent)
            answer = connection.getresponse()
            first = time.perf_counter()
            answer.read()
        finally:
            connection.close()
        for one in answer.headers.get_all("Set-Cookie") or ():
            name, _, value = one.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer, first

    def open(self, place: Hospital) -> tuple[float, int]:
        """Milliseconds from the last answer of the EHR to the page, and how often it was told to wait."""
        url, waits = place.launch(PATIENT), 0
        for _ in range(MOST_TURNS):
            answer, first = self.get(url)
            if answer.status == http.client.OK:
                return (first - max(moment for moment in place.answered if moment < first)) * 1000, waits
            if answer.status == http.client.SERVICE_UNAVAILABLE and "Refresh" in answer.headers:
                seconds, _, path = answer.headers["Refresh"].partition("; url=")
                time.sleep(float(seconds))
                url, waits = place.chartside + path, waits + 1
            elif 300 <= answer.status < 400:
                to = answer.headers["Location"]
                url = to if to.startswith("http") else place.chartside + to
            else:
                break
        raise click.ClickException(f"The page was not opened ({answer.status}); there is no figure.")


def measure(place: Hospital, chart: Chart, loads: int, delay_ms: int, tell: Callable[[str], None]) -> bool:
    """Open the chart so many times, say how soon the pages came, and whether the goal was met."""
    place.delay_s, spans, waited = delay_ms / 1000, [], 0
    for _ in range(loads):
        chart.change()
        span, waits = Browser().open(place)
        spans.append(span)
        waited += waits > 0
    tell(f"\nEach FHIR answer takes {delay_ms} ms more; {loads} pages, {waited} of them told to wait")
    median, worst = (Goal(f"  first byte after the record, {what}", GOAL_MS, "ms", 0) for what in ("median", "worst"))
    tell(median.line(statistics.median(spans)))
    tell(worst.line(max(spans)))
    return worst.met(max(spans))


@click.command(help=__doc__)
@click.option("--loads", default=20, show_default=True, type=click.IntRange(1, 200), help="Page loads of each kind.")
@click.option("--delays", default="10,1000", show_default=True, help="What each FHIR answer takes more, in ms.")
@click.option("--as-shipped", is_flag=True, help="Only the models that are offered without being asked for.")
def main(loads: int, delays: str, as_shipped: bool) -> None:
    """Measure, print, and end with 1 where a goal is missed."""
    services = () if as_shipped else every_service()
    bundles = generate(datetime.now(UTC))
    (ROOT / "var").mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory(dir=ROOT / "var", prefix="bench-") as folder,
        hospital(Path(folder), services, [bundles["00-hospital"], bundles[PATIENT]]) as place,
    ):
        chart = Chart(place.settings.fhir_server, bundles)
        Browser().open(place)  # what only the first call of a process costs
        met = [measure(place, chart, loads, int(delay), click.echo) for delay in delays.split(",")]
    if not all(met):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
