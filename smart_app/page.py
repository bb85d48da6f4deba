"""`/smart/page/…`: the risk page, a new assessment, and the decision."""

from __future__ import annotations

from flask import Response, make_response, redirect, render_template, request, url_for

from clinical.advice import OVERRIDE_REASONS, Feedback
from clinical.errors import ChartsideError, LedgerUnavailable, MalformedRequest
from smart_app import view
from smart_app.decision import MAX_COMMENT, as_feedback, new_once, read_decision
from smart_app.faults import fault_page
from smart_app.form_token import check_form_token, form_token
from smart_app.opening import Opening
from smart_app.ports import Banner
from smart_app.sessions import Launch


class Page:
    """The three routes of an open page."""

    def __init__(self, opening: Opening) -> None:
        """Keep the collaborators."""
        self._opening = opening
        self._deps = opening.deps

    def show(self, launch_id: str) -> Response:
        """The risk page. Reloading it changes nothing."""
        launch = self._opening.opened(self._opening.mine(launch_id))
        return _busy() if launch is None else self._render(launch)

    def again(self, launch_id: str) -> Response:
        """Assess again. A form of an earlier round only leads back to the page."""
        launch = self._mine_by_form(launch_id)
        try:
            waiting = request.form.get("round") == str(launch.round) and self._opening.assess(launch) is None
        except ChartsideError as fault:
            return fault_page(fault, back=self._url(launch_id))
        return _busy() if waiting else self._back(launch_id)

    def decide(self, launch_id: str) -> Response:
        """Store a decision; say so only after it is stored."""
        launch = self._mine_by_form(launch_id)
        advice = self._opening.advice(launch, request.form.get("advice", ""))
        try:
            decision = read_decision(request.form)
        except MalformedRequest as fault:
            return self._render(launch, problem=(advice.id, fault.message), status=400)
        now = self._deps.clock.now()
        first = f"decide/{launch.id}/{advice.id}/{decision.fingerprint}"
        self._opening.stores.marks.put(first, now, launch.until, new=True)
        at = self._opening.stores.marks.get(first) or now
        try:
            self._store(as_feedback(decision, advice, launch.visit.user, at))
        except ChartsideError as fault:
            return fault_page(fault, heading="Not saved", back=self._url(launch_id))
        return self._back(launch_id, advice.id)

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

    def _render(self, launch: Launch, problem: tuple[str, str] | None = None, status: int = 200) -> Response:
        """The page of a launch that has been filled."""
        now, zone = self._deps.clock.now(), self._deps.zone
        banner = launch.banner or Banner(launch.visit.patient_id)
        shown = self._opening.shown(launch)
        body = render_template(
            "smart_app/page.html",
            launch=launch,
            person=view.person(banner, now, zone) if launch.visit.need_patient_banner else None,
            sections=view.sections(shown, now, zone),
            incomplete=view.once(banner.incomplete, *(advice.finding.incomplete for advice, _ in shown)),
            caveats=view.once(banner.caveats, *(advice.finding.caveats for advice, _ in shown)),
            not_granted=launch.visit.not_granted,
            csrf_token=form_token(self._deps.secret, launch.id, launch.browser),
            once=new_once(),
            reasons=OVERRIDE_REASONS,
            max_comment=MAX_COMMENT,
            problem=problem,
            sent=request.form if problem else {},
        )
        return make_response(body, status)

    def _back(self, launch_id: str, advice_id: str = "") -> Response:
        """Show the page by a GET, so that a reload sends nothing."""
        return make_response(redirect(self._url(launch_id) + (f"#h-{advice_id}" if advice_id else ""), 303))

    def _url(self, launch_id: str) -> str:
        """The page's address."""
        return url_for("smart_app.page", launch_id=launch_id)


def _busy() -> Response:
    """Another request is assessing; the browser asks again by itself."""
    response = make_response(render_template("smart_app/busy.html"), 503)
    response.headers["Retry-After"] = response.headers["Refresh"] = "2"
    return response
