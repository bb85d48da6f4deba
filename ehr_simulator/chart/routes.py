"""The chart pages over HTTP."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as WerkzeugResponse

from ehr_simulator.chart import cards, summary
from ehr_simulator.chart.desk import HOOKS, Desk, NotPossible
from ehr_simulator.chart.summary import LABS, VITALS, Who
from ehr_simulator.chart.visits import Visit
from ehr_simulator.fhir_store import FhirStoreFault
from ehr_simulator.settings import CLINICIAN_NAME

NOT_KEPT = "These cards are no longer kept. Open the chart again."


class ChartPages:
    """The pages. Holds no request state."""

    def __init__(self, desk: Desk) -> None:
        """Keep the desk."""
        self._desk = desk

    def patients(self) -> str:
        """The list of patients."""
        return _page(self._desk, "patients.html", people=self._desk.patients(), now=self._desk.settings.clock())

    def chart(self, patient_id: str) -> Response:
        """Open a chart, which calls the services of patient-view."""
        person = self._desk.who(patient_id)
        if person is None:
            return self._message("There is no such patient.", 404)
        return make_response(_chart_page(self._desk, person, self._desk.fire(HOOKS[0], person)))

    def encounter_start(self, patient_id: str) -> WerkzeugResponse:
        """Fire encounter-start and show what came."""
        person = self._desk.who(patient_id)
        if person is None:
            return self._message("There is no such patient.", 404)
        return _back_to(self._desk.fire(HOOKS[1], person))

    def visit(self, patient_id: str, visit_id: str) -> Response:
        """Show the cards of an earlier call again; with `app`, the app in its frame."""
        person, seen = self._desk.who(patient_id), self._desk.visits.find(visit_id, patient_id)
        if person is None or seen is None:
            return self._message(NOT_KEPT, 404)
        return make_response(_chart_page(self._desk, person, seen))

    def decision(self, patient_id: str, visit_id: str) -> WerkzeugResponse:
        """Accept or override."""
        seen = self._desk.visits.find(visit_id, patient_id)
        if seen is None:
            return self._message(NOT_KEPT, 404)
        self._desk.decide(seen, request.form)
        return _back_to(seen, anchor=f"card-{request.form['card']}")

    def not_possible(self, fault: NotPossible) -> Response:
        """A button that does not fit."""
        return self._message(str(fault), 400)

    def store_fault(self, fault: FhirStoreFault) -> Response:
        """The chart itself cannot be read."""
        return self._message(str(fault), 502)

    def _message(self, text: str, status: int) -> Response:
        """A page with one sentence."""
        return make_response(_page(self._desk, "message.html", text=text), status)


def chart_blueprint(desk: Desk) -> Blueprint:
    """The routes of the chart."""
    blueprint = Blueprint(
        "chart", __name__, template_folder="templates", static_folder="static", static_url_path="/chart-static"
    )
    pages = ChartPages(desk)
    one = "/chart/<patient_id>"
    blueprint.add_url_rule("/", "patients", pages.patients)
    blueprint.add_url_rule(one, "chart", pages.chart)
    blueprint.add_url_rule(f"{one}/encounter-start", "encounter_start", pages.encounter_start, methods=["POST"])
    blueprint.add_url_rule(f"{one}/visit/<visit_id>", "visit", pages.visit)
    blueprint.add_url_rule(f"{one}/visit/<visit_id>/decision", "decision", pages.decision, methods=["POST"])
    blueprint.register_error_handler(NotPossible, pages.not_possible)
    blueprint.register_error_handler(FhirStoreFault, pages.store_fault)
    return blueprint


def _chart_page(desk: Desk, person: Who, visit: Visit) -> str:
    """The chart with its cards, and the app where one was asked for."""
    origin = desk.settings.chartside
    answered = [
        (one, cards.cards(one.response or {}, origin), cards.reason_for_none(one.response or {}))
        for one in visit.results
    ]
    shown = sorted(answered, key=lambda row: not row[1] and not row[0].problem)  # what says nothing stands last
    return _page(
        desk,
        "chart.html",
        person=person,
        visit=visit,
        shown=shown,
        app_url=_app_url(desk, person, visit),
        tables=[
            ("Vital signs", summary.results(desk.store, person.id, VITALS, 90)),
            ("Laboratory", summary.results(desk.store, person.id, LABS, 90)),
        ],
        now=desk.settings.clock(),
    )


def _app_url(desk: Desk, person: Who, visit: Visit) -> str:
    """The address for the frame, if the page was asked to open a link."""
    if "app" not in request.args:
        return ""
    number = request.args.get("link", "0")
    return desk.app_url(visit, request.args["app"], int(number) if number.isdecimal() else -1, person)


def _back_to(visit: Visit, anchor: str | None = None) -> WerkzeugResponse:
    """See the visit, so that a reload repeats nothing."""
    return redirect(url_for("chart.visit", patient_id=visit.patient, visit_id=visit.id, _anchor=anchor), 303)


def _page(desk: Desk, template: str, **values: object) -> str:
    """Render, with what every page shows."""
    return render_template(template, hospital=desk.settings.hospital, clinician=CLINICIAN_NAME, **values)


def content_policy(chartside: str) -> str:
    """The Content-Security-Policy of the EHR: its own files, and the app in a frame.

    The frame passes through our own authorization endpoint on its way to the app.
    """
    parts = urlsplit(chartside)
    return (
        f"default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
        f"frame-ancestors 'self'; frame-src 'self' {parts.scheme}://{parts.netloc}"
    )
