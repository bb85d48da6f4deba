"""`/oversight/alerts`: what the monitors have raised, what was done about it, and whether it helped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import groupby
from typing import Any, Protocol

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for

from clinical.audit import AuditEvent, AuditKind
from clinical.errors import Unprocessable
from clinical.ports import Audit, Clock
from oversight.alerts import Alert, AlertStep, Series, check_words, is_overdue, since
from oversight.monitor_runs import KeptRun
from oversight.monitors.alert_series import AlertSeries, alert_series
from oversight.pages.alert_steps import fingerprint, logged, parted, step_forms, step_words, with_figures
from oversight.pages.door import forms
from oversight.pages.door.access import person, refused
from oversight.pages.door.roles import Right
from oversight.pages.mart_source import MartSource
from oversight.pages.no_page import no_such
from oversight.pages.pictures.interrupted_picture import interrupted_picture
from oversight.pages.words import people
from oversight.unjudged_weeks import UnjudgedWeek

# The monitors are meant to run once a week; a day later somebody should know that they have not.
MOST_DAYS = 8
OVERDUE_DAYS = 7
MOST_DIGITS = 12
# Told by shape as well as by word.
MARKS = {"fault": "✕", "alarm": "◆", "watch": "▲", "ok": "●", "refused": "○"}


class AlertBook(Protocol):
    """Alerts; `oversight.alerts.SqlAlerts` is one. All methods raise `LedgerUnavailable`."""

    def alerts(self, service: str | None = None) -> tuple[Alert, ...]:
        """All, newest first."""
        ...

    def alert(self, number: int) -> Alert | None:
        """One, or None."""
        ...

    def add(self, number: int, step: AlertStep, words: str, *, by_whom: str, role: str, now: datetime) -> Alert:
        """Add a step. Raises `Unprocessable` for one out of order."""
        ...

    def check(
        self, number: int, series: Series, action: date, *, by_whom: str, role: str, now: datetime, words: str = ""
    ) -> Alert:
        """Add a check with what a series says. Raises `Unprocessable` for one out of order."""
        ...


class RunBook(Protocol):
    """Runs of monitors; `oversight.monitor_runs.SqlRuns` is one. All methods raise `LedgerUnavailable`."""

    def latest(self) -> tuple[KeptRun, ...]:
        """The latest run of each service and monitor."""
        ...

    def of_alert(self, number: int) -> KeptRun | None:
        """The run that raised an alert."""
        ...

    def last_time(self) -> datetime | None:
        """When any monitor last ran."""
        ...

    def unjudged(self, now: datetime) -> tuple[UnjudgedWeek, ...]:
        """The weeks of the last half year that passed without an answer."""
        ...


@dataclass(frozen=True, slots=True)
class AlertDesk:
    """What these pages need."""

    book: AlertBook
    runs: RunBook
    mart: MartSource | None
    audit: Audit
    clock: Clock


@dataclass(frozen=True, slots=True)
class Checked:
    """A series with its picture, the words that a check would keep, their fingerprint, and whether all is read."""

    found: AlertSeries
    picture: Any
    action: date
    words: str
    seen: str
    current: bool


def add_routes(pages: Blueprint, desk: AlertDesk) -> None:
    """The list, one alert, and its next step."""

    @pages.get("/oversight/alerts")
    def alerts() -> Response:
        """Open alerts, the action log, and when the monitors ran."""
        return _listed(desk)

    @pages.get("/oversight/alerts/<number>")
    def alert(number: str) -> Response:
        """One alert."""
        return _one(desk, number)

    @pages.post("/oversight/alerts/<number>/step")
    def alert_step(number: str) -> Response:
        """Take the next step."""
        return _step(desk, number)


# What somebody has to do about it, who may not be the one who reads it.
BY_ITSELF = "“chartside monitor --watch” beside the service runs them every week; its log says what keeps it from that."


def freshness(last: datetime | None, now: datetime) -> str:
    """What has to be said loudly of when the monitors ran, or nothing."""
    if last is None:
        return f"The monitors have never run, so nothing would raise an alert. {BY_ITSELF}"
    days = (now - last).days
    if days <= MOST_DAYS:
        return ""
    return f"The monitors have not run for {days} days. What has changed since raises no alert. {BY_ITSELF}"


def _listed(desk: AlertDesk) -> Response:
    """Note the view, and draw."""
    if (answer := refused(Right.ALERTS)) is not None:
        return answer
    now = desk.clock.now()
    _note(desk, f"alerts, by {person().name}")
    every, last = desk.book.alerts(), desk.runs.last_time()
    still = [one for one in every if one.state is not AlertStep.CLOSED]
    late = {one.number for one in still if is_overdue(one, now, OVERDUE_DAYS)}
    services = _by_service(desk.runs.latest())
    page = render_template(
        "oversight/alerts.html",
        still=sorted(still, key=lambda one: (one.number not in late, -one.number)),
        late=late,
        days={one.number: (now - one.time).days for one in still},
        log=[logged(one) for one in every if one.state is AlertStep.CLOSED],
        services=services,
        broken={name: [run for run in runs if run.status == "fault"] for name, runs in services.items()},
        unjudged=_grouped(desk.runs.unjudged(now)),
        last=last,
        stale=freshness(last, now),
        marks=MARKS,
        overdue_days=OVERDUE_DAYS,
    )
    return make_response(page)


def _grouped(weeks: Sequence[UnjudgedWeek]) -> Mapping[str, list[UnjudgedWeek]]:
    """Weeks without an answer, by service."""
    return {name: list(ones) for name, ones in groupby(weeks, key=lambda week: week.service)}


def _by_service(runs: tuple[KeptRun, ...]) -> Mapping[str, list[KeptRun]]:
    """Runs of each service, the loudest first. What ran for an earlier week than the rest has been left out since."""
    found: dict[str, list[KeptRun]] = {}
    for run in runs:
        found.setdefault(run.service, []).append(run)
    order = list(MARKS)
    return {
        name: sorted(
            (run for run in ones if run.last == max(each.last for each in ones)),
            key=lambda run: order.index(run.status) if run.status in order else len(order),
        )
        for name, ones in found.items()
    }


def _one(desk: AlertDesk, number: str, fault: str = "") -> Response:
    """One alert with its run, its steps, and the forms of the next ones.

    With a fault of a form that was sent, 400, and what was typed stands in the form again.
    """
    if (answer := refused(Right.ALERTS)) is not None:
        return answer
    found = _alert(desk, number)
    _note(desk, f"alert {found.number}, by {person().name}", found.service)
    page = render_template(
        "oversight/alert.html",
        alert=found,
        run=desk.runs.of_alert(found.number),
        overdue=is_overdue(found, desk.clock.now(), OVERDUE_DAYS),
        checked=_checked(desk, found),
        forms=step_forms(found) if person().may(Right.HANDLE_ALERTS) else (),
        token=forms.token,
        parted=parted,
        marks=MARKS,
        may=person().may(Right.HANDLE_ALERTS),
        people=people,
        fault=forms.with_echo(fault),
        typed=forms.echoed(),
    )
    return make_response(page, 400 if fault else 200)


def _checked(desk: AlertDesk, alert: Alert) -> Checked | None:
    """The series around the latest action; None without an action, a mart, or a figure by week."""
    action = since(alert, AlertStep.ACTION)
    if action is None or desk.mart is None:
        return None
    current = desk.mart.as_of().current
    with desk.mart.open() as mart:
        found = alert_series(mart, alert, desk.clock.now().astimezone(UTC).date())
    if found is None or not found.totals:
        return None
    words = check_words(found.series, action)
    return Checked(found, interrupted_picture(found, action), action, words, fingerprint(words), current)


def _step(desk: AlertDesk, number: str) -> Response:
    """Take a step, and lead back to the alert."""
    if (answer := refused(Right.HANDLE_ALERTS)) is not None or (answer := forms.faulty()) is not None:
        return answer
    found = _alert(desk, number)
    try:
        step = AlertStep(request.form.get("step", ""))
        words = step_words(step, request.form.get("words", ""), request.form.get("expected", ""))
        _note(desk, f"alert {found.number}: {step.value}, by {person().name}", found.service)
        _keep(desk, found, step, words)
    except (Unprocessable, ValueError) as fault:
        said = fault.message if isinstance(fault, Unprocessable) else "There is no such step."
        return _one(desk, number, said)
    return make_response(redirect(url_for("oversight.alert", number=found.number), 303))


def _alert(desk: AlertDesk, number: str) -> Alert:
    """The alert of an address, or 404."""
    known = number.isascii() and number.isdecimal() and len(number) <= MOST_DIGITS
    return (desk.book.alert(int(number)) if known else None) or no_such("alert", "alerts", "All alerts")


def _keep(desk: AlertDesk, alert: Alert, step: AlertStep, words: str) -> None:
    """Add the step; a check only with the figures that were shown. Raises `Unprocessable`."""
    who, now = person(), desk.clock.now()
    checked = _checked(desk, alert) if step is AlertStep.CHECK else None
    if checked is None:
        desk.book.add(alert.number, step, words, by_whom=who.name, role=who.role, now=now)
    elif not checked.current:
        raise Unprocessable("The figures are still being brought up to the ledger. Send it again in a moment.")
    elif request.form.get("seen") != checked.seen:
        raise Unprocessable("The figures have moved since the page was drawn. Look at them again; nothing was kept.")
    else:
        series, action = checked.found.series, checked.action
        with_figures(words, checked.words)
        desk.book.check(alert.number, series, action, by_whom=who.name, role=who.role, now=now, words=words)


def _note(desk: AlertDesk, detail: str, service: str = "") -> None:
    """Into the audit, before anything is shown or done."""
    desk.audit.note(AuditEvent(desk.clock.now(), AuditKind.LEDGER_READ, service=service, detail=detail))
