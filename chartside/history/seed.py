"""Writes a history into a ledger, day by day, through the interfaces that everybody else uses."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
from sqlalchemy import Engine, select

from chartside.history.events import History, draw
from chartside.history.findings import FindingMaker
from chartside.history.follow_up import actions, groups, outcomes, reports
from chartside.history.plan import SERVICES, Plan
from chartside.history.replies import Sent, replies
from chartside.history.rows import STATES, Rows
from chartside.history.truth import Truth, truth_of
from chartside.history.ward import UNITS
from clinical.advice import Advice, WithheldReason
from clinical.assessment import ModelInfo
from clinical.errors import ChartsideError
from clinical.invocation import SMART_HOOK
from oversight import tables
from oversight.database import reading
from oversight.follow_up.actions import SqlActions
from oversight.follow_up.groups import SqlGroups
from oversight.follow_up.outcomes import SqlOutcomes
from oversight.incidents import SqlIncidents
from oversight.ledger import SqlLedger
from oversight.pseudonyms import Pseudonyms

SOURCE = "made-up history"


class LedgerNotEmpty(ChartsideError):
    """The ledger holds entries already."""


@dataclass(slots=True)
class SetClock:
    """A clock that is set."""

    time: datetime

    def now(self) -> datetime:
        """The time it was set to."""
        return self.time


@dataclass(frozen=True, slots=True)
class Books:
    """What the history is written into."""

    clock: SetClock
    ledger: SqlLedger
    incidents: SqlIncidents
    outcomes: SqlOutcomes
    groups: SqlGroups
    actions: SqlActions


@dataclass(frozen=True, slots=True)
class Wishes:
    """What somebody wants seeded. The history ends with `last_day`."""

    last_day: date
    client: str = "demo-ehr"
    seed: int = 1
    plan: Plan = field(default_factory=Plan)

    @property
    def first_day(self) -> date:
        """The first of the days."""
        return self.last_day - timedelta(days=self.plan.days - 1)


def check_empty(engine: Engine) -> None:
    """Raises `LedgerNotEmpty` unless no table of the ledger has a row."""
    with reading(engine) as connection:
        filled = [
            table.name for table in tables.CHAINED if connection.execute(select(table.c.sequence).limit(1)).first()
        ]
    if filled:
        raise LedgerNotEmpty(
            f"The ledger holds entries already ({', '.join(filled)}). A made-up history goes into a new ledger only: "
            "name a database that is not there yet in CHARTSIDE_DATABASE_URL."
        )


def seed(
    engine: Engine,
    pseudonyms: Pseudonyms,
    infos: Mapping[str, ModelInfo],
    wishes: Wishes,
    told: Callable[[int, int], object] = lambda *_: None,
) -> tuple[History, Truth]:
    """Write a history into an empty ledger, upgraded, and say what is true of it.

    `infos`: the models by id. `told` hears after each day how many are done, of how many. Raises `LedgerNotEmpty` and
    `LedgerUnavailable`.
    """
    check_empty(engine)
    rng = np.random.default_rng(wishes.seed)
    history = draw(wishes.plan, rng, first_weekday=wishes.first_day.weekday())
    start = datetime.combine(wishes.first_day, time(), UTC)
    clock = SetClock(start)
    books = Books(
        clock,
        SqlLedger(engine, pseudonyms, clock),
        SqlIncidents(engine, pseudonyms),
        SqlOutcomes(engine, pseudonyms, clock),
        SqlGroups(engine, pseudonyms, clock),
        SqlActions(engine, clock),
    )
    maker = FindingMaker(infos, history.stays, wishes.plan, start)
    _write(history, maker, books, wishes, rng, told)
    return history, truth_of(history, wishes.seed, wishes.first_day)


def _write(
    history: History,
    maker: FindingMaker,
    books: Books,
    wishes: Wishes,
    rng: np.random.Generator,
    told: Callable[[int, int], object],
) -> None:
    """Day by day: groups of new patients, advice, answers, actions, reports, and outcomes that are due."""
    waiting: list[Sent] = []
    for day in range(wishes.plan.days):
        books.groups.load(groups(history, wishes.client, day), SOURCE)
        todays = history.rows[(history.rows["time"] >= day) & (history.rows["time"] < day + 1)]
        advice = list(_advice(todays, history, maker, wishes.client, rng))
        for each in advice:
            books.clock.time = each.time
            books.ledger.append(each)
        evening = maker.moment(day + 1)
        waiting += [sent for row, each in zip(todays, advice, strict=True) for sent in replies(row, each)]
        due = sorted((sent for sent in waiting if sent.time < evening), key=lambda sent: sent.time)
        waiting = [sent for sent in waiting if sent.time >= evening]
        books.clock.time = evening
        if due:
            books.ledger.record([sent.feedback for sent in due])
        books.actions.load(actions(todays, advice), SOURCE)
        books.outcomes.load(outcomes(history, maker, wishes.client, day), SOURCE)
        for report in reports(todays, advice, day, history.plan, rng):
            books.incidents.open(report)
        told(day + 1, wishes.plan.days)
    if waiting:  # the last evening's, answered after midnight
        books.clock.time = maker.moment(wishes.plan.days) + timedelta(hours=1)
        books.ledger.record([sent.feedback for sent in waiting])


def _advice(
    rows: Rows, history: History, maker: FindingMaker, client: str, rng: np.random.Generator
) -> Iterator[Advice]:
    """Entries as advice."""
    ids = rng.bytes(48 * rows.size)
    for place, (row, finding) in enumerate(zip(rows, maker.make(rows), strict=True)):
        names = [
            str(uuid.UUID(bytes=ids[48 * place + 16 * n : 48 * place + 16 * (n + 1)], version=4)) for n in range(3)
        ]
        state = STATES[row["state"]]
        yield Advice(
            id=names[0],
            suggestion_id=names[1],
            time=maker.moment(row["time"]),
            client=client,
            service=SERVICES[row["service"]],
            hook=SMART_HOOK if row["page"] else finding.model.hooks[0],
            hook_instance=names[2],
            patient_id=f"made-up-{history.stays.patient[row['stay']]}",
            encounter_id=f"made-up-stay-{row['stay']}",
            user=history.roster.references[row["clinician"]],
            unit_name=UNITS[row["unit"]].name,
            finding=finding,
            withheld=None if state == STATES[0] else WithheldReason(state),
        )
