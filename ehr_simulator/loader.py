"""Load a folder of FHIR R4 bundles into the FHIR server, and say what could not be loaded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import requests

from ehr_simulator import direct
from ehr_simulator.bundles import Content, NotABundle, SetAside, content, read_bundle
from ehr_simulator.fhir_store import FHIR_JSON
from ehr_simulator.shifting import NoStay, shifted

Resource = dict[str, Any]

PART = 150
NOW = "now"


class LoadFailed(Exception):
    """The FHIR server could not be used at all."""


@dataclass(frozen=True, slots=True)
class Shift:
    """Make the last stay of each bundle current at `now`; `at_hour` says which hour of the stay it is then."""

    now: datetime
    at_hour: float | None = None


@dataclass(slots=True)
class Report:
    """What was loaded, and what was set aside with its reason."""

    loaded: Counter[str] = field(default_factory=Counter)
    set_aside: list[SetAside] = field(default_factory=list)
    patients: list[str] = field(default_factory=list)

    def reasons(self) -> Counter[str]:
        """How often each reason occurred."""
        return Counter(item.why for item in self.set_aside)


def load_folder(
    folder: Path,
    fhir_server: str,
    *,
    shift: Shift | None = None,
    pattern: str = "*.json",
    tell: Callable[[str, Report], None] = lambda _name, _report: None,
) -> Report:
    """Load every bundle of a folder, in the order of names. `tell` is called after each file."""
    report = Report()
    for path in sorted(folder.glob(pattern)):
        try:
            load_bundle(read_bundle(path), fhir_server, report, shift=shift, name=path.name)
        except NotABundle as fault:
            report.set_aside.append(SetAside(path.name, str(fault)))
        tell(path.name, report)
    return report


def load_bundle(
    bundle: Resource, fhir_server: str, report: Report, *, shift: Shift | None = None, name: str = "bundle"
) -> None:
    """Load one bundle: shift it if asked, put each resource at its id, note what the server refuses."""
    found = _shifted(content(bundle), shift, name)
    report.set_aside.extend(found.set_aside)
    for start in range(0, len(found.resources), PART):
        _put(found.resources[start : start + PART], fhir_server, report)


def _shifted(found: Content, shift: Shift | None, name: str) -> Content:
    """The content made current. A bundle without a stay is loaded as it is, which is noted."""
    if shift is None:
        return found
    try:
        return Content(shifted(found.resources, shift.now, shift.at_hour), found.set_aside)
    except NoStay:
        if any(one["resourceType"] == "Patient" for one in found.resources):
            note = SetAside(name, "no stay with a start: loaded, but its dates were not shifted")
            return Content(found.resources, [*found.set_aside, note])
        return found


def _put(resources: list[Resource], fhir_server: str, report: Report) -> None:
    """Send as a transaction, which is fast; if that is refused, as a batch, whose entries stand or fall alone."""
    entries = [{"resource": one, "request": {"method": "PUT", "url": _place(one)}} for one in resources]
    answers = _post("transaction", entries, fhir_server)
    if answers is None:
        answers = _post("batch", entries, fhir_server)
    if answers is None:
        raise LoadFailed("The FHIR server refused a batch as a whole.")
    _note(resources, answers, report)


def _post(kind: str, entries: list[Resource], fhir_server: str) -> list[Resource] | None:
    """The answers, one per entry; None where the server refuses the bundle as a whole."""
    try:
        with direct.request(
            "POST",
            fhir_server,
            json={"resourceType": "Bundle", "type": kind, "entry": entries},
            headers={"Content-Type": FHIR_JSON, "Accept": FHIR_JSON, "Prefer": "return=minimal"},
            timeout=120,
        ) as answer:
            answers: list[Resource] | None = answer.json().get("entry", []) if answer.status_code == 200 else None
    except requests.RequestException as fault:
        raise LoadFailed(f"The FHIR server did not take a {kind} ({type(fault).__name__}).") from None
    return answers


def _note(resources: Iterable[Resource], answers: list[Resource], report: Report) -> None:
    """Count what was taken and name what was not."""
    for resource, answer in zip(resources, answers, strict=True):
        status = str(answer.get("response", {}).get("status", ""))
        if status.startswith("2"):
            report.loaded[resource["resourceType"]] += 1
            if resource["resourceType"] == "Patient":
                report.patients.append(resource["id"])
        else:
            why = f"{resource['resourceType']} refused by the FHIR server ({status or 'no status'})"
            report.set_aside.append(SetAside(_place(resource), why))


def _place(resource: Resource) -> str:
    """`Type/id`."""
    return f"{resource['resourceType']}/{resource['id']}"
