"""The shipped service with every model on offer: how long it takes to start, and the memory of one worker.

Each service answers at each of its hooks from three charts, so that every model has worked before memory is read.
"""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click

from bench import calls, charts
from bench.chartside_side import OUTCOME, Chartside
from bench.processes import Server
from models.runtime.catalogue import read_manifests

ASSESSED = "assessed"
DISCOVERY = "/cds-services"


@dataclass(frozen=True, slots=True)
class Service:
    """What was found.

    Seconds of start by the wall and by the processors; MB of all processes and of the largest; the names of services
    that answered and of those that gave a level; the packages whose compiled code was loaded when all had answered.
    """

    start_s: float
    start_cpu_s: float
    memory_mb: float
    worker_mb: float
    answered: frozenset[str]
    assessed: frozenset[str]
    compiled: frozenset[str]


def measure(root: Path, folder: Path, port: int, times: int) -> Service:
    """Start, call everything so many times, look. Raises `click.ClickException` where a service does not answer."""
    side = Chartside(folder, port, read_manifests())
    begun = time.perf_counter()
    with side.serving(root) as server:
        started, cpu = time.perf_counter() - begun, server.cpu_ms() / 1000
        answers = [one for _ in range(times) for one in _answers(side, server)]
        return Service(
            start_s=started,
            start_cpu_s=cpu,
            memory_mb=server.memory_mb(),
            worker_mb=server.worker_mb(),
            answered=frozenset(name for name, _ in answers),
            assessed=frozenset(name for name, status in answers if status == ASSESSED),
            compiled=server.compiled_packages(),
        )


def _answers(side: Chartside, server: Server) -> Iterator[tuple[str, str]]:
    """Each service with the status of its finding, for each chart."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=calls.TIMEOUT_S)
    try:
        for service in _discovered(side, connection):
            path = f"{DISCOVERY}/{service.id}"
            for chart in charts.CHARTS:
                body = charts.call(service, chart, datetime.now(UTC))
                _, answer = calls.send(connection, path, side.call(body, path))
                yield service.id, str(answer["extension"][OUTCOME]["status"])
    finally:
        connection.close()


def _discovered(side: Chartside, connection: http.client.HTTPConnection) -> list[charts.Service]:
    """What the service offers."""
    connection.request("GET", DISCOVERY, headers=dict(side.call(b"", DISCOVERY).headers))
    response = connection.getresponse()
    content = response.read()
    if response.status != http.client.OK:
        raise click.ClickException(f"{DISCOVERY} answered {response.status}")
    found = json.loads(content)["services"]  # noqa: TID251 (from a server of this program)
    return [charts.Service(one["id"], one["hook"], one["prefetch"]) for one in found]
