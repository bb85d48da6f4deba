"""The whole hospital as bundles, and on disk."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

from ehr_simulator.patients import resources
from ehr_simulator.patients.cast import CAST
from ehr_simulator.patients.course import Measured, observations
from ehr_simulator.patients.person import Person
from ehr_simulator.patients.resources import Resource

INTENSIVE_CARE_UNITS = (
    "Medical ICU",
    "Surgical ICU",
    "Coronary Care Unit",
    "Cardiac Surgery Recovery Unit",
    "Pediatric ICU",
)
HOSPITAL = "00-hospital"


def generate(now: datetime, seed: int = 2026) -> dict[str, Resource]:
    """Name → transaction bundle: one for the hospital, one per patient. The same input gives the same output.

    Raises `ValueError` for a time without a zone.
    """
    if now.tzinfo is None:
        raise ValueError("now must have a time zone")
    whole = now.replace(second=0, microsecond=0)
    bundles = {HOSPITAL: _hospital()}
    for person in CAST:
        bundles[person.id] = _stay(person, whole, seed)
    return bundles


def write(folder: Path, now: datetime, seed: int = 2026) -> list[Path]:
    """Write the bundles as JSON files into a folder, which is made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, bundle in generate(now, seed).items():
        path = folder / f"{name}.json"
        path.write_text(json.dumps(bundle, indent=1) + "\n", encoding="utf-8")
        written.append(path)
    return written


def _hospital() -> Resource:
    """The clinician and the places that are resources."""
    return resources.transaction(
        [
            resources.practitioner(),
            resources.location("loc-north-4", "North wing, level 4", "ICU"),
            resources.location("loc-ward-2", "General medicine ward", "HU"),
            resources.location("loc-clinic-1", "Outpatient clinic", "OF"),
        ]
    )


def _stay(person: Person, now: datetime, seed: int) -> Resource:
    """One patient with one open stay."""
    start = now - timedelta(hours=person.hours)
    measured = observations(Measured(person, start, now, seed))
    return resources.transaction([resources.patient(person, now), resources.encounter(person, start), *measured])
