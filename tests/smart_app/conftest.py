"""A believable assessment, fakes of the ports, and the page on a Flask app."""

import dataclasses
import math
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from smart_peer import REDIRECT, SCOPES, AuthorizationServer, RealClock, running
from werkzeug.serving import make_server

from clinical.advice import OTHER_STAY, Advice, Feedback, History, Outcome, Receipt, WithheldReason
from clinical.app_context import AppContexts
from clinical.assessment import (
    Abstention,
    AbstentionReason,
    Attribution,
    Explanation,
    Finding,
    Indicator,
    ModelInfo,
    RiskAssessment,
    Tier,
)
from clinical.errors import LedgerUnavailable, NotAllowed
from clinical.incident import IncidentReport
from clinical.invocation import FhirAccess
from clinical.record import LOINC, Coding, Observation, SetAside, SetAsideReason, Source
from clinical.snooze import snooze_span
from ehr_simulator.whole_answers import whole
from fhir_adapters.http.transport import Limits, Transport
from fhir_adapters.smart.session import Registration, SmartSessions, Visit
from smart_app.blueprint import create_blueprint
from smart_app.deps import Deps
from smart_app.ports.ehr import Assessed, Banner, Ehr
from smart_app.ports.fact import SourceFact

NOW = datetime(2026, 11, 12, 14, 5, tzinfo=UTC)
ISS = "https://ehr.example/fhir"
OTHER_ISS = "https://other.example/fhir"
BASE_URL = "https://chartside.example"
CONTEXTS = AppContexts(b"c" * 32)
# As long as a launch may take where its time is not what a test is about.
PATIENCE_S = 60.0
# The sandbox in which a large EHR frames its apps: no top navigation.
SANDBOX = "allow-forms allow-modals allow-pointer-lock allow-popups allow-same-origin allow-scripts allow-downloads"


@dataclass
class SetClock:
    """A clock that a test sets."""

    time: datetime = NOW

    def now(self) -> datetime:
        """The set time."""
        return self.time

    def pass_(self, span: timedelta) -> None:
        """Let time go by."""
        self.time += span


@dataclass
class FakeLedger:
    """A ledger in memory that can fail."""

    advice: dict[str, Advice] = field(default_factory=dict)
    feedback: list[Feedback] = field(default_factory=list)
    down: bool = False

    def _check(self) -> None:
        if self.down:
            raise LedgerUnavailable("The ledger cannot be reached.")

    def append(self, advice: Advice) -> Advice:
        """Store."""
        self._check()
        self.advice[advice.id] = advice
        return advice

    def history(self, advice: Advice, since: datetime) -> History:
        """Nothing was shown before."""
        return History()

    def put_off(self, advice: Advice, since: datetime) -> bool:
        """Perhaps."""
        return True

    def find(
        self, advice_id: str, *, client: str, patient_id: str, encounter_id: str | None = None, asked_by: str = ""
    ) -> Advice | None:
        """Find, bound to client and patient; the user is a pseudonym, and so is an encounter that was not named."""
        self._check()
        found = self.advice.get(advice_id)
        if found is None or (found.client, found.patient_id) != (client, patient_id):
            return None
        stay = (
            None if found.encounter_id is None else encounter_id if found.encounter_id == encounter_id else OTHER_STAY
        )
        user = asked_by if found.user == asked_by else "Practitioner/" + "0" * 64
        return dataclasses.replace(found, user=user, encounter_id=stay)

    def decision(self, advice_id: str, *, asked_by: str = "") -> Feedback | None:
        """The latest."""
        self._check()
        return next((item for item in reversed(self.feedback) if item.advice_id == advice_id), None)

    def snooze(self, advice: Advice, at: datetime) -> Feedback | None:
        """The latest that decides and holds."""
        self._check()
        own = [item for item in reversed(self.feedback) if item.user == advice.user and self._about(item, advice)]
        holding = (item for item in own if self.decision(item.advice_id) is item and item.reason)
        return next((item for item in holding if item.time + snooze_span(item.reason.code) > at), None)

    def _about(self, item: Feedback, advice: Advice) -> bool:
        """Whether a feedback is a snooze of the same service about the same patient."""
        card = self.advice.get(item.advice_id)
        same = card is not None and (card.service, card.patient_id) == (advice.service, advice.patient_id)
        return same and item.outcome is Outcome.SNOOZED

    def record(self, batch: Sequence[Feedback]) -> Receipt:
        """Equal feedback counts once."""
        self._check()
        new = [item for item in batch if item not in self.feedback]
        self.feedback += new
        return Receipt(len(new), len(batch) - len(new), 0)


@dataclass
class FakeIncidents:
    """Reports in memory; the same one twice is one."""

    reports: dict[str, IncidentReport] = field(default_factory=dict)
    down: bool = False

    def open(self, report: IncidentReport) -> None:
        """Store."""
        if self.down:
            raise LedgerUnavailable("The ledger cannot be written.")
        self.reports.setdefault(report.id, report)

    def reported(self, advice_id: str, *, client: str, user: str) -> list[IncidentReport]:
        """What this user reported."""
        wanted = (advice_id, client, user)
        return [each for each in self.reports.values() if (each.advice_id, each.client, each.user) == wanted]


@dataclass(frozen=True)
class FakeBegun:
    """A launch on its way."""

    authorize_url: str
    state: str
    pending: str
    form: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class FakeVisit:
    """A completed launch."""

    patient_id: str = "p1"
    client: str = "general"
    handle: str = "handle-of-the-tokens"
    encounter_id: str | None = "e1"
    user: str = "Practitioner/7"
    app_context: str | None = None
    need_patient_banner: bool = True
    not_granted: tuple[str, ...] = ()
    expires_at: datetime | None = None
    can_write: tuple[str, ...] = ()
    intent: str = ""
    tenant: str = ""
    fhir_context: tuple = ()
    style: dict[str, str] = field(default_factory=dict)
    locale: str = ""


@dataclass
class FakeSessions:
    """An EHR that answers at once. `visit` is the next to come back; `begun` counts the requests it would have had."""

    visit: FakeVisit = field(default_factory=FakeVisit)
    begun: list[str | None] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    completed: list[dict[str, str]] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    clock: SetClock | None = None
    by_post: bool = False

    def begin(self, ehr: Ehr, launch: str | None, redirect_uri: str) -> FakeBegun:
        """Begin."""
        self.begun.append(launch)
        self.asked.append(ehr.iss)
        state = f"state-{uuid.uuid4()}"
        if self.by_post:
            form = {"state": state, "scope": '"><script>alert(1)</script>'}
            return FakeBegun("https://as.example/authorize?tenant=1", state, ehr.client, form)
        return FakeBegun(f"https://as.example/authorize?state={state}&redirect_uri={redirect_uri}", state, ehr.client)

    def access(self, visit: FakeVisit) -> FhirAccess:
        """Leave to read until the visit's token ends."""
        if visit.expires_at is not None and self.clock is not None and visit.expires_at <= self.clock.now():
            raise NotAllowed("The EHR's permission to read this record has run out.")
        return FhirAccess(ISS, "the-access-token")

    def renewed(self, visit: FakeVisit, access: FhirAccess) -> FhirAccess:
        """Never."""
        raise NotAllowed("The EHR's permission to read this record has run out.")

    def granted(self, visit: FakeVisit) -> FakeVisit:
        """What the test says."""
        return visit

    def end(self, visit: FakeVisit) -> None:
        """End."""
        self.ended.append(visit.handle)

    def complete(self, pending: str, callback: dict[str, str]) -> FakeVisit:
        """Complete."""
        self.completed.append(dict(callback))
        return self.visit


MODEL = ModelInfo(
    id="icu-mortality",
    version="1.0.0",
    digest="ab" * 32,
    title="Risk of death in hospital (intensive care)",
    description="Estimates the risk.",
    outcome="Death in hospital during this stay",
    horizon="until the end of this hospital stay",
    base_rate=0.14,
    hooks=("patient-view",),
    action="Ask a senior clinician to review the patient now.",
    intended_use="Supports clinical judgement, does not replace it. For adults in intensive care, hour 6 to 48.",
)

# concept, label, feature words, log-odds, value, unit, hours before, reported unit and value
SIGNALS = (
    ("Lactate", "last", 0.58, 4.1, "mmol/L", 0.4, "mmol/L", 4.1),
    ("Glasgow coma score", "lowest, last 12 h", 0.45, 7.0, "{score}", 2.0, "{score}", 7.0),
    ("Urea nitrogen", "last", 0.31, 38.0, "mg/dL", 5.0, "mmol/L", 13.57),
    ("Urine output", "sum, last 12 h", -0.28, 940.0, "mL", 1.0, "mL", 940.0),
    ("Heart rate", "mean, last 12 h", 0.22, 112.0, "/min", 0.2, "/min", 112.0),
    ("Body temperature", "last", -0.12, 37.2, "Cel", 1.5, "Cel", 37.2),
    ("Mean arterial pressure", "lowest", 0.11, 58.0, "mm[Hg]", 0.2, "mm[Hg]", 58.0),
    ("Creatinine", "last", -0.09, 0.8, "mg/dL", 5.0, "umol/L", 71.0),
    ("Sodium", "last", -0.05, 139.0, "mmol/L", 5.0, "mmol/L", 139.0),
    ("Potassium", "last", 0.03, 4.4, "mmol/L", 30.0, "mmol/L", 4.4),
)


def _fact(label: str, value: float, unit: str, hours: float, reported_unit: str, reported: float) -> Observation:
    return Observation(
        f"Observation/{label.lower().replace(' ', '-')}-1",
        (Coding(LOINC, "0-0", label),),
        value,
        unit,
        NOW - timedelta(hours=hours),
        "final",
        Source.FHIR,
        reported,
        reported_unit,
    )


def make_explanation() -> Explanation:
    """Twelve attributions of eleven concepts that add up to a risk of 31 %."""
    parts = [
        Attribution(
            f"{label}.{words}", label, label, f"{label}: {words}", log_odds, value, unit,
            (_fact(label, value, unit, hours, reported_unit, reported),),
        )
        for label, words, log_odds, value, unit, hours, reported_unit, reported in SIGNALS
    ]  # fmt: skip
    heart = parts[4]
    extra = dataclasses.replace(heart, feature="hr.max", label="Heart rate: highest", log_odds=0.06, value=131.0)
    age = Attribution("age", "age", "Age", "Age", 0.19, 74.0, "a")
    return Explanation(math.log(0.13 / 0.87) - 0.31, (*parts, extra, age))


def make_risk(**changes: object) -> RiskAssessment:
    """A whole assessment."""
    explanation = make_explanation()
    risk = RiskAssessment(
        model=MODEL,
        as_of=NOW,
        probability=1 / (1 + math.exp(-explanation.log_odds)),
        tier=Tier("amber", 0.2, Indicator.WARNING, "alert budget"),
        explanation=explanation,
        situation="hour 24 of the intensive care stay",
        missing=("Bilirubin", "Albumin", "Arterial pH"),
        unused=(
            SetAside("Observation/k-9", SetAsideReason.UNIT, "the unit is not known for potassium"),
            SetAside("Observation/hr-3", SetAsideReason.IMPLAUSIBLE, "outside 10 to 300 /min"),
            SetAside("Observation/hr-4", SetAsideReason.IMPLAUSIBLE, "outside 10 to 300 /min"),
        ),
        oldest=NOW - timedelta(hours=22),
        newest=NOW - timedelta(minutes=12),
    )
    return dataclasses.replace(risk, **changes)


def make_abstention(*, in_population: bool = True) -> Abstention:
    """A model that does not answer."""
    return Abstention(
        MODEL, NOW, AbstentionReason.NOT_ENOUGH_DATA, "only 3 of the 8 signals that are needed were measured",
        in_population, ("Heart rate", "Urine output"),
    )  # fmt: skip


def make_advice(
    finding: Finding | None = None, *, patient_id: str = "p1", client: str = "general",
    withheld: WithheldReason | None = None,
) -> Advice:  # fmt: skip
    """An entry of the ledger."""
    return Advice(
        id=str(uuid.uuid4()),
        suggestion_id=str(uuid.uuid4()),
        time=NOW,
        client=client,
        service="icu-mortality",
        hook="patient-view",
        hook_instance=str(uuid.uuid4()),
        patient_id=patient_id,
        encounter_id="e1",
        user="Practitioner/7",
        unit_name="ICU 2",
        finding=finding or make_risk(),
        withheld=withheld,
    )


@dataclass
class House:
    """The page with everything around it."""

    clock: SetClock
    ledger: FakeLedger
    sessions: FakeSessions
    findings: list[Callable[[], tuple[Finding, WithheldReason | None]]]
    fault: Exception | None = None
    banners: dict[str, Banner] = field(default_factory=dict)
    app: Flask = field(default_factory=lambda: Flask("test"))
    incidents: FakeIncidents = field(default_factory=FakeIncidents)
    silent: dict[tuple[str, str], WithheldReason] = field(default_factory=dict)
    deps: Deps | None = None
    also: list[tuple[str, ...]] = field(default_factory=list)

    def silence(self, visit: FakeVisit, service: str) -> WithheldReason | None:
        """Why this user may see nothing of a service, as a test says it."""
        return self.silent.get((visit.user, service))

    def assess(self, visit: FakeVisit, also: Sequence[str] = ()) -> Assessed:
        """Every model, into the ledger."""
        self.also.append(tuple(also))
        if self.fault is not None:
            raise self.fault
        made = [
            make_advice(finding, patient_id=visit.patient_id, client=visit.client, withheld=withheld)
            for finding, withheld in (make() for make in self.findings)
        ]
        for advice in made:
            self.ledger.append(advice)
        return Assessed(self.banner(visit), made)

    def banner(self, visit: FakeVisit) -> Banner:
        """Who it is."""
        return self.banners.get(visit.patient_id) or Banner(
            visit.patient_id, f"Ada {visit.patient_id.upper()}", date(1952, 3, 4), "female"
        )

    def browser(self) -> FlaskClient:
        """A new browser."""
        return self.app.test_client()


@pytest.fixture
def house() -> House:
    """The page with one model that finds a risk."""
    clock = SetClock()
    made = House(clock, FakeLedger(), FakeSessions(clock=clock), [lambda: (make_risk(), None)])
    deps = Deps(
        ehrs={
            ISS: Ehr("general", ISS, "chartside", ("https://ehr.example",)),
            OTHER_ISS: Ehr("other", OTHER_ISS, "chartside", ("https://other.example",)),
        },
        sessions=made.sessions,
        assess=made.assess,
        banner=made.banner,
        ledger=made.ledger,
        clock=clock,
        contexts=CONTEXTS,
        base_url=BASE_URL,
        secret=b"s" * 32,
        silence=made.silence,
        incidents=made.incidents,
    )
    made.deps = deps
    made.app.register_blueprint(create_blueprint(deps))
    return made


@pytest.fixture
def browser(house: House) -> FlaskClient:
    """A browser."""
    return house.browser()


@dataclass
class Doctor:
    """What a clinician does with a browser."""

    house: House

    def begin(self, browser: FlaskClient, iss: str = ISS):
        """Follow the EHR's link; gives the redirect to the authorization server."""
        return browser.get("/smart/launch", query_string={"iss": iss, "launch": "L1"}, base_url=BASE_URL)

    def open(self, browser: FlaskClient, visit: FakeVisit | None = None):
        """Launch until the page's address is known."""
        self.house.sessions.visit = visit or FakeVisit()
        state = self.begin(browser).location.split("state=")[1].split("&")[0]
        back = browser.get("/smart/callback", query_string={"code": "c", "state": state}, base_url=BASE_URL)
        return back.location

    def see(self, browser: FlaskClient, visit: FakeVisit | None = None) -> tuple[str, str]:
        """Open the page; gives its address and text."""
        url = self.open(browser, visit)
        return url, browser.get(url, base_url=BASE_URL).text

    def post(self, browser: FlaskClient, url: str, form: dict[str, str]):
        """Send a form."""
        return browser.post(url, data=form, base_url=BASE_URL)


@pytest.fixture
def doctor(house: House) -> Doctor:
    """A clinician."""
    return Doctor(house)


@pytest.fixture
def make():
    """Makers of findings and visits."""

    class Make:
        risk = staticmethod(make_risk)
        abstention = staticmethod(make_abstention)
        advice = staticmethod(make_advice)
        visit = FakeVisit
        now = NOW
        iss = ISS
        base_url = BASE_URL
        contexts = CONTEXTS

        @staticmethod
        def token(advice, *, reports=False):
            """What a link of a card carries: the one to the page, or the one that reports a problem."""
            return CONTEXTS.write(advice.id, advice.client, reports=reports)

    return Make


@contextmanager
def _served(app: Flask) -> Iterator[str]:
    """An app on a free port of this machine; gives its origin."""
    server = make_server("127.0.0.1", 0, whole(app), threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(5)
    server.server_close()


@pytest.fixture
def serve() -> Iterator[Callable[[Flask], str]]:
    """Serves apps on free ports until the test ends; gives the origin of each."""
    with ExitStack() as stack:
        yield lambda app: stack.enter_context(_served(app))


@pytest.fixture
def chart_app() -> Flask:
    """The EHR's own page: a frame around the address in its setting `SRC`."""
    app = Flask("chart")
    frame = '<!doctype html><iframe sandbox="{}" width="900" height="900" src="{}">'
    app.add_url_rule("/", "chart", lambda: frame.format(SANDBOX, app.config["SRC"]))
    return app


@pytest.fixture
def chart(chart_app: Flask, serve: Callable[[Flask], str]) -> str:
    """Its origin on localhost, so that a page on 127.0.0.1 is another site."""
    return serve(chart_app).replace("127.0.0.1", "localhost")


@pytest.fixture
def server() -> Iterator[AuthorizationServer]:
    """A running authorization server on a free port."""
    with running(AuthorizationServer()) as made:
        yield made


@pytest.fixture
def real_clock() -> RealClock:
    """The time."""
    return RealClock()


@pytest.fixture
def transport() -> Iterator[Transport]:
    """The product's own way out, closed at the end. It waits long for an answer: a busy machine is no fault."""
    made = Transport(Limits(connect=0.5, read=PATIENCE_S))
    yield made
    made._http.close()


@pytest.fixture
def sessions_for(transport: Transport, real_clock: RealClock) -> Callable[..., SmartSessions]:
    """Launches for a page that is registered in a certain way."""

    def make(
        registration: Registration | None = None, scopes: tuple[str, ...] = SCOPES, seconds: float = PATIENCE_S
    ) -> SmartSessions:
        return SmartSessions(
            transport=transport,
            clock=real_clock,
            scopes=scopes,
            seal_key=b"k" * 32,
            seconds=seconds,
            registrations={"general": registration} if registration else None,
        )

    return make


@pytest.fixture
def sessions(sessions_for: Callable[..., SmartSessions]) -> SmartSessions:
    """Launches of a public client."""
    return sessions_for()


@pytest.fixture
def ehr(server: AuthorizationServer) -> Ehr:
    """The EHR in our registry."""
    return Ehr("general", server.iss, "chartside-app", ("https://ehr.example",))


@pytest.fixture
def launch_with(server: AuthorizationServer, ehr: Ehr) -> Callable[..., Visit]:
    """A whole launch; without a launch id it is standalone."""

    def run(sessions: SmartSessions, launch: str | None = "L1") -> Visit:
        begun = sessions.begin(ehr, launch, REDIRECT)
        return sessions.complete(begun.pending, server.authorize(begun.authorize_url, dict(begun.form)))

    return run


@pytest.fixture
def launch(sessions: SmartSessions, launch_with: Callable[..., Visit]) -> Callable[[], Visit]:
    """A whole launch of a public client from the chart."""
    return lambda: launch_with(sessions)


@dataclass
class FakeFacts:
    """An EHR that shows single resources. `fault` is raised instead, if there is one."""

    fact: SourceFact = field(
        default_factory=lambda: SourceFact(
            "Observation", "Lactate", "4.1 mmol/L", NOW, "final", "Laboratory", "0.5 to 2.2 mmol/L"
        )
    )
    fault: Exception | None = None
    asked: list[tuple[str, str]] = field(default_factory=list)

    def read_fact(self, visit: FakeVisit, reference: str) -> SourceFact:
        """The same for every reference."""
        self.asked.append((visit.patient_id, reference))
        if self.fault is not None:
            raise self.fault
        return self.fact


@pytest.fixture
def facts(house: House) -> FakeFacts:
    """Source facts behind the page; `house` is then served by an app that has them."""
    assert house.deps is not None
    made = FakeFacts()
    house.app = Flask("facts")
    house.app.register_blueprint(create_blueprint(dataclasses.replace(house.deps, facts=made)))
    return made
