"""CPU time and memory of one hook call, with every check on: strict JSON, validation, SHAP, a durable ledger row.

CPU time is the process's own, so a busy machine disturbs it less than a clock; stages are measured in turns.
"""

from __future__ import annotations

import json
import platform
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from chartside.factory import create_app, open_house
from chartside.settings import Settings
from clinical import strict_json
from clinical.invocation import Invocation

REGISTRY = """
[clients.bench]
name = "Bench"
authentication = "loopback"
fhir_base = "http://127.0.0.1:9/fhir"
show_from = 0.0
intensive_care_locations = ["Medical ICU"]
"""
VITALS = (("8867-4", "/min", 96), ("8480-6", "mm[Hg]", 112), ("8462-4", "mm[Hg]", 58), ("8478-0", "mm[Hg]", 74))
VITALS += (("9279-1", "/min", 21), ("8310-5", "Cel", 37.6), ("9269-2", "{score}", 11), ("9187-6", "mL", 60))
LABS = (("2524-7", "mmol/L", 2.9), ("2160-0", "mg/dL", 1.9), ("3094-0", "mg/dL", 38), ("2951-2", "mmol/L", 139))
LABS += (("2823-3", "mmol/L", 4.4), ("777-3", "10*3/uL", 160), ("6690-2", "10*3/uL", 14), ("4544-3", "%", 31))


def body(observations: int) -> bytes:
    """A call about a stay of 30 hours with so many observations, as an EHR sends it."""
    now = datetime.now(UTC).replace(microsecond=0)
    start = now - timedelta(hours=30)
    rows = [*VITALS, *VITALS, *VITALS, *LABS]
    facts = []
    for index in range(observations):
        code, unit, value = rows[index % len(rows)]
        when = start + timedelta(hours=29.5 * (index + 1) / observations)
        facts.append(_observation(index, code, unit, value + (index * 7 % 11) / 10, when))
    stay = {
        "resourceType": "Encounter",
        "id": "e1",
        "status": "in-progress",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
        "subject": {"reference": "Patient/p1"},
        "period": {"start": start.isoformat()},
        "location": [{"location": {"display": "Medical ICU"}}],
    }
    results = {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": fact} for fact in facts]}
    call = {
        "hook": "patient-view",
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": {"userId": "Practitioner/1", "patientId": "p1"},
        "prefetch": {
            "patient": {"resourceType": "Patient", "id": "p1", "gender": "male", "birthDate": "1950-01-01"},
            "encounter": {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": stay}]},
            "vitals": results,
            "labs": {"resourceType": "Bundle", "type": "searchset"},
        },
    }
    return json.dumps(call).encode()


def _observation(index: int, code: str, unit: str, value: float, when: datetime) -> dict[str, Any]:
    """One Observation of the usual size."""
    return {
        "resourceType": "Observation",
        "id": f"o{index}",
        "meta": {"versionId": "1", "lastUpdated": when.isoformat()},
        "status": "final",
        "category": [
            {
                "coding": [
                    {
                        "system": "http://terminology.hl7.org/CodeSystem/observation-category",
                        "code": "vital-signs",
                        "display": "Vital Signs",
                    }
                ]
            }
        ],
        "code": {"coding": [{"system": "http://loinc.org", "code": code, "display": "A measurement"}], "text": "Text"},
        "subject": {"reference": "Patient/p1"},
        "encounter": {"reference": "Encounter/e1"},
        "effectiveDateTime": when.isoformat(),
        "issued": when.isoformat(),
        "valueQuantity": {
            "value": round(value, 1),
            "unit": unit,
            "system": "http://unitsofmeasure.org",
            "code": unit,
        },
    }


def cpu_ms(job: Callable[[], object]) -> float:
    """CPU milliseconds of one run."""
    started = time.process_time()
    job()
    return (time.process_time() - started) * 1000


def stages(folder: Path, data: bytes) -> dict[str, Callable[[], object]]:
    """The whole call and its parts, each runnable alone."""
    (folder / "clients.toml").write_text(REGISTRY)
    settings = Settings(
        base_url="http://127.0.0.1:8100",
        database_url=f"sqlite:///{folder}/ledger.db",
        clients_file=folder / "clients.toml",
        secret=b"s" * 64,
    )
    house = open_house(settings)
    client = create_app(house).test_client()
    model = house.models["icu-mortality"]
    sent: Any = strict_json.loads(data)
    call = Invocation("bench", "icu-mortality", "patient-view", "i", "p1", "Practitioner/1", prefetch=sent["prefetch"])
    record = house.records.read(call, model.needs)

    def whole() -> None:
        answer = client.post("/cds-services/icu-mortality", data=data, content_type="application/json")
        if not answer.get_json()["cards"]:
            raise click.ClickException("The call gave no card; the figures would mean nothing.")

    return {
        "whole call": whole,
        "  strict JSON": lambda: strict_json.loads(data),
        "  record (validation, rules)": lambda: house.records.read(call, model.needs),
        "  assess (features, SHAP)": lambda: model.assess(record, house.clock.now()),
    }


@click.command(help=__doc__)
@click.option("--observations", default="72,400", show_default=True, help="Sizes of the record, in observations.")
@click.option("--rounds", default=30, show_default=True, type=click.IntRange(3, 1000), help="Runs of each stage.")
def main(observations: str, rounds: int) -> None:
    """Measure and print."""
    names = ("fhir.resources", "scikit-learn", "shap", "numpy", "flask", "sqlalchemy")
    click.echo(f"Python {platform.python_version()}, " + ", ".join(f"{name} {version(name)}" for name in names))
    for size in map(int, observations.split(",")):
        data = body(size)
        with tempfile.TemporaryDirectory() as folder:
            jobs = stages(Path(folder), data)
            runs: dict[str, list[float]] = {name: [] for name in jobs}
            for _ in range(3):
                for job in jobs.values():
                    job()
            for _ in range(rounds):
                for name, job in jobs.items():
                    runs[name].append(cpu_ms(job))
        click.echo(f"\n{size} observations, {len(data) / 1000:.0f} KB: CPU ms per call, median (lowest)")
        for name, values in runs.items():
            click.echo(f"  {name:30} {statistics.median(values):8.2f} ({min(values):.2f})")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    click.echo(f"\nPeak memory of this process: {peak:.0f} MB")


if __name__ == "__main__":
    main()
