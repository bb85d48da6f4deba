"""The peer's environment, server and answers."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from bench.calls import Check, WrongAnswer
from bench.processes import Server, running

PATH = "/cds/cds-services/objects"
PACKAGES = ("healthchain", "uvicorn", "fastapi", "pydantic", "fhir.resources")
_SAY_VERSIONS = (
    "import json, platform, sys; from importlib.metadata import version; "
    "print(json.dumps({'Python': platform.python_version()} | {name: version(name) for name in sys.argv[1:]}))"
)


def versions(python: Path) -> dict[str, str]:
    """What is installed in the peer's environment. Raises ClickException if there is none."""
    if not python.exists():
        raise click.ClickException(f"{python} is missing: `make bench` makes the peer's environment; or --skip-peer.")
    command = [str(python), "-c", _SAY_VERSIONS, *PACKAGES]
    done = subprocess.run(command, check=True, capture_output=True, timeout=60)  # noqa: S603 (our own command)
    found: dict[str, str] = json.loads(done.stdout)  # noqa: TID251 (written by the line above)
    return found


@contextmanager
def serving(python: Path, root: Path, folder: Path, port: int) -> Iterator[Server]:
    """One uvicorn worker, started as the peer's own `healthchain serve` starts it."""
    command = [str(python), "-m", "uvicorn", "bench.healthchain_app:app", "--host", "127.0.0.1", "--port", str(port)]
    environment = {"OMP_NUM_THREADS": "1", "HOME": str(folder)}
    log = folder / "healthchain.log"
    with running(command, environment, root=root, log=log, port=port, ready="/cds/cds-discovery") as server:
        yield server


def checker(resources: int) -> Check:
    """A check that every resource became an object."""

    def check(answer: Mapping[str, Any]) -> None:
        said = [card.get("summary") for card in answer.get("cards", [])]
        if said != [f"{resources} resources as objects"]:
            raise WrongAnswer(f"the peer answered {said}")

    return check
