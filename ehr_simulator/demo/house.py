"""Everything that runs during a demo, started in order and stopped in reverse."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ehr_simulator.chart.desk import Desk
from ehr_simulator.demo import command
from ehr_simulator.demo.deployment import Ports, chartside_environment, command_line, write_files
from ehr_simulator.demo.history import write_history
from ehr_simulator.ehr_server import running_ehr
from ehr_simulator.fhir_server import start_fhir_server
from ehr_simulator.processes import Child, check_port_free, wait_until_ready
from ehr_simulator.settings import EhrSettings

Tell = Callable[[str], None]

START_LIMIT = 120.0


@dataclass(frozen=True, slots=True)
class House:
    """What runs: the folder, the ports, and the EHR's desk."""

    folder: Path
    ports: Ports
    settings: EhrSettings
    desk: Desk

    @property
    def quality_password(self) -> str:
        """The password of the quality team's page."""
        return (self.folder / "quality-password").read_text(encoding="utf-8").strip()

    def chartside(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of Chartside in the environment of the running service."""
        return command.run(self.folder, self.ports, *arguments)


def check_ports(ports: Ports, *, with_chartside: bool = True) -> None:
    """Raise `PortInUse` for the first port that is taken."""
    if with_chartside:
        check_port_free(ports.chartside, "--port-chartside")
    check_port_free(ports.ehr, "--port-ehr")
    check_port_free(ports.fhir, "--port-fhir")


@contextmanager
def running_hospital(folder: Path, ports: Ports, settings: EhrSettings, tell: Tell) -> Iterator[Desk]:
    """FHIR server and EHR, without Chartside."""
    with ExitStack() as stack:
        tell(f"Starting the FHIR server on port {ports.fhir}")
        stack.callback(start_fhir_server(ports.fhir, folder / "fhir").stop)
        tell(f"Starting the EHR on port {ports.ehr}")
        app = stack.enter_context(running_ehr(settings))
        yield app.extensions["ehr_desk"]


@contextmanager
def running_house(folder: Path, ports: Ports, tell: Tell, *, strict: bool, history: bool = False) -> Iterator[House]:
    """FHIR server, EHR and Chartside; raises `NotReady` where one does not come up.

    `history`: with a made-up one, which goes into a new ledger only, and so comes first.
    """
    settings = ports.settings()
    write_files(folder, settings, strict=strict)
    if history:
        write_history(folder, ports, tell)
    with running_hospital(folder, ports, settings, tell) as desk, ExitStack() as stack:
        tell(f"Starting Chartside on port {ports.chartside}")
        stack.callback(_start_chartside(folder, ports, tell).stop)
        yield House(folder, ports, settings, desk)


def _start_chartside(folder: Path, ports: Ports, tell: Tell) -> Child:
    """Chartside's own command line, until `GET /health` answers 200."""
    child = Child.start(
        "Chartside",
        [sys.executable, *command_line(["serve"])],
        log=folder / "chartside.log",
        folder=command.ROOT,
        environment=chartside_environment(folder, ports),
    )
    wait_until_ready(child, f"http://127.0.0.1:{ports.chartside}/health", time_limit=START_LIMIT, tell=tell)
    return child
