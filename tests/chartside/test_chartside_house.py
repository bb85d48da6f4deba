"""The whole application: every door opens on the same house, and faults stay faults."""

from __future__ import annotations

import base64
import json
import re
import sqlite3
import uuid
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from chartside.before_start import check_units
from chartside.cli import cli
from chartside.factory import House, create_app, derive_key, open_house
from chartside.feeds import advise_from_messages
from chartside.settings import Settings
from clinical.advice import Channel, Feedback, Outcome
from clinical.assessment import RiskAssessment
from clinical.errors import ChartsideError, ManifestInvalid, SettingsInvalid
from fhir_adapters.units import Analytes, load_analytes
from models.runtime.catalogue import load_models
from oversight.database_faults import FULL

CALL = "/cds-services/icu-mortality"


class SetClock:
    """A clock that stands at the time of the calls below."""

    def now(self) -> datetime:
        return datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


ROOT = Path(__file__).resolve().parents[2]

# Route → who may come in. A route without a row fails the test below.
DOORS = {
    "/cds-services": "client",
    "/cds-services/<service_id>": "client",
    "/cds-services/<service_id>/feedback": "client",
    "/smart/launch": "issuer",
    "/smart/standalone/<client>": "issuer",
    "/smart/callback": "cookie",
    "/smart/callback/<client>": "cookie",
    "/smart/page/<launch_id>": "cookie",
    "/smart/page/<launch_id>/again": "cookie",
    "/smart/page/<launch_id>/decision": "cookie",
    "/smart/page/<launch_id>/wake": "cookie",
    "/smart/page/<launch_id>/report": "cookie",
    "/smart/page/<launch_id>/leave": "cookie",
    "/smart/page/<launch_id>/fact/<kind>/<fact_id>": "cookie",
    "/smart/page/<launch_id>/what-if": "cookie",
    "/smart/page/<launch_id>/what-if/<advice_id>": "cookie",
    "/smart/page/<launch_id>/model/<advice_id>": "cookie",
    "/smart/page/<launch_id>/write": "cookie",
    "/smart/page/<launch_id>/look.css": "cookie",
    "/smart/jwks.json": "anybody",
    "/smart/static/<path:filename>": "anybody",
    "/oversight/": "quality",
    "/oversight/service": "quality",
    "/oversight/comparison": "quality",
    "/oversight/reasons": "quality",
    "/oversight/equity": "quality",
    "/oversight/drift": "quality",
    "/oversight/outcomes": "quality",
    "/oversight/thresholds": "quality",
    "/oversight/override-rates": "quality",
    "/oversight/incidents": "quality",
    "/oversight/incidents/<incident_id>": "quality",
    "/oversight/incidents/<incident_id>/event": "quality",
    "/oversight/incidents/<incident_id>/draft": "quality",
    "/oversight/alerts": "quality",
    "/oversight/alerts/<number>": "quality",
    "/oversight/alerts/<number>/step": "quality",
    "/oversight/models": "quality",
    "/oversight/models/<model_id>": "quality",
    "/oversight/models/<model_id>/attributes.json": "quality",
    "/oversight/reviews": "quality",
    "/oversight/reviews/<plan>": "quality",
    "/oversight/reviews/<plan>/next": "quality",
    "/oversight/reviews/<plan>/settle": "quality",
    "/oversight/comments/review": "quality",
    "/oversight/exports": "quality",
    "/oversight/exports/<name>": "quality",
    "/oversight/metrics": "quality",
    "/oversight/sign-in": "quality",
    "/oversight/sign-in/begin": "quality",
    "/oversight/callback": "quality",
    "/oversight/password": "quality",
    "/oversight/sign-out": "quality",
    "/oversight/static/<path:filename>": "anybody",
    "/oversight/<path:unknown>": "quality",
    "/models/": "anybody",
    "/models/<model>/": "anybody",
    "/models/<model>/<name>": "anybody",
    "/models/static/<path:filename>": "anybody",
    "/health": "anybody",
    "/openapi.json": "anybody",
}


def test_every_route_has_a_doorkeeper(house: House) -> None:
    """A new route must say who may come in, and the docs list it."""
    rules = {rule.rule: sorted(rule.methods - {"HEAD", "OPTIONS"}) for rule in create_app(house).url_map.iter_rules()}
    assert set(rules) == set(DOORS)
    page = (ROOT / "docs/integration.md").read_text("utf-8")
    assert set(re.findall(r"^\| `(?:GET|POST) ([^`]+)`", page, re.MULTILINE)) == set(DOORS)


@pytest.mark.parametrize(("route", "keeper"), DOORS.items())
def test_a_stranger_gets_in_nowhere(route: str, keeper: str, house: House) -> None:
    """From another machine, without a token, cookie or password."""
    client = create_app(house).test_client()
    path = re.sub(r"<[^>]+>", "x", route)
    stranger = {"REMOTE_ADDR": "10.1.2.3"}
    statuses = {client.open(path, method=method, environ_base=stranger).status_code for method in ("GET", "POST")}
    expected = {"client": {401, 405}, "issuer": {400, 403, 405}, "cookie": {400, 403, 404, 405}, "quality": {401, 405}}
    if keeper in expected:
        assert statuses <= expected[keeper]


def test_an_ill_patient_gets_a_card_with_reasons(http: Any, ill: dict[str, Any]) -> None:
    """The real model, end to end: a high risk, drivers with value, unit and time, and an entry in the ledger."""
    body = http.post(CALL, json=ill).get_json()
    found = body["extension"]["org.chartside.outcome"]
    assert found["status"] == "assessed"
    assert found["probability"] > 0.5
    card = body["cards"][0]
    assert card["indicator"] == "critical"
    assert re.search(
        r"\| [A-Z][^|]+ \| [\d.]+ [^|]+ \| \d\d [A-Z][a-z]{2} \d\d:\d\d \([^|]+ ago\) \| × \d", card["detail"]
    )


def test_the_same_data_give_the_same_risk(http: Any, ill: dict[str, Any]) -> None:
    """To the last bit, with an entry of its own for each event."""
    first, second = (http.post(CALL, json={**ill, "hookInstance": str(uuid.uuid4())}).get_json() for _ in range(2))
    outcomes = [answer["extension"]["org.chartside.outcome"] for answer in (first, second)]
    assert outcomes[0]["probability"] == outcomes[1]["probability"]
    assert outcomes[0]["advice"] != outcomes[1]["advice"]


def test_feedback_on_a_card_counts_once(http: Any, ill: dict[str, Any]) -> None:
    """The EHR's feedback joins the entry; sent twice, it counts once; for an unknown card it is put apart."""
    card = http.post(CALL, json=ill).get_json()["cards"][0]
    item = {
        "card": card["uuid"],
        "outcome": "accepted",
        "acceptedSuggestions": [{"id": card["suggestions"][0]["uuid"]}],
        "outcomeTimestamp": "2026-03-02T08:00:00Z",
    }
    send = lambda *items: http.post(f"{CALL}/feedback", json={"feedback": list(items)}).get_json()  # noqa: E731
    first, again = send(item), send(item)
    assert (first["stored"], first["repeated"], first["quarantined"]) == (1, 0, 0)
    assert (again["stored"], again["repeated"], again["quarantined"]) == (0, 1, 0)
    assert first["leaves"] == again["leaves"]
    unknown = send({**item, "card": "00000000-0000-4000-8000-000000000000"})
    assert (unknown["stored"], unknown["repeated"], unknown["quarantined"]) == (0, 0, 1)


@pytest.mark.parametrize(
    ("spoil", "reason", "is_a_card"),
    [
        (lambda call: call["prefetch"].update(encounter=None), "no-current-stay", True),
        (
            lambda call: call["prefetch"]["encounter"].pop("status") and call["context"].pop("encounterId"),
            "no-current-stay",
            True,
        ),
        (
            lambda call: call["prefetch"].update(encounter=None) or call["context"].pop("encounterId"),
            "no-current-stay",
            False,
        ),
        (lambda call: call["prefetch"].update(vitals=None, labs=None), "not-enough-data", True),
        (lambda call: call["prefetch"]["patient"].update(birthDate="2015-01-01"), "not-adult", False),
        (lambda call: call["prefetch"].update(patient=None), "age-unknown", True),
        (
            lambda call: call["prefetch"]["encounter"]["location"][0]["location"].update(display="Ward"),
            "not-in-intensive-care",
            False,
        ),
        (lambda call: call["prefetch"]["encounter"]["period"].update(start="2026-03-02T05:00:00Z"), "too-early", True),
        (lambda call: call["prefetch"]["encounter"]["period"].update(start="2026-02-25T05:00:00Z"), "too-late", True),
    ],
)
def test_no_answer_without_a_reason(
    spoil: Callable[[Any], None], reason: str, is_a_card: bool, http: Any, ill: dict[str, Any]
) -> None:
    """Each way to have no risk is told apart, on a card or beside the empty list."""
    spoil(ill)
    answer = http.post(CALL, json=ill)
    found = answer.get_json()["extension"]["org.chartside.outcome"]
    assert (answer.status_code, found["status"], found["reason"]) == (200, "not-assessed", reason)
    assert bool(answer.get_json()["cards"]) == is_a_card == ("withheld" not in found)


def test_a_unit_that_cannot_be_converted_is_named_and_not_used(http: Any, ill: dict[str, Any]) -> None:
    """The answer is the one without that result, and the card says which was not used."""
    lactates = [e for e in ill["prefetch"]["labs"]["entry"] if e["resource"]["code"]["coding"][0]["code"] == "2524-7"]
    for entry in lactates:
        entry["resource"]["valueQuantity"].update(code="g/mol", unit="g/mol")
    spoilt = http.post(CALL, json=ill).get_json()
    rest = [entry for entry in ill["prefetch"]["labs"]["entry"] if entry not in lactates]
    for key in ("vitals", "labs"):
        ill["prefetch"][key]["entry"] = rest
    without = http.post(CALL, json=ill).get_json()
    probability = [a["extension"]["org.chartside.outcome"]["probability"] for a in (spoilt, without)]
    assert probability[0] == probability[1]
    assert "cannot be converted to mmol/L" in spoilt["cards"][0]["detail"].replace("\\", "")


def test_prefetch_for_another_patient_is_422(http: Any, ill: dict[str, Any]) -> None:
    """No score, and the other patient is not repeated."""
    ill["prefetch"]["labs"]["entry"][3]["resource"]["subject"]["reference"] = "Patient/other-person"
    answer = http.post(CALL, json=ill)
    assert answer.status_code == 422
    assert "other-person" not in answer.text


def test_missing_data_are_412(http: Any, ill: dict[str, Any]) -> None:
    """Neither sent nor readable: the key is named, also when the EHR's server is down."""
    del ill["prefetch"]["labs"]
    assert "'labs'" in http.post(CALL, json=ill).get_json()["issue"][0]["details"]["text"]
    ill["fhirServer"] = "http://127.0.0.1:9/fhir"
    ill["fhirAuthorization"] = {
        "access_token": "t", "token_type": "Bearer", "expires_in": 300, "scope": "patient/*.rs", "subject": "x",
    }  # fmt: skip
    answer = http.post(CALL, json=ill)
    assert answer.status_code == 412
    assert "could not be reached" in answer.get_json()["issue"][0]["details"]["text"]


def test_without_a_ledger_there_is_no_advice(make_settings: Callable[..., Settings], tmp_path: Path, ill: Any) -> None:
    """503, no card; health says so too."""
    house = open_house(make_settings(tmp_path))
    client = create_app(house).test_client()
    assert client.get("/health").status_code == 200
    for path in tmp_path.glob("ledger.db*"):
        path.unlink()
    (tmp_path / "ledger.db").mkdir()
    house.close()
    answer = client.post(CALL, json=ill)
    assert answer.status_code == 503
    assert "cards" not in answer.get_json()
    assert client.get("/health").status_code == 503
    house.close()


def test_a_ledger_that_is_read_and_not_written_is_not_healthy(
    make_settings: Callable[..., Settings], tmp_path: Path, ill: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Every call is 503 then, and who watches the service hears of it; the log says why."""
    with closing(open_house(make_settings(tmp_path))) as house:
        client = create_app(house).test_client()
        assert client.get("/health").status_code == 200
        with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection:
            connection.execute("CREATE TRIGGER no_room BEFORE INSERT ON advice BEGIN SELECT RAISE(ABORT, 'full'); END")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("oversight.database.trouble", lambda _: FULL)
            patch.setattr("oversight.database_faults.trouble", lambda _: FULL)
            answer = client.post(CALL, json=ill)
        assert answer.status_code == 503
        assert [record.fault for record in caplog.records if hasattr(record, "fault")] == [
            "LedgerUnavailable: The ledger cannot be written (the disk is full)."
        ]
        answer = client.get("/health")
        assert (answer.status_code, answer.get_json()) == (503, {"status": "ledger unavailable"})


def test_hl7_v2_messages_give_the_score_of_the_same_facts_in_fhir(http: Any, house: House, ill: dict[str, Any]) -> None:
    """One patient through two doors: the same probability and the same reasons."""
    stamp = lambda text: re.sub(r"[-:T]", "", text).replace("Z", "+0000")  # noqa: E731
    header = "MSH|^~\\&|EHR|HOSP|CHARTSIDE|HOSP|20260302080000+0000||{}|{}|P|2.5.1\r"
    who = "PID|1||pat-1^^^HOSP^MR||Doe^John||19440501|M\r"
    visit = ["PV1", "1", "I", "Medical ICU^1^A", *[""] * 15, "V1", *[""] * 24, "20260301080000+0000"]
    messages = [header.format("ADT^A01^ADT_A01", "M0") + "EVN|A01|20260301080000+0000\r" + who + "|".join(visit) + "\r"]
    for index, entry in enumerate(ill["prefetch"]["labs"]["entry"]):
        fact = entry["resource"]
        code, quantity = fact["code"]["coding"][0]["code"], fact["valueQuantity"]
        time = stamp(fact["effectiveDateTime"])
        obr = f"OBR|1|||PANEL^Panel^L|||{time}\r"
        obx = f"OBX|1|NM|{code}^^LN||{quantity['value']}|{quantity['code']}^^UCUM|||||F|||{time}\r"
        messages.append(header.format("ORU^R01^ORU_R01", f"M{index + 1}") + who + obr + obx)
    by_fhir = http.post(CALL, json=ill).get_json()["extension"]["org.chartside.outcome"]
    advice = advise_from_messages(house, [m.encode() for m in messages], "ward", "pat-1", "icu-mortality")
    assert isinstance(advice.finding, RiskAssessment)
    assert advice.finding.probability == by_fhir["probability"]
    assert house.ledger.find(advice.id, client="ward", patient_id="pat-1") is not None
    with pytest.raises(SettingsInvalid):
        advise_from_messages(house, [], "nobody", "pat-1", "icu-mortality")


def test_v2_messages_about_somebody_else_or_of_another_kind_are_refused(house: House) -> None:
    """Nothing is scored."""
    who = "MSH|^~\\&|E|H|C|H|20260302080000||{}|1|P|2.5.1\rPID|1||other^^^H^MR\rPV1|1|I\r"
    for kind in ("ADT^A01^ADT_A01", "ADT^A08^ADT_A01", ""):
        with pytest.raises(ChartsideError):
            advise_from_messages(house, [who.format(kind).encode()], "ward", "pat-1", "icu-mortality")
    with pytest.raises(ChartsideError):
        advise_from_messages(house, [b"not hl7"], "ward", "pat-1", "icu-mortality")


def test_unknown_paths_have_words_for_their_reader(http: Any) -> None:
    """An OperationOutcome under /cds-services, a line elsewhere."""
    assert http.get("/cds-services/a/b/c").get_json()["resourceType"] == "OperationOutcome"
    assert http.get("/nothing").text == "404 Not Found\n"


def test_quality_pages_open_with_the_password(http: Any) -> None:
    """And only with it."""
    page = "/oversight/override-rates"
    sign_in = lambda word: {"Authorization": "Basic " + base64.b64encode(f"quality:{word}".encode()).decode()}  # noqa: E731
    assert http.get(page).status_code == 401
    assert http.get(page, headers=sign_in("guess")).status_code == 401
    assert http.get(page, headers=sign_in("quality-secret")).status_code == 200


def test_keys_differ_by_purpose() -> None:
    """One secret, one key for each use."""
    keys = {derive_key(b"s" * 32, purpose) for purpose in ("pseudonyms", "launch", "page")}
    assert len(keys) == 3
    assert all(len(key) == 32 for key in keys)


@pytest.fixture
def environment(make_settings: Callable[..., Settings], tmp_path: Path) -> dict[str, str]:
    """The environment of a command."""
    make_settings(tmp_path)
    (tmp_path / "secret").write_text("s" * 64)
    return {
        "CHARTSIDE_BASE_URL": "http://127.0.0.1:8100",
        "CHARTSIDE_DATABASE_URL": f"sqlite:///{tmp_path}/ledger.db",
        "CHARTSIDE_CLIENTS_FILE": str(tmp_path / "clients.toml"),
        "CHARTSIDE_SECRET_FILE": str(tmp_path / "secret"),
    }


def test_commands_say_what_there_is(
    environment: dict[str, str], make_settings: Callable[..., Settings], tmp_path: Path
) -> None:
    """`check` names clients and models; `override-rates` prints tables and JSON on an empty ledger."""
    open_house(make_settings(tmp_path)).close()
    run = CliRunner().invoke
    checked = run(cli, ["check"], env=environment)
    assert "client ward: Ward" in checked.output
    assert "model icu-mortality" in checked.output
    assert run(cli, ["override-rates"], env=environment).exit_code == 0
    report = run(cli, ["override-rates", "--json", "--by", "day"], env=environment)
    assert report.exit_code == 0
    assert json.loads(report.output)
    wrong = run(cli, ["override-rates", "--from", "2026-02-02", "--to", "2026-02-01"], env=environment)
    assert wrong.exit_code == 2


def test_a_missing_setting_is_told_with_an_exit_code_of_its_own(environment: dict[str, str]) -> None:
    """3 for settings; the words name the variable and no traceback appears."""
    import subprocess
    import sys

    del environment["CHARTSIDE_SECRET_FILE"]
    done = subprocess.run(
        [sys.executable, "-m", "chartside", "check"],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert "CHARTSIDE_SECRET_FILE is not set" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_command_for_messages_prints_the_finding(environment: dict[str, str], tmp_path: Path) -> None:
    """An abstention with its reason for a patient of whom nothing is known but the stay."""
    visit = ["PV1", "1", "I", "Medical ICU", *[""] * 15, "V1", *[""] * 24, "20260301080000+0000"]
    text = (
        "MSH|^~\\&|E|H|C|H|20260302080000||ADT^A01^ADT_A01|1|P|2.5.1\rPID|1||p9^^^H^MR||D^J||19440501|M\r"
        + "|".join(visit)
    )
    (tmp_path / "a.hl7").write_text(text)
    arguments = ["hl7v2", "--client", "ward", "--patient", "p9", str(tmp_path / "a.hl7")]
    done = CliRunner().invoke(cli, arguments, env=environment)
    assert json.loads(done.stdout)["status"] == "not-assessed"


def test_a_decision_on_a_risk_too_low_for_a_card_is_stored(
    make_settings: Callable[..., Settings], tmp_path: Path, ill: Any
) -> None:
    """The page shows it and takes an answer; a card's answer to it would be put apart."""
    settings = make_settings(tmp_path)
    registry = settings.clients_file.read_text().replace("show_from = 0.0", "show_from = 1.0")
    settings.clients_file.write_text(registry)
    clock = SetClock()
    house = open_house(settings, clock=clock)
    answer = create_app(house).test_client().post(CALL, json=ill).get_json()
    found = answer["extension"]["org.chartside.outcome"]
    assert (answer["cards"], found["withheld"]) == ([], "below-threshold")
    on_the_page = Feedback(found["advice"], "ward", "icu-mortality", Outcome.ACCEPTED, clock.now(), Channel.PAGE)
    receipt = house.ledger.record([on_the_page])
    assert (receipt.stored, receipt.repeated, receipt.quarantined) == (1, 0, 0)
    assert house.ledger.record([replace(on_the_page, channel=Channel.CARD)]).quarantined == 1
    house.close()


def test_a_model_whose_units_do_not_fit_stops_the_start() -> None:
    """Otherwise every value of the signal would be set aside, one by one."""
    with pytest.raises(ManifestInvalid, match=r"2160-0 is not in the table of analytes"):
        check_units(load_models(), Analytes(a for a in load_analytes() if a.name != "creatinine"))  # type: ignore[arg-type]


def test_the_shipped_model_speaks_plainly(http: Any, ill: dict[str, Any]) -> None:
    """The headline of a real card, and drivers that show what they are about."""
    card = http.post(CALL, json=ill).get_json()["cards"][0]
    assert re.fullmatch(
        r"High risk of death in hospital: (?:\d\d|>99) % during this hospital stay "
        r"\(range \d\d to >?\d\d %, average 14 %\)",
        card["summary"],
    )
    assert "mL in 6 h" in card["detail"] or "Urine" not in card["detail"]
    assert card["suggestions"][0]["label"] == "Ask a senior clinician to review the patient and the escalation plan"


def test_a_taken_port_is_told_in_words(environment: dict[str, str]) -> None:
    """Not "ready", but which address cannot be had."""
    import socket
    import subprocess
    import sys

    with socket.create_server(("127.0.0.1", 0)) as taken:
        environment["CHARTSIDE_PORT"] = str(taken.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "-m", "chartside", "serve"],
            env=environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 3
    assert "cannot be listened on" in done.stderr
    assert "is ready" not in done.stderr


def test_a_report_about_no_ledger_is_a_fault(environment: dict[str, str], tmp_path: Path) -> None:
    """A mistyped path must not print zeros."""
    done = CliRunner().invoke(cli, ["override-rates"], env=environment)
    assert isinstance(done.exception, SettingsInvalid)
    assert not (tmp_path / "ledger.db").exists()
