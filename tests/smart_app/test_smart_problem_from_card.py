"""The card's own link "Report a problem with this advice": the page opens on that advice, at its open form."""

import html
import re
import threading
from datetime import timedelta

import pytest

from clinical.advice import WithheldReason
from clinical.incident import ProblemKind

UNFOLDED = r'<details class="no-print" open><summary>Report a problem with this advice</summary>'
LABEL = 'aria-label="Report a problem with this advice: Risk of death in hospital (intensive care)"'


@pytest.fixture
def given(house, make):
    """The advice of a card that was shown."""
    return house.ledger.append(make.advice())


@pytest.fixture
def reporter(make, given):
    """A visit by the card's second link."""
    return make.visit(app_context=make.token(given, reports=True))


def look(browser, make, url):
    """A page as a browser gets it, with the place it was led to."""
    answer = browser.get(url, base_url=make.base_url)
    place = ""
    while answer.status_code == 303:
        url, _, place = answer.location.partition("#")
        answer = browser.get(url, base_url=make.base_url)
    return answer, place


def fields_of(text, advice):
    """What the form of an advice sends by itself."""
    form = re.search(rf'<form [^>]*id="report-{advice.id}".*?</form>', text, re.DOTALL)[0]
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form))


def test_it_opens_on_the_advice_at_its_open_form(house, doctor, browser, make, given, reporter) -> None:
    """No new assessment; the place is a form that can take the focus, and is named by the advice."""
    answer, place = look(browser, make, doctor.open(browser, reporter))
    assert answer.status_code == 200
    assert place == f"report-{given.id}"
    assert re.search(rf'{UNFOLDED}\s*<form [^>]*id="{place}" tabindex="-1" {re.escape(LABEL)}>', answer.text)
    assert "About: <strong>Risk of death in hospital (intensive care)</strong>, assessed 12 Nov 2026" in answer.text
    assert "This is the advice of the card that you opened" in answer.text
    assert list(house.ledger.advice) == [given.id]


@pytest.mark.parametrize("kind", ["risk", "abstention"])
def test_it_is_so_for_each_kind_of_finding(kind, house, doctor, browser, make) -> None:
    """A wrong silence is a problem as well."""
    given = house.ledger.append(make.advice(getattr(make, kind)()))
    visit = make.visit(app_context=make.token(given, reports=True))
    answer, place = look(browser, make, doctor.open(browser, visit))
    assert place == f"report-{given.id}"
    assert UNFOLDED in answer.text


def test_the_ordinary_link_folds_the_form(doctor, browser, make, given) -> None:
    """Also where somebody adds the question to the address."""
    url = doctor.open(browser, make.visit(app_context=make.token(given)))
    for address in (url, f"{url}?to=report"):
        answer, place = look(browser, make, address)
        assert place == ""
        assert UNFOLDED not in answer.text
        assert LABEL not in answer.text
        assert "Report a problem with this advice</summary>" in answer.text


def test_a_report_from_the_card_is_about_its_advice(house, doctor, browser, make, given, reporter) -> None:
    """Sent, it is a draft of the advice; the page says so and folds the form. The same form again is the same draft."""
    url = doctor.open(browser, reporter)
    answer, _ = look(browser, make, url)
    form = {**fields_of(answer.text, given), "kind": "wrong-risk", "words": "Much too high."}
    for _ in range(2):
        sent = doctor.post(browser, url.partition("?")[0] + "/report", form)
        assert (sent.status_code, sent.location.partition("#")[2]) == (303, f"r-{given.id}")
    (report,) = house.incidents.reports.values()
    assert (report.advice_id, report.kind, report.words) == (given.id, ProblemKind.WRONG_RISK, "Much too high.")
    after, _ = look(browser, make, sent.location)
    assert f'Saved as incident <strong class="code">{report.id}</strong>' in after.text
    assert UNFOLDED not in after.text


def test_a_second_launch_opens_the_form_again(house, doctor, make, given, reporter) -> None:
    """What was reported by an earlier launch stands above it, and somebody who presses again has more to say."""
    first = house.browser()
    url = doctor.open(first, reporter)
    form = {**fields_of(look(first, make, url)[0].text, given), "kind": "other", "words": "One."}
    doctor.post(first, url.partition("?")[0] + "/report", form)
    house.clock.pass_(timedelta(minutes=5))
    second = house.browser()
    text = look(second, make, doctor.open(second, reporter))[0].text
    assert "Saved as incident" in text
    assert UNFOLDED in text


def test_a_new_assessment_folds_the_form(doctor, browser, make, given, reporter) -> None:
    """The page then shows other advice than the card's."""
    url = doctor.open(browser, reporter)
    text = look(browser, make, url)[0].text
    fields = {"csrf_token": re.search(r'name="csrf_token" value="([^"]+)"', text)[1], "round": "1"}
    assert doctor.post(browser, url.partition("?")[0] + "/again", fields).status_code == 303
    answer, place = look(browser, make, url)
    assert place == ""
    assert given.id not in answer.text
    assert UNFOLDED not in answer.text


def test_a_slow_ehr_does_not_lose_the_place(house, doctor, browser, make, given, reporter) -> None:
    """While the record comes, the browser looks again for the form; then it is led there."""
    url = doctor.open(browser, reporter)
    go, banner = threading.Event(), house.banner

    def slow(visit):
        go.wait(20)
        return banner(visit)

    object.__setattr__(house.deps, "banner", slow)
    busy = browser.get(url, base_url=make.base_url)
    assert (busy.status_code, busy.headers["Refresh"]) == (503, f"0; url={url}")
    assert url.endswith("?to=report")
    go.set()
    answer, place = look(browser, make, busy.headers["Refresh"].partition("url=")[2])
    assert place == f"report-{given.id}"
    assert UNFOLDED in answer.text


@pytest.mark.parametrize("reason", [WithheldReason.SWITCHED_OFF, WithheldReason.SHADOW, WithheldReason.NOT_FOR_ROLE])
def test_what_was_hidden_meanwhile_can_still_be_reported(reason, house, doctor, browser, make, given, reporter) -> None:
    """Nothing of the result is shown, and the form is: the problem may be why it is hidden."""
    house.silent["Practitioner/7", "icu-mortality"] = reason
    url = doctor.open(browser, reporter)
    answer, place = look(browser, make, url)
    assert place == f"report-{given.id}"
    assert UNFOLDED in answer.text
    for word in ("31 %", "amber", "Lactate", "senior clinician", "Accept"):
        assert word not in answer.text
    form = {**fields_of(answer.text, given), "kind": "wrong-data", "words": "Switch it off."}
    sent = doctor.post(browser, url.partition("?")[0] + "/report", form)
    assert "Saved as incident" in look(browser, make, sent.location)[0].text
    assert [one.advice_id for one in house.incidents.reports.values()] == [given.id]


def test_a_link_of_another_patient_or_client_opens_nothing(house, doctor, make, given) -> None:
    """As the card's first link: 409 for another chart; another hospital's token is no token, so no form is opened."""
    token = make.token(given, reports=True)
    browser = house.browser()
    answer, _ = look(browser, make, doctor.open(browser, make.visit(app_context=token, patient_id="p2")))
    assert answer.status_code == 409
    assert UNFOLDED not in answer.text
    foreign = make.contexts.write(given.id, "other", reports=True)
    browser = house.browser()
    answer, place = look(browser, make, doctor.open(browser, make.visit(app_context=foreign)))
    assert (answer.status_code, place) == (200, "")
    assert UNFOLDED not in answer.text


def test_an_incomplete_form_stays_open_with_its_label(doctor, browser, make, given, reporter) -> None:
    """400, the words kept."""
    url = doctor.open(browser, reporter)
    form = {**fields_of(look(browser, make, url)[0].text, given), "kind": "", "words": "Much too high."}
    answer = doctor.post(browser, url.partition("?")[0] + "/report", form)
    assert answer.status_code == 400
    assert UNFOLDED in answer.text
    assert html.unescape(answer.text).count("Much too high.</textarea>") == 1
