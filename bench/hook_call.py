"""Where the time of one hook call goes: CPU time of its stages, in this process, to find what to make faster.

No server and no token here; `bench.side_by_side` measures the shipped service. CPU time is the process's own, so a
busy machine disturbs it less than a clock; stages are measured in turns.
"""

from __future__ import annotations

import platform
import resource
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from bench import body
from cds_hooks.body import read_object
from chartside.factory import create_app, open_house
from chartside.settings import Settings
from clinical.invocation import Invocation
from models.runtime.catalogue import load_models
from models.runtime.record_digest import record_digest

SERVICE = "icu-mortality"
INSTANCE = "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"
REGISTRY = """
[clients.bench]
name = "Bench"
authentication = "loopback"
fhir_base = "http://127.0.0.1:9/fhir"
show_from = 0.0
intensive_care_locations = ["Medical ICU"]
"""


def cpu_ms(job: Callable[[], object]) -> float:
    """CPU milliseconds of one run."""
    started = time.process_time()
    job()
    return (time.process_time() - started) * 1000


def stages(folder: Path, data: bytes) -> dict[str, Callable[[], object]]:
    """The whole call and its parts, each runnable alone. Calls differ only in their hookInstance."""
    (folder / "clients.toml").write_text(REGISTRY, encoding="utf-8")
    settings = Settings(
        base_url="http://127.0.0.1:8100",
        database_url=f"sqlite:///{folder}/ledger.db",
        clients_file=folder / "clients.toml",
        secret=b"s" * 64,
    )
    house = open_house(settings)
    client = create_app(house).test_client()
    model = load_models()[SERVICE]
    sent: Any = read_object(data, settings.max_body_bytes)
    patient, user = sent["context"]["patientId"], sent["context"]["userId"]
    call = Invocation("bench", SERVICE, "patient-view", "i", patient, user, prefetch=sent["prefetch"])
    record = house.records.read(call, model.needs)

    def whole() -> None:
        fresh = data.replace(INSTANCE.encode(), str(uuid.uuid4()).encode())
        answer = client.post(f"/cds-services/{SERVICE}", data=fresh, content_type="application/json")
        if answer.status_code != 200 or not answer.get_json()["cards"]:
            raise click.ClickException(f"The call gave no card ({answer.status_code}); the figures would mean nothing.")

    return {
        "whole call, score remembered": whole,
        "  strict JSON": lambda: read_object(data, settings.max_body_bytes),
        "  record (validation, rules)": lambda: house.records.read(call, model.needs),
        "  digest for the score's memory": lambda: record_digest(record),
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
        data = body.call(0, datetime.now(UTC), hook_instance=INSTANCE, observations=size)
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
            click.echo(f"  {name:34} {statistics.median(values):8.2f} ({min(values):.2f})")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    click.echo(f"\nPeak memory of this process: {peak:.0f} MB")


if __name__ == "__main__":
    main()
