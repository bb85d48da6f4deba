"""The doctor against Chartside itself, with a JWT required on every endpoint."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from joserfc.jwk import ECKey
from werkzeug.serving import make_server

from chartside.doctor import text
from chartside.doctor.command import doctor
from chartside.doctor.report import Report
from chartside.factory import create_app, open_house
from chartside.settings import Settings
from ehr_simulator.demo import examiner
from ehr_simulator.demo.deployment import Ports, write_files

README = Path(__file__).parents[2] / "README.md"
REGISTRY = """
[clients.ward]
name = "Ward"
authentication = "jwt"
issuer = "https://ehr.test"
jwks_file = "keys.json"
fhir_base = "http://127.0.0.1:9/fhir"
origins = ["http://127.0.0.1:9"]
smart_client_id = "chartside"
show_from = 0.0
intensive_care_locations = ["Medical ICU"]
"""


@contextmanager
def house_in(folder: Path) -> Iterator[str]:
    """A running house with the clients of a folder."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    shell = make_server("127.0.0.1", 0, lambda *_: [], threaded=True)
    base = f"http://127.0.0.1:{shell.server_port}"
    settings = Settings(
        base_url=base,
        database_url=f"sqlite:///{folder}/ledger.db",
        clients_file=folder / "clients.toml",
        secret=b"s" * 64,
    )
    with closing(open_house(settings)) as house:
        shell.app = create_app(house)
        thread = threading.Thread(target=shell.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield base
        finally:
            shell.shutdown()
            shell.server_close()
            thread.join(timeout=5)


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory, key: ECKey) -> Iterator[str]:
    """A running house that nobody enters without a token."""
    folder: Path = tmp_path_factory.mktemp("strict")
    (folder / "clients.toml").write_text(REGISTRY)
    public = {**key.as_dict(private=False), "use": "sig", "alg": "ES384"}
    (folder / "keys.json").write_text(json.dumps({"keys": [public]}))
    with house_in(folder) as base:
        yield base


@pytest.fixture(scope="module")
def report(strict: str, request: pytest.FixtureRequest) -> Report:
    """What the doctor says."""
    found: Report = request.getfixturevalue("diagnose")(strict, seconds=30.0)
    return found


def test_chartside_breaks_no_rule(report: Report, broken: Any) -> None:
    """Neither SHALL nor SHOULD nor MAY."""
    assert not report.blocked
    assert broken(report) == {}, text.render(report)


def test_chartside_gives_the_doctor_enough_to_judge(report: Report) -> None:
    """The invented patient is ill enough for a card, so that hardly a rule is left out, and each for a reason."""
    skipped = {row.check.id for row in report.results if row.outcome.value == "skip"}
    assert skipped <= {
        "discovery.https", "call.order-dispatch-1.0", "card.source-urls", "card.absolute-context", "card.extension",
        "card.action-delete",
    }  # fmt: skip
    assert len(report.services) >= 2


def test_the_readme_says_what_the_doctor_finds_at_the_demo(tmp_path: Path) -> None:
    """With the demo's own registry, key and command line: clean in strict mode, and the README's counts are these."""
    write_files(tmp_path, Ports().settings(), strict=True)
    with house_in(tmp_path) as base:
        _, *arguments = examiner.command(tmp_path, Ports().settings(base))
        # A machine that is busy with other tests is not a slow service.
        result = CliRunner().invoke(doctor, [*arguments, "--strict", "--deadline-ms", "5000"])
    assert result.exit_code == 0, result.output
    [summary] = [line for line in result.output.splitlines() if line.startswith("Summary:")]
    said = README.read_text(encoding="utf-8").split("make demo STRICT=1", 1)[1].split("HealthChain", 1)[0]
    assert summary in said, summary
    assert " ".join(arguments[-2:]) in said
