"""What becomes known afterwards: groups, actions, outcomes and reports of problems, of one day each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

import numpy as np

from chartside.history.events import History
from chartside.history.findings import FindingMaker
from chartside.history.patients import GROUPS, READMISSION_DAYS
from chartside.history.plan import ICU_MORTALITY, READMISSION, SERVICES, SHADOW, Plan
from chartside.history.rows import Rows
from chartside.history.truth import cards
from clinical.advice import Advice
from clinical.follow_up import ActionSeen, ObservedOutcome, PatientGroup
from clinical.incident import IncidentReport, ProblemKind
from oversight.follow_up.keys import outcome_name

_ACTIONS = {"icu-mortality": "senior-review", "sepsis-6h": "lactate-ordered", "readmission-30d": "follow-up-booked"}
_BROKEN_WORDS = (
    "The earlier stays on this card are not in the chart. It has been like this for everybody since this week."
)
_UNIT_WORDS = "The glucose on this card is more than ten times what the laboratory reported."
_OTHER_WORDS = ("The card took half a minute to come.", "The text was cut off on the small screen.")


def groups(history: History, client: str, day: int) -> Iterator[PatientGroup]:
    """The groups of the assessed patients whose stay begins on a day, for audit."""
    stays, assessed = history.stays, np.unique(history.rows["stay"])
    labels = {name: list(shares) for name, shares in GROUPS.items()}
    begun = assessed[(stays.start[assessed] >= day) & (stays.start[assessed] < day + 1)]
    for stay in begun.tolist():
        for name, codes in stays.groups.items():
            yield PatientGroup(f"made-up-{stays.patient[stay]}", client, name, labels[name][codes[stay]])


def actions(rows: Rows, advice: Sequence[Advice]) -> Iterator[ActionSeen]:
    """That cards were acted on, whether or not they were answered: the record shows it some minutes later."""
    for row, each in zip(rows, advice, strict=True):
        if row["acted"] and each.shown:
            yield ActionSeen(each.id, each.client, _ACTIONS[each.service], each.time + timedelta(minutes=25))


def outcomes(history: History, maker: FindingMaker, client: str, day: int) -> Iterator[ObservedOutcome]:
    """The outcomes that become known on a day, of stays that were assessed."""
    stays = history.stays
    for service in range(SHADOW):
        due = stays.due(service)
        name = outcome_name(maker.infos[SERVICES[service]].outcome)
        rows = history.rows[(history.rows["service"] == service) & history.rows["first"]]
        begun = dict(zip(rows["stay"].tolist(), rows["time"].tolist(), strict=True))
        ready = np.flatnonzero(history.known(service) & (due >= day) & (due < day + 1))
        for stay in ready.tolist():
            if stay in begun:
                occurred = bool(history.happened[stay, service])
                when = _when(history, service, stay, begun[stay]) if occurred else float(due[stay])
                patient = f"made-up-{stays.patient[stay]}"
                yield ObservedOutcome(patient, client, name, occurred, maker.moment(when), f"made-up-stay-{stay}")


def _when(history: History, service: int, stay: int, assessed: float) -> float:
    """When an event came: a death ends the stay, sepsis begins within hours, a readmission comes within the month."""
    end = float(history.stays.end[stay])
    part = (stay * 0.618) % 1.0
    if service == ICU_MORTALITY:
        return end
    # Within the horizon counted from the first assessment, which is up to two days before the end.
    return end + part * (READMISSION_DAYS - 3.0) if service == READMISSION else assessed + 0.01 + part * 0.23


def reports(
    rows: Rows, advice: Sequence[Advice], day: int, plan: Plan, rng: np.random.Generator
) -> Iterator[IncidentReport]:
    """Reports of problems: of the broken rule, of the laboratory's change, and now and then another."""
    shown = cards(rows)
    broken_days = (plan.broken_day + 2, plan.broken_day + 5)
    changed_days = (plan.unit_change_day + 3, plan.unit_change_day + 8)
    wanted = (
        (rows["broken"] & shown, day in broken_days, ProblemKind.WRONG_RISK, _BROKEN_WORDS),
        ((rows["factor"] > 1) & shown, day in changed_days, ProblemKind.WRONG_DATA, _UNIT_WORDS),
        (shown, day % 30 == 12, ProblemKind.TECHNICAL, _OTHER_WORDS[day // 30 % 2]),
    )
    for which, today, kind, words in wanted:
        found = np.flatnonzero(which)
        if today and found.size:
            about = advice[int(rng.choice(found))]
            number = f"I-{rng.bytes(6).hex()}"
            time = about.time + timedelta(minutes=15)
            yield IncidentReport(number, time, about.client, about.service, about.id, kind, words, about.user)
