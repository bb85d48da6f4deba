"""The demo from start to end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ehr_simulator.demo import examiner
from ehr_simulator.demo.browser import RoadBlocked
from ehr_simulator.demo.deployment import Ports, fresh_folder
from ehr_simulator.demo.house import House, check_ports, running_hospital, running_house
from ehr_simulator.demo.quality_team import addresses, totals
from ehr_simulator.demo.road import walk
from ehr_simulator.demo.tour import take_tour
from ehr_simulator.loader import Report, Shift, load_bundle, load_folder
from ehr_simulator.patients import generate

Tell = Callable[[str], None]

NAMED_SET_ASIDE = 5


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the command line asked for. Without `patients`, the invented ones are used."""

    var: Path
    ports: Ports
    patients: Path | None = None
    pattern: str = "*.json"
    shift_now: bool = False
    at_hour: float | None = None
    strict: bool = False
    history: bool = True


def run_demo(wishes: Wishes, tell: Tell, *, check: bool) -> bool:
    """Start, load, tour, walk; then stop (`check`) or serve until interrupted. True where every step worked."""
    check_ports(wishes.ports)
    folder = fresh_folder(wishes.var)
    with running_house(folder, wishes.ports, tell, strict=wishes.strict, history=wishes.history) as house:
        load(wishes, house.settings.fhir_server, tell)
        worked = _show(house, tell, examine=check)
        if not check:
            _say_where(house, tell)
            _serve()
    return worked


def run_serve(wishes: Wishes, chartside: str, tell: Tell) -> None:
    """The hospital alone, beside a Chartside that runs already; until interrupted."""
    check_ports(wishes.ports, with_chartside=False)
    folder = fresh_folder(wishes.var)
    settings = wishes.ports.settings(chartside)
    with running_hospital(folder, wishes.ports, settings, tell):
        load(wishes, settings.fhir_server, tell)
        tell(f"\nThe EHR is at {settings.base_url}/ and calls Chartside at {chartside}.")
        tell(f"Its FHIR base is {settings.fhir_base}, its hook keys are at {settings.hook_keys_url}. Stop with Ctrl-C.")
        _serve()


def load(wishes: Wishes, fhir_server: str, tell: Tell) -> Report:
    """Load the patients, telling what was set aside."""
    now = datetime.now(UTC)
    if wishes.patients is not None:
        wanted = wishes.shift_now or wishes.at_hour is not None
        shift = Shift(now, wishes.at_hour) if wanted else None
        report = load_folder(
            wishes.patients, fhir_server, shift=shift, pattern=wishes.pattern, tell=lambda name, _: tell(f"  {name}")
        )
    else:
        report = Report()
    for name, bundle in generate(now).items():
        if wishes.patients is None or name == "00-hospital":
            load_bundle(bundle, fhir_server, report, name=name)
    tell(f"Loaded {len(report.patients)} patients, {report.loaded.total()} resources")
    for why, number in report.reasons().most_common():
        named = [item.what for item in report.set_aside if item.why == why][:NAMED_SET_ASIDE]
        tell(f"  set aside {number}: {why} ({', '.join(named)}{', …' if number > len(named) else ''})")
    return report


def _show(house: House, tell: Tell, *, examine: bool) -> bool:
    """Tour and road."""
    try:
        before = totals(house)
    except RoadBlocked as fault:
        tell(f"FAIL  the ledger can be counted: {fault}")
        return False
    tour = take_tour(house.desk, tell)
    tell(f"\nRisk cards {len(tour.risks)}, not assessed {len(tour.abstentions)}, no advice {tour.empty}, "
         f"faults {len(tour.faults)}\n")  # fmt: skip
    worked = True
    for step in walk(house, tour, before, examine=examine):
        worked = worked and step.worked
        tell(f"{'ok  ' if step.worked else 'FAIL'}  {step.name}{': ' if step.detail else ''}{step.detail}")
    return worked


def _say_where(house: House, tell: Tell) -> None:
    """The addresses to open."""
    tell(f"\nThe EHR:              {house.settings.base_url}/")
    for line in addresses(house):
        tell(line)
    tell(f"CDS services:         {house.settings.chartside}/cds-services")
    tell(f"Test it as an EHR:    chartside {' '.join(examiner.command(house.folder, house.settings))}")
    tell("Stop with Ctrl-C.")


def _serve() -> None:
    """Wait until a signal ends it."""
    while True:
        time.sleep(3600)
