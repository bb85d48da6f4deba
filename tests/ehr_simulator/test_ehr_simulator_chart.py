"""The chart shows what an EHR shows, tells faults from silence, and sends what the buttons say."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from ehr_simulator.chart.markdown import safe_html
from ehr_simulator.demo.browser import PageSeen
from ehr_simulator.settings import EhrSettings


def _open(ehr: FlaskClient, patient: str = "sim-02") -> Any:
    answer = ehr.get(f"/chart/{patient}")
    assert answer.status_code == 200
    return PageSeen("http://127.0.0.1:8101/", 200, answer.get_data(as_text=True))


def _found(pattern: str, text: str) -> str:
    """The group of a pattern that must be there."""
    found = re.search(pattern, text)
    assert found is not None
    return found[1]


def _form(page: PageSeen, outcome: str) -> Any:
    return next(form for form in page.forms() if form.hidden.get("outcome") == outcome)


def test_the_list_names_every_patient(ehr: FlaskClient) -> None:
    """Name, age, place and reason of each loaded patient, linked to the chart."""
    page = ehr.get("/").get_data(as_text=True)
    for text in ("Zzworsen Basalt", "78 years", "Medical ICU", "Septic shock, worsening", 'href="/chart/sim-02"'):
        assert text in page


def test_the_chart_shows_banner_results_and_card(ehr: FlaskClient) -> None:
    """Who, where, newest results with unit, and the card with its indicator as a word."""
    text = _open(ehr).text
    for part in ("Zzworsen Basalt", "male", "78 years", "Medical ICU", "hour 28", "Heart rate", "mmHg", "Lactate",
                 "Critical", "High risk: 41 % in-hospital death", "Source: Chartside",
                 "Accept: Review goals of care", "Override", "Declined"):  # fmt: skip
        assert part in text


def test_components_of_a_panel_are_shown(ehr: FlaskClient) -> None:
    """A pressure that came as a panel stands in the table all the same."""
    assert "Systolic pressure" in _open(ehr, "sim-09").text


def test_an_unknown_patient_is_said(ehr: FlaskClient) -> None:
    """No empty chart for somebody who is not here."""
    answer = ehr.get("/chart/nobody")
    assert answer.status_code == 404
    assert "no such patient" in answer.get_data(as_text=True)


@pytest.mark.parametrize("status", [400, 412, 500, 503])
def test_a_fault_is_shown_as_a_fault(ehr: FlaskClient, service: Any, status: int) -> None:
    """Status and OperationOutcome text are visible, and nothing says that there is no advice."""
    service.status = status
    service.answer = {"resourceType": "OperationOutcome", "issue": [{"details": {"text": "The labs <b>failed</b>"}}]}
    page = _open(ehr)
    assert f"status {status}" in page.text
    assert "The labs <b>failed</b>" in page.text
    assert "<b>failed" not in page.content
    assert "No advice" not in page.text
    assert 'role="alert"' in page.content


def test_a_bad_answer_is_a_fault(ehr: FlaskClient, service: Any) -> None:
    """200 without cards is no CDS Hooks response."""
    service.answer = {"hello": 1}
    assert "not a CDS Hooks response" in _open(ehr).text


def test_a_failed_discovery_is_a_fault(ehr: FlaskClient, service: Any) -> None:
    """When the list of services cannot be read, the chart says so."""
    service.discovery_status = 503
    text = _open(ehr).text
    assert "could not be asked" in text
    assert "503" in text


def test_nobody_there_is_a_fault(ehr_settings: EhrSettings) -> None:
    """A service that does not answer at all is a visible problem, and the chart is still usable."""
    from dataclasses import replace

    from ehr_simulator.app import create_app

    app = create_app(replace(ehr_settings, chartside="http://127.0.0.1:9"))
    text = app.test_client().get("/chart/sim-02", base_url="http://127.0.0.1:8101").get_data(as_text=True)
    assert "no answer (ConnectionError)" in text
    assert "Heart rate" in text


def test_an_empty_answer_is_no_advice_with_its_reason(ehr: FlaskClient, service: Any) -> None:
    """`cards: []` reads "No advice", with the reason of the extension where there is one."""
    service.answer = {"cards": []}
    assert "No advice from ICU risk. The service gave no reason." in _open(ehr).text
    service.answer = {"cards": [], "extension": {"org.x": {"text": "not in intensive care", "withheld": "population"}}}
    assert "not in intensive care" in _open(ehr).text


def test_markup_in_a_card_is_harmless(ehr: FlaskClient, service: Any) -> None:
    """HTML in any text of a card is shown as text; images and script links do not work."""
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    detail = f"{evil}\n\n[x](javascript:alert(1)) ![i](http://evil.example/i.png) **bold**"
    service.answer = {"cards": [service.card(
        summary=evil, detail=detail, source={"label": evil, "url": "javascript:alert(1)"},
        suggestions=[{"label": evil, "uuid": '"><script>'}], overrideReasons=[{"code": '"', "display": evil}],
        links=[{"label": evil, "url": "javascript:alert(1)", "type": "absolute"}],
        indicator="<script>",
    )]}  # fmt: skip
    content = _open(ehr).content
    assert "<script" not in content
    assert "onerror=" not in re.sub(r"&lt;img.*?&gt;", "", content)
    assert "<img" not in content
    assert 'href="javascript' not in content
    assert "<strong>bold</strong>" in content


def test_markdown_tables_become_tables() -> None:
    """The detail's tables are real tables."""
    assert "<table>" in safe_html("| a | b |\n|---|---|\n| 1 | 2 |")


def test_accept_sends_the_suggestion(ehr: FlaskClient, service: Any) -> None:
    """Accept posts the array form with acceptedSuggestions and a time stamp, and shows what came back."""
    form = _form(_open(ehr), "accepted")
    answer = ehr.post(form.action, data=form.hidden, follow_redirects=True)
    path, _, body = service.calls[-1]
    assert path == "icu/feedback"
    assert body == {"feedback": [{
        "card": service.card()["uuid"], "outcome": "accepted", "outcomeTimestamp": "2026-03-02T08:00:00Z",
        "acceptedSuggestions": [{"id": service.card()["suggestions"][0]["uuid"]}],
    }]}  # fmt: skip
    assert "Recorded as accepted (stored 1)" in answer.get_data(as_text=True)


def test_override_sends_reason_and_comment(ehr: FlaskClient, service: Any) -> None:
    """Override posts the chosen Coding and the comment."""
    form = _form(_open(ehr), "overridden")
    assert form.choices["reason"] == ["patient-refuses"]
    ehr.post(form.action, data={**form.hidden, "reason": "patient-refuses", "comment": " seen "})
    item = service.calls[-1][2]["feedback"][0]
    assert item["outcome"] == "overridden"
    assert item["overrideReason"] == {
        "reason": {"code": "patient-refuses", "system": "http://example.org/r", "display": "Declined"},
        "userComment": "seen",
    }


def test_a_button_that_was_not_shown_does_nothing(ehr: FlaskClient, service: Any) -> None:
    """Invented cards, suggestions, outcomes and visits are refused and nothing is sent."""
    form = _form(_open(ehr), "accepted")
    sent = len(service.calls)
    for change in ({"card": "other"}, {"suggestion": "other"}, {"outcome": "ignored"}):
        assert ehr.post(form.action, data={**form.hidden, **change}).status_code == 400
    assert ehr.post(form.action.replace("sim-02", "sim-04"), data=form.hidden).status_code == 404
    assert len(service.calls) == sent


def test_a_form_from_elsewhere_is_refused(ehr: FlaskClient) -> None:
    """Cross-site request forgery is stopped by the Origin."""
    form = _form(_open(ehr), "accepted")
    answer = ehr.post(form.action, data=form.hidden, headers={"Origin": "http://evil.example"})
    assert answer.status_code == 403


def test_seeing_a_visit_again_calls_nobody(ehr: FlaskClient, service: Any) -> None:
    """A reload after a decision repeats no call."""
    form = _form(_open(ehr), "accepted")
    url = ehr.post(form.action, data=form.hidden).headers["Location"]
    count = len(service.calls)
    assert ehr.get(url).status_code == 200
    assert len(service.calls) == count


def test_encounter_start_can_be_fired(ehr: FlaskClient, service: Any) -> None:
    """The button fires the other hook and shows its card."""
    answer = ehr.post("/chart/sim-02/encounter-start", follow_redirects=True)
    assert service.calls[-1][2]["hook"] == "encounter-start"
    assert "encounter-start" in answer.get_data(as_text=True)


def test_the_app_opens_in_a_frame_with_a_working_launch(ehr: FlaskClient, service: Any, road: Any) -> None:
    """The frame's address carries iss and a launch that the authorization server accepts, with the card's context."""
    page = _open(ehr)
    link = _found(r'href="(/chart/sim-02/visit/[^"]+app=[^"#]+)', page.content).replace("&amp;", "&")
    answer = ehr.get(link)
    frame = _found(r'<iframe[^>]*src="([^"]+)"', answer.get_data(as_text=True)).replace("&amp;", "&")
    assert frame.startswith(f"{service.base}/smart/launch?iss=http%3A%2F%2F127.0.0.1%3A8101%2Ffhir&launch=")
    body = road.token(launch=frame.rpartition("launch=")[2])
    assert (body["patient"], body["encounter"], body["appContext"]) == ("sim-02", "sim-02-stay", "ctx-1")
    policy = answer.headers["Content-Security-Policy"]
    assert "script-src" not in policy
    assert "default-src 'none'" in policy
    assert f"frame-src 'self' {service.base}" in policy


def test_an_app_of_another_origin_is_not_opened(ehr: FlaskClient, service: Any) -> None:
    """A SMART link to an unregistered origin gets no launch id."""
    service.answer = {"cards": [service.card(links=[{"label": "x", "type": "smart", "url": "http://evil.example/l"}])]}
    page = _open(ehr)
    assert "not registered here" in page.text
    assert "evil.example" not in page.content
