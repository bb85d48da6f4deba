"""What a made-up quality team makes of a history: a review with two reviewers, reports triaged, alerts handled.

What is true of its verdicts is known: whether each override was appropriate is drawn first, and mostly seen.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import numpy as np
from sqlalchemy import Engine, select

from chartside.history.plan import READMISSION, SEPSIS, SERVICES, SHADOW, Floats
from chartside.history.seed import SOURCE
from clinical.errors import ChartsideError
from clinical.incident import IncidentState, ProblemKind
from oversight import tables
from oversight.alerts import Alert, AlertStep, SqlAlerts
from oversight.database import reading
from oversight.incident_events import SqlIncidentEvents
from oversight.incidents import Incident, SqlIncidents
from oversight.mart.mart import Questions
from oversight.pseudonyms import Pseudonyms
from oversight.reviews.drawing import drawn
from oversight.reviews.plan import Allocation, Grouping, Response, ReviewPlan
from oversight.reviews.population import population
from oversight.reviews.store import SqlReviews
from oversight.statistics.adjudication import State, Verdict

LEAD, ROLE = "lead of the made-up team", "quality"
REVIEWERS, THIRD = ("first made-up reviewer", "second made-up reviewer"), "third made-up reviewer"
DONE, WAITING = "sepsis-overrides", "readmission-overrides"
# An override at a low risk is appropriate more often. Each reviewer sees what is true this often.
SUITS_LOW, SUITS_HIGH, HIGH_RISK, SEEN = 0.8, 0.5, 0.4, 0.9
SIZE, WAITING_SIZE = 60, 24
CLOSED_AFTER = timedelta(days=40)
_WORDS = {Verdict.INAPPROPRIATE: "The values asked for it at that hour.", Verdict.CANNOT_TELL: "Too little is known."}
_ADJUDICATED = "Read again with both in mind."
_EPOCH = date(1970, 1, 1)
_DRIFT = "drift"
_BROKEN = (
    (AlertStep.ACKNOWLEDGED, "Seen. The comments of that week say the same."),
    (AlertStep.CAUSE, "The rule counted each earlier stay twice, and stays that were none."),
    (AlertStep.ACTION, "The rule was corrected ten days after it broke."),
)
_WANTED = (
    (AlertStep.ACKNOWLEDGED, "Seen."),
    (AlertStep.CAUSE, "The service went to the wards when its new version came. That was wanted."),
    (AlertStep.CLOSED, "Nothing to do."),
)


class NotMadeUp(ChartsideError):
    """The ledger is not that of a made-up history, or somebody has worked in it already."""


@dataclass(frozen=True, slots=True)
class Review:
    """What is true of the review that was finished: of so many overrides such a share was appropriate."""

    plan: str
    overrides: int
    appropriate: float
    drawn: int


@dataclass(frozen=True, slots=True)
class Team:
    """Who works, when. Nothing happens later than `now`."""

    engine: Engine
    pseudonyms: Pseudonyms
    mart: Questions
    now: datetime
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(1))

    def work(self) -> Review:
        """Do it all. Raises `NotMadeUp`, `Unprocessable` and `LedgerUnavailable`."""
        check_made_up(self.engine)
        self._handle_alerts()
        self._triage()
        found = self._review()
        self._draw(WAITING, SERVICES[READMISSION], WAITING_SIZE)
        return found

    def _at(self, moment: datetime) -> datetime:
        """A moment, or now where it has not come."""
        return min(moment, self.now)

    def _handle_alerts(self) -> None:
        """The first week of the broken rule has its cause and action; the wards of the shadow model were wanted."""
        alerts = SqlAlerts(self.engine)
        for alert in alerts.alerts():
            for day, (step, words) in enumerate(_steps(alert, alerts.alerts(SERVICES[READMISSION])), 1):
                when = self._at(alert.time + timedelta(days=day))
                alerts.add(alert.number, step, words, by_whom=LEAD, role=ROLE, now=when)

    def _triage(self) -> None:
        """Reports were triaged as malfunctions; the older ones are closed, the newest one nobody has read yet."""
        events, reports = SqlIncidentEvents(self.engine), SqlIncidents(self.engine, self.pseudonyms).incidents()
        newest = max(reports, key=lambda one: one.time)
        for each in reports:
            if each is not newest:
                self._triage_one(events, each)

    def _triage_one(self, events: SqlIncidentEvents, incident: Incident) -> None:
        """One report, up to where its age has taken it."""
        aware = {"harm": "malfunction", "aware": incident.time.date().isoformat()}
        steps: list[tuple[str, dict[str, str]]] = [(IncidentState.TRIAGED, aware)]
        if self.now - incident.time > CLOSED_AFTER:
            wrong = incident.kind != ProblemKind.TECHNICAL
            words = "Corrected; nobody was harmed." if wrong else "The display was slow or cut off; no value was wrong."
            steps += [(IncidentState.NOT_REPORTABLE, {"words": words}), (IncidentState.CLOSED, {"words": "Settled."})]
        for day, (kind, said) in enumerate(steps, 1):
            when = self._at(incident.time + timedelta(days=day))
            events.add(incident.id, kind, said, by_whom=LEAD, role=ROLE, now=when)

    def _draw(self, name: str, service: str, size: int) -> ReviewPlan:
        """Draw cards for review."""
        first, last, entry = _reach(self.mart)
        plan = ReviewPlan(
            name, service, first, last, (Response.OVERRIDDEN,), (Grouping.RISK,), size,
            Allocation.PROPORTIONAL, 1, entry,
        )  # fmt: skip
        cards = drawn(plan, population(self.mart, plan)).cards
        SqlReviews(self.engine, self.pseudonyms).add(plan, cards, self.now)
        return plan

    def _review(self) -> Review:
        """Two people judge every card, and a third settles what they see differently."""
        store = SqlReviews(self.engine, self.pseudonyms)
        plan = self._draw(DONE, SERVICES[SEPSIS], SIZE)
        sequences, risks = _overridden(self.mart, plan)
        suits = self.rng.random(risks.size) < np.where(risks < HIGH_RISK, SUITS_LOW, SUITS_HIGH)
        truth: dict[int, bool] = dict(zip(sequences.tolist(), suits.tolist(), strict=True))
        items = _items(store)
        for number, advice in items:
            for person in REVIEWERS:
                verdict = self._seen(suits=truth[advice])
                store.judge(DONE, number, verdict, _WORDS.get(verdict, ""), person=person, now=self.now)
        for number, advice in _items(store, State.TO_ADJUDICATE):
            verdict = Verdict.APPROPRIATE if truth[advice] else Verdict.INAPPROPRIATE
            store.settle(DONE, number, verdict, _ADJUDICATED, person=THIRD, now=self.now)
        return Review(DONE, int(suits.size), float(suits.mean()), len(items))

    def _seen(self, *, suits: bool) -> Verdict:
        """What one reviewer says."""
        if self.rng.random() > SEEN:
            return Verdict.CANNOT_TELL if self.rng.random() < 0.3 else _said(not suits)
        return _said(suits)


def check_made_up(engine: Engine) -> None:
    """Raises `NotMadeUp` unless a made-up history fills the ledger, and nobody has worked in it yet."""
    with reading(engine) as connection:
        sources = set(connection.scalars(select(tables.patient_group.c.source).distinct()))
        worked = [
            table.name
            for table in (tables.alert_event, tables.incident_event, tables.review_item)
            if connection.execute(select(table.c.sequence).limit(1)).first()
        ]
    if sources != {SOURCE} or worked:
        raise NotMadeUp("This is only for a ledger with a made-up history that nobody has worked in yet.")


def _said(suits: bool) -> Verdict:
    """The verdict that says it."""
    return Verdict.APPROPRIATE if suits else Verdict.INAPPROPRIATE


def _steps(alert: Alert, broken: tuple[Alert, ...]) -> tuple[tuple[AlertStep, str], ...]:
    """What was done about an alert."""
    if not alert.monitor.endswith(_DRIFT):
        return ()
    if alert.service == SERVICES[SHADOW] and alert.subject.startswith("unit"):
        return _WANTED
    first = min((each.first for each in broken if each.monitor.endswith(_DRIFT)), default=None)
    return _BROKEN if alert.service == SERVICES[READMISSION] and alert.first == first else ()


def _reach(mart: Questions) -> tuple[date, date, int]:
    """The first and the last day of the mart's advice, and the last entry."""
    ((first, last, entry),) = mart.rows("SELECT min(day), max(day), max(sequence) FROM advice")
    return _EPOCH + timedelta(days=first), _EPOCH + timedelta(days=last), int(entry)


def _overridden(mart: Questions, plan: ReviewPlan) -> tuple[Floats, Floats]:
    """The overridden cards of a plan's service and days, with their risks."""
    cards = population(mart, plan).sequences
    found = mart.arrays("SELECT sequence, probability FROM advice ORDER BY sequence", {})
    rows = np.isin(found["sequence"], cards)
    return found["sequence"][rows], found["probability"][rows]


def _items(store: SqlReviews, state: State | None = None) -> list[tuple[int, int]]:
    """Number and advice of the items of the finished review, of one state or all."""
    sheet = store.sheet(DONE)
    return [(item.number, item.advice) for item in (sheet.items if sheet else ()) if state in (None, item.state)]
