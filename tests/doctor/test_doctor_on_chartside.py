"""The doctor against Chartside itself, with a JWT required on every endpoint."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey
from werkzeug.serving import make_server

from chartside.doctor import text
from chartside.doctor.report import Report
from chartside.factory import create_app, open_house
from chartside.settings import Settings

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


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory, key: ECKey) -> Iterator[str]:
    """A running house that nobody enters without a token."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    folder: Path = tmp_path_factory.mktemp("strict")
    (folder / "clients.toml").write_text(REGISTRY)
    public = {**key.as_dict(private=False), "use": "sig", "alg": "ES384"}
    (folder / "keys.json").write_text(json.dumps({"keys": [public]}))
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
        yield base
        shell.shutdown()
        shell.server_close()
        thread.join(timeout=5)


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
