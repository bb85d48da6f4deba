"""`/smart/page/…`: the risk page, a new assessment, decisions, reports of problems, and the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from flask import Response, make_response, redirect, render_template, request, url_for

from clinical.advice import OVERRIDE_REASONS, Advice, Feedback, Outcome
from clinical.errors import ChartsideError, LedgerUnavailable, MalformedRequest, NotAllowed
from clinical.incident import MAX_WORDS, IncidentReport
from clinical.snooze import SNOOZES
from smart_app import cookies
from smart_app.faults import fault_page
from smart_app.form_token import check_form_token, form_token
from smart_app.headers import Exemption, allow
from smart_app.opening import Opening
from smart_app.page import view
from smart_app.page.decision import (
    MAX_COMMENT,
    Decision,
    Problem,
    as_feedback,
    check_possible,
    given_back,
    new_once,
    read_decision,
    with_difference,
)
from smart_app.page.filling import Filling, Room
from smart_app.page.problem_report import FORM, KINDS, as_report, place_of, read_report, still_to_write
from smart_app.page.write_route import Writing
from smart_app.ports.ehr import Banner
from smart_app.sessions import Launch
from smart_app.what_if.routes import WhatIf


class Page:
    """The routes of an open page."""

    def __init__(self, opening: Opening, what_if: WhatIf) -> None:
        """Keep the collaborators."""
        self._opening = opening
        self._what_if = what_if
        self._deps = opening.deps
        room = Room()
        self._filling, self._again = Filling(opening.opened, room), Filling(opening.assess, room)
        self.writing = Writing(opening, self._mine_by_form)

    def show(self, launch_id: str) -> Response:
        """The risk page. Reloading it changes nothing.

        Where the EHR takes its time, the browser is told so and looks again; the record is read once all the same.
        """
        launch = self._opening.mine(launch_id)
        if launch.round == 0:
            return self._or_busy(launch, self._filling.filled(launch))
        try:
            return self._or_busy(launch, self._again.filled(launch) if self._again.knows(launch) else launch)
        except ChartsideError as fault:
            return fault_page(fault, back=self._url(launch_id))

    def _or_busy(self, launch: Launch, filled: Launch | None) -> Response:
        """The page, the place on it that the card's link leads to, or that it takes longer."""
        if filled is None:
            return self._busy(launch)
        reports = self._opening.to_report(filled) if request.args.get("to") == FORM else ""
        return self._back(filled.id, place_of(reports)) if reports else self._render(filled)

    def again(self, launch_id: str) -> Response:
        """Assess again. A form of an earlier round only leads back to the page."""
        launch = self._mine_by_form(launch_id)
        try:
            waiting = request.form.get("round") == str(launch.round) and self._again.filled(launch) is None
        except ChartsideError as fault:
            return fault_page(fault, back=self._url(launch_id))
        return self._busy(launch) if waiting else self._back(launch_id)

    def decide(self, launch_id: str) -> Response:
        """Store a decision, or that one is withdrawn; say so only after it is stored."""
        launch = self._mine_by_form(launch_id)
        return self._or_not_saved(launch, self._decided)

    def _decided(self, launch: Launch) -> Response:
        """Check the form and store it, or show the page with what is wrong with it. Raises for all else."""
        advice = self._seen(launch)
        try:
            decision = read_decision(request.form)
            at = self._first_time(launch, advice, decision)
        except MalformedRequest as fault:
            sent = request.form.get("outcome", "")
            form = sent if sent in ("accepted", "snoozed", "withdrawn") else "overridden"
            return self._wrong(launch, advice, form, fault)
        self._store(as_feedback(decision, advice, launch.visit.user, at))
        return self._back(launch.id, f"saved-{advice.id}")

    def wake(self, launch_id: str) -> Response:
        """End a snooze that was given on earlier advice. Where there is none any more, the page says as much."""
        launch = self._mine_by_form(launch_id)
        return self._or_not_saved(launch, self._woken)

    def _woken(self, launch: Launch) -> Response:
        """Withdraw the snooze where it was given."""
        advice = self._seen(launch)
        snooze = self._opening.snoozes(launch, [advice]).get(advice.id)
        if snooze is not None:
            given_on = replace(advice, id=snooze.advice_id)
            decision = Decision(new_once(), Outcome.WITHDRAWN, None, "")
            at = max(self._deps.clock.now(), snooze.time)
            self._store(as_feedback(decision, given_on, launch.visit.user, at))
        return self._back(launch.id, f"d-{advice.id}")

    def report(self, launch_id: str) -> Response:
        """Open the draft of an incident; say so only after it is stored."""
        launch = self._mine_by_form(launch_id)
        return self._or_not_saved(launch, self._reported)

    def _reported(self, launch: Launch) -> Response:
        """Check the form and store it, or show the page with what is wrong with it. Raises for all else."""
        advice = self._opening.advice(launch, request.form.get("advice", ""))  # also of what was silenced since
        if self._deps.incidents is None:
            raise NotAllowed("Problems cannot be reported here.")
        try:
            found = read_report(request.form)
        except MalformedRequest as fault:
            return self._wrong(launch, advice, FORM, fault)
        self._deps.incidents.open(as_report(found, advice, launch, self._deps.clock.now()))
        return self._back(launch.id, f"r-{advice.id}")

    def _wrong(self, launch: Launch, advice: Advice, form: str, fault: MalformedRequest) -> Response:
        """The page with the form that was sent open again, its words in it, and what is wrong with it."""
        message = with_difference(fault.message, request.form)
        return self._render(launch, problem=Problem(advice.id, form, message), status=400)

    def _or_not_saved(self, launch: Launch, save: Callable[[Launch], Response]) -> Response:
        """What came of a form; whatever went wrong before it was stored, the answer says so, with a way back."""
        try:
            return save(launch)
        except ChartsideError as fault:
            return fault_page(fault, heading="Not saved", back=self._url(launch.id))

    def leave(self, launch_id: str) -> Response:
        """Close the page: the tokens are revoked and forgotten, the cookie goes."""
        launch = self._mine_by_form(launch_id)
        self._opening.stores.launches.take(launch.id)
        self._deps.sessions.end(launch.visit)
        response = make_response(render_template("smart_app/left.html"))
        cookies.take_back(response, [launch.id])
        return response

    def _seen(self, launch: Launch) -> Advice:
        """The advice that a form is about, if this user may see it: what nobody saw has no answer."""
        advice = self._opening.advice(launch, request.form.get("advice", ""))
        if advice.hidden:
            raise NotAllowed("This result is not shown here, so nothing was saved.")
        return advice

    def _first_time(self, launch: Launch, advice: Advice, decision: Decision) -> datetime:
        """When this form arrived first. Raises `MalformedRequest` for what cannot be done now.

        Never before what it changes: the clock of an EHR that answered on the card may be ahead of ours.
        """
        marks = self._opening.stores.marks
        key = f"decide/{launch.id}/{advice.id}/{decision.fingerprint}"
        known = marks.get(key)
        if known is not None:
            return known
        latest, now = self._opening.decision(launch, advice.id), self._deps.clock.now()
        check_possible(decision, advice, latest, launch.visit.user)
        if decision.outcome is Outcome.SNOOZED and self._opening.snoozes(launch, [advice]):
            raise MalformedRequest("Cards of this model about this patient are put off already. End that snooze first.")
        at = now if latest is None else max(now, latest.time)
        marks.put(key, at, launch.until, new=True)
        return marks.get(key) or at

    def _reports(self, launch: Launch) -> dict[str, Sequence[IncidentReport]]:
        """What this user has reported about the advice of the page, by its id."""
        if self._deps.incidents is None:
            return {}
        visit, reported = launch.visit, self._deps.incidents.reported
        return {id_: reported(id_, client=visit.client, user=visit.user) for id_ in launch.advice_ids}

    def _store(self, feedback: Feedback) -> None:
        """Record, and believe only a receipt that counts it."""
        receipt = self._deps.ledger.record([feedback])
        if receipt.stored + receipt.repeated != 1 or receipt.quarantined:
            raise LedgerUnavailable("The ledger did not take the decision.")

    def _mine_by_form(self, launch_id: str) -> Launch:
        """The launch, if the form came from its page."""
        launch = self._opening.mine(launch_id)
        check_form_token(self._deps.secret, launch.id, launch.browser, request.form.get("csrf_token", ""))
        return launch

    def _render(self, launch: Launch, problem: Problem | None = None, status: int = 200) -> Response:
        """The page of a launch that has been filled."""
        now, zone = self._deps.clock.now(), self._deps.zone
        banner = launch.banner or Banner(launch.visit.patient_id)
        shown = self._opening.shown(launch)
        snoozes = self._opening.snoozes(launch, [advice for advice, _ in shown])
        findings = [advice.finding for advice, _ in shown if not advice.hidden]
        reports, to_report = self._reports(launch), self._opening.to_report(launch)
        body = render_template(
            "smart_app/page.html",
            launch=launch,
            person=self._opening.person(launch),
            sections=view.sections(shown, now, zone, launch.visit.user, reports, self._deps.learned, snoozes),
            incomplete=view.once(banner.incomplete, *(finding.incomplete for finding in findings)),
            caveats=view.once(banner.caveats, *(finding.caveats for finding in findings)),
            not_granted=view.kept_back(self._deps.sessions.granted(launch.visit).not_granted),
            csrf_token=form_token(self._deps.secret, launch.id, launch.browser),
            once=new_once(),
            reasons=OVERRIDE_REASONS,
            snoozes=SNOOZES,
            max_comment=MAX_COMMENT,
            problem_kinds=KINDS if self._deps.incidents else {},
            max_words=MAX_WORDS,
            to_report=to_report,
            report_open=still_to_write(to_report, reports, launch),
            problem=problem,
            sent=given_back(request.form) if problem else {},
            what_ifs=self._what_if.views([advice for advice, _ in shown]),
            may_write=self.writing.offered(launch),
            written=self.writing.written(launch),
        )
        allow(Exemption(script=True))  # what-if in the browser
        return make_response(body, status)

    def _back(self, launch_id: str, place: str = "") -> Response:
        """Show the page by a GET, so that a reload sends nothing."""
        return make_response(redirect(self._url(launch_id) + (f"#{place}" if place else ""), 303))

    def _url(self, launch_id: str) -> str:
        """The page's address."""
        return url_for("smart_app.page", launch_id=launch_id)

    def _busy(self, launch: Launch) -> Response:
        """The record is being read; the browser asks for the page again by itself."""
        since = self._opening.begun(launch)
        elapsed = "" if since is None else _seconds(self._deps.clock.now() - since)
        filling = self._filling if launch.round == 0 else self._again
        waits = filling.waits(launch)
        body = render_template("smart_app/busy.html", elapsed=elapsed, again=launch.round > 0, waits=waits)
        response = make_response(body, 503)
        # Where the page is asked for by a card's link that reports, the next look is for the same place on it.
        url = url_for("smart_app.page", launch_id=launch.id, to=FORM if request.args.get("to") == FORM else None)
        # The next look waits at the server, unless there is no room for it, or another process fills this page.
        pause = 0 if filling.knows(launch) and not filling.crowded() else 2
        response.headers["Retry-After"] = "1"
        response.headers["Refresh"] = f"{pause}; url={url}"
        return response


def _seconds(span: timedelta) -> str:
    """How long somebody has waited."""
    seconds = max(round(span.total_seconds()), 0)
    return f"{seconds} second{'' if seconds == 1 else 's'}"
