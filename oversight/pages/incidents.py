"""`/oversight/incidents`: problems with advice that clinicians have reported, and what became of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import NoReturn, Protocol, TypeVar

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for

from clinical.audit import AuditEvent, AuditKind
from clinical.errors import Unprocessable
from clinical.incident import ReporterKind
from clinical.ports import Audit, Clock
from oversight.device_report import DeviceFacts, DeviceReport, Reported, as_text, draft, dumped
from oversight.incident_events import IncidentHistory
from oversight.incidents import MOST_LISTED, Incident
from oversight.pages.door import forms
from oversight.pages.door.access import person, refused
from oversight.pages.door.roles import Right
from oversight.pages.incident_clock import due
from oversight.pages.incident_forms import blocks, event_forms, said
from oversight.pages.no_page import no_such
from oversight.pages.words import problem_kind
from oversight.report_deadlines import COUNTED


class IncidentSource(Protocol):
    """The newest incidents; `oversight.incidents.SqlIncidents` is one. Raises `LedgerUnavailable`."""

    def incidents(self, most: int) -> tuple[Incident, ...]:
        """At most `most`, newest first."""
        ...


class EventBook(Protocol):
    """Events of incidents; `oversight.incident_events.SqlIncidentEvents` is one. All raise `LedgerUnavailable`."""

    def histories(self) -> Mapping[str, IncidentHistory]:
        """Every incident by its id."""
        ...

    def history(self, incident_id: str) -> IncidentHistory | None:
        """One incident, or None."""
        ...

    def add(
        self,
        incident_id: str,
        kind: str,
        fields: Mapping[str, str],
        *,
        by_whom: str,
        role: str,
        now: datetime,
        seen: int,
    ) -> IncidentHistory:
        """Add an event. Raises `Unprocessable` for what does not fit, and where more than `seen` events are there."""
        ...


_MOST_DIGITS = 7


@dataclass(frozen=True, slots=True)
class IncidentWork:
    """What turns the list into pages of single incidents.

    `reported` says what the ledger knows of an incident; `device` what a manifest says of a model and version.
    """

    events: EventBook
    reported: Callable[[str], Reported | None]
    device: Callable[[str, str], DeviceFacts]


@dataclass(frozen=True, slots=True)
class IncidentDesk:
    """What these pages need. Without `work` there is only the list."""

    source: IncidentSource
    work: IncidentWork | None
    audit: Audit
    clock: Clock

    @property
    def today(self) -> date:
        """The UTC day."""
        return self.clock.now().astimezone(UTC).date()


def add_routes(pages: Blueprint, desk: IncidentDesk) -> None:
    """The list; where events are kept, each incident with its next events and the draft of a device report."""

    @pages.get("/oversight/incidents")
    def incidents() -> Response:
        """The problems that clinicians have reported."""
        return _listed(desk)

    if (work := desk.work) is None:
        return

    @pages.get("/oversight/incidents/<incident_id>")
    def incident(incident_id: str) -> Response:
        """One incident."""
        return _one(desk, work, incident_id)

    @pages.post("/oversight/incidents/<incident_id>/event")
    def incident_event(incident_id: str) -> Response:
        """Add an event."""
        return _event(desk, work, incident_id)

    @pages.get("/oversight/incidents/<incident_id>/draft")
    def incident_draft(incident_id: str) -> Response:
        """The draft of a device report: a page, or a file of text or JSON."""
        return _draft(desk, work, incident_id)


def _listed(desk: IncidentDesk) -> Response:
    """Note the view, and draw the list."""
    if (answer := refused(Right.INCIDENTS)) is not None:
        return answer
    _note(desk, "incidents")
    found = desk.source.incidents(MOST_LISTED + 1)
    histories = desk.work.events.histories() if desk.work else {}
    clocks = {each.id: due(histories[each.id], desk.today) for each in found if each.id in histories}
    overdue = sum(bool(clock and clock[0].left < 0) for clock in clocks.values())
    page = render_template(
        "oversight/incidents.html",
        incidents=[_for_the_role(each) for each in found[:MOST_LISTED]],
        more=len(found) > MOST_LISTED,
        most=MOST_LISTED,
        problem_kind=problem_kind,
        clocks=clocks,
        overdue=overdue,
        linked=desk.work is not None,
    )
    return make_response(page)


def _one(desk: IncidentDesk, work: IncidentWork, incident_id: str, fault: str = "") -> Response:
    """One incident: what was reported, of which advice, what was done, and what comes next.

    With a fault of a form that was sent, 400, and what was typed stands in the form again.
    """
    if (answer := refused(Right.INCIDENTS)) is not None:
        return answer
    found, history = _found(desk, work, incident_id, "incident")
    may = person().may(Right.HANDLE_INCIDENTS)
    page = render_template(
        "oversight/incident.html",
        found=found,
        history=history,
        device=work.device(found.model, found.version),
        clock=due(history, desk.today),
        counted=COUNTED,
        problem_kind=problem_kind,
        forms=event_forms(history) if may else (),
        blocks=blocks(),
        token=forms.token,
        may=may,
        reporters=tuple(ReporterKind),
        today=desk.today,
        fault=forms.with_echo(fault),
        typed=forms.echoed(),
    )
    return make_response(page, 400 if fault else 200)


def _event(desk: IncidentDesk, work: IncidentWork, incident_id: str) -> Response:
    """Add an event, and lead back to the incident."""
    if (answer := refused(Right.HANDLE_INCIDENTS)) is not None or (answer := forms.faulty()) is not None:
        return answer
    if work.events.history(incident_id) is None:
        _none()
    who = person()
    try:
        kind, fields = said(request.form)
        _note(desk, f"incident {incident_id}: {kind[:20]}")
        now, seen = desk.clock.now(), _seen()
        work.events.add(incident_id, kind, fields, by_whom=who.name, role=who.role, now=now, seen=seen)
    except Unprocessable as fault:
        return _one(desk, work, incident_id, fault.message)
    return make_response(redirect(url_for("oversight.incident", incident_id=incident_id), 303))


def _seen() -> int:
    """How many events the page of the form had; what is no such number fits no history."""
    given = request.form.get("seen", "")
    return int(given) if given.isascii() and given.isdecimal() and len(given) < _MOST_DIGITS else -1


def _draft(desk: IncidentDesk, work: IncidentWork, incident_id: str) -> Response:
    """The draft in the form that is asked for."""
    if (answer := refused(Right.INCIDENTS)) is not None:
        return answer
    who, form = request.args.get("as") or ReporterKind.USER_FACILITY.value, request.args.get("form") or "page"
    if who not in list(ReporterKind) or form not in _FORMS:
        faults = ["“as” must be user-facility or manufacturer, and “form” page, text or json."]
        return make_response(render_template("oversight/bad_request.html", faults=faults), 400)
    found, history = _found(desk, work, incident_id, f"device report draft ({form}) of incident")
    made = draft(found, history, work.device(found.model, found.version), ReporterKind(who), desk.today)
    if form == "page":
        page = render_template("oversight/device_report.html", report=made, counted=COUNTED, reporter=who)
        return make_response(page)
    return _file(made, form)


def _file(made: DeviceReport, form: str) -> Response:
    """A draft as a file."""
    content, kind, ending = (dumped(made), "application/json", "json") if form == "json" else (
        as_text(made), "text/plain; charset=utf-8", "txt"
    )  # fmt: skip
    response = Response(content + "\n", content_type=kind)
    name = "".join(letter for letter in made.incident if letter.isalnum() or letter == "-")
    response.headers["Content-Disposition"] = f'attachment; filename="draft-3500a-{name}-{made.who.value}.{ending}"'
    return response


_FORMS = ("page", "text", "json")
_Told = TypeVar("_Told", Incident, Reported)
NOT_FOR_ROLE = "(not shown for your role: it may name somebody)"


def _found(desk: IncidentDesk, work: IncidentWork, incident_id: str, what: str) -> tuple[Reported, IncidentHistory]:
    """An incident, noted before it is shown; 404 where there is none."""
    history = work.events.history(incident_id)
    if history is None:
        _none()
    _note(desk, f"{what} {incident_id}")
    found = work.reported(incident_id)
    return (_for_the_role(found), history) if found is not None else _none()


def _none() -> NoReturn:
    """No incident of this id."""
    no_such("incident", "incidents", "All incidents")


def _for_the_role(report: _Told) -> _Told:
    """A report, without its words for who may not read what clinicians wrote: they may name somebody."""
    return report if person().may(Right.COMMENTS) else replace(report, words=NOT_FOR_ROLE)


def _note(desk: IncidentDesk, what: str) -> None:
    """Into the audit, before anything is shown or done."""
    detail = f"{what}, by {person().name}"
    desk.audit.note(AuditEvent(desk.clock.now(), AuditKind.LEDGER_READ, detail=detail))
