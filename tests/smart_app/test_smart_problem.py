"""Report a problem with this advice."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask

from clinical.advice import WithheldReason
from clinical.incident import ProblemKind
from smart_app.blueprint import create_blueprint


@pytest.fixture
def form(doctor, browser):
    """An open page and a filled form: its address and its fields."""
    url, text = doctor.see(browser)
    fields = {name: re.search(rf'name="{name}" value="([^"]+)"', text)[1] for name in ("csrf_token", "advice")}
    once = next(number for number in re.findall(r'name="once" value="([^"]+)"', text) if number.endswith("r"))
    return f"{url}/report", {**fields, "once": once, "kind": "wrong-risk", "words": " Much too high.\r\nShe is well. "}


def test_a_report_opens_a_draft(house, doctor, browser, form, make) -> None:
    """Stored before it is said; the page then names the incident, also after a reload."""
    url, fields = form
    answer = doctor.post(browser, url, fields)
    assert (answer.status_code, answer.location.split("#")[1]) == (303, f"r-{fields['advice']}")
    (report,) = house.incidents.reports.values()
    assert re.fullmatch(r"I-[0-9a-f]{12}", report.id)
    assert (report.kind, report.words) == (ProblemKind.WRONG_RISK, "Much too high.\nShe is well.")
    assert (report.client, report.service, report.user) == ("general", "icu-mortality", "Practitioner/7")
    assert (report.advice_id, report.time) == (fields["advice"], make.now)
    for _ in range(2):
        text = browser.get(answer.location, base_url=make.base_url).text
        assert f'Saved as incident <strong class="code">{report.id}</strong>' in text
    assert "Much too high" not in text
    assert house.ledger.feedback == []


def test_the_form_says_not_to_write_names(doctor, browser) -> None:
    """Beside the field, with all kinds and the limit."""
    _, text = doctor.see(browser)
    assert "Do not write names" in text
    assert "at most 1000 characters" in text
    assert re.findall(r'name="kind" value="([^"]+)"', text) == [kind.value for kind in ProblemKind]


def test_the_same_form_twice_is_one_report(house, doctor, browser, form) -> None:
    """Other words are another report, so that nothing is lost behind a number."""
    url, fields = form
    for _ in range(3):
        house.clock.pass_(timedelta(seconds=5))
        assert doctor.post(browser, url, fields).status_code == 303
    assert len(house.incidents.reports) == 1
    assert doctor.post(browser, url, {**fields, "words": "And the weight is wrong."}).status_code == 303
    assert len(house.incidents.reports) == 2


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kind": ""}, "Choose what kind"),
        ({"kind": "made-up"}, "Choose what kind"),
        ({"once": "x"}, "Choose what kind"),
        ({"words": "  \r\n "}, "Say in a few words"),
        ({"words": "x" * 1001}, "At most 1,000 characters are kept of the text; you sent 1,001. Nothing was saved."),
        ({"words": "a\x00b"}, "that nobody sees and that change what is read (U+0000)"),
        ({"words": "\u200b\u00ad\u3164"}, "Say in a few words"),
    ],
)
def test_an_incomplete_form_says_what_is_wrong(house, doctor, browser, form, changes, words) -> None:
    """400 with the page, the form open and the words kept; nothing is stored."""
    url, fields = form
    answer = doctor.post(browser, url, {**fields, **changes})
    assert answer.status_code == 400
    assert words in answer.text
    assert ("Much too high." in answer.text) == ("words" not in changes)
    assert house.incidents.reports == {}


def test_words_that_are_refused_are_given_back_to_be_sent_again(house, doctor, browser, form) -> None:
    """Without the mark, which nobody could find, and as long as they were; then they open a draft."""
    url, fields = form
    answer = doctor.post(browser, url, {**fields, "words": f"dose \u202e5.0\u202c mg\r\n{'x' * 980}"})
    assert answer.status_code == 400
    assert (
        "In the text there are characters that nobody sees and that change what is read (U+202C, U+202E)" in answer.text
    )
    again = re.search(r'<textarea name="words"[^>]*>(dose .*?)</textarea>', answer.text, re.DOTALL)[1]
    assert again == f"dose 5.0 mg\n{'x' * 980}"
    assert house.incidents.reports == {}
    assert doctor.post(browser, url, {**fields, "words": again}).status_code == 303
    assert [each.words for each in house.incidents.reports.values()] == [again]


def test_a_thousand_characters_fit(house, doctor, browser, form) -> None:
    """Whatever script they are in."""
    url, fields = form
    assert doctor.post(browser, url, {**fields, "words": "診" * 1000}).status_code == 303
    assert len(next(iter(house.incidents.reports.values())).words) == 1000


@pytest.mark.parametrize("change", [{"csrf_token": "0" * 64}, {"csrf_token": ""}, {"advice": "another"}])
def test_a_form_from_elsewhere_is_refused(house, doctor, browser, form, change) -> None:
    """Without the token of this page, or about an advice that is not on it."""
    url, fields = form
    assert doctor.post(browser, url, {**fields, **change}).status_code == 403
    assert doctor.post(house.browser(), url, fields).status_code == 403
    assert house.incidents.reports == {}


def test_a_ledger_that_is_down_is_never_a_success(house, doctor, browser, form) -> None:
    """503, not saved, a way back; the same form can be sent again."""
    url, fields = form
    house.incidents.down = True
    answer = doctor.post(browser, url, fields)
    assert answer.status_code == 503
    assert "Not saved" in answer.text
    assert "Back to the page" in answer.text
    house.incidents.down = False
    assert doctor.post(browser, url, fields).status_code == 303


@pytest.mark.parametrize("changes", [{}, {"kind": ""}], ids=str)
def test_a_ledger_that_fails_before_a_report_is_stored_says_so(house, doctor, browser, form, changes) -> None:
    """Not even the advice is found: not saved, with a way back."""
    url, fields = form
    house.ledger.down = True
    answer = doctor.post(browser, url, {**fields, **changes})
    assert answer.status_code == 503
    assert "<h1>Not saved</h1>" in answer.text
    assert "Back to the page" in answer.text
    assert house.incidents.reports == {}


def test_hostile_words_stay_words(house, doctor, browser, form) -> None:
    """Also in a form that comes back."""
    url, fields = form
    text = doctor.post(browser, url, {**fields, "kind": "", "words": "</textarea><script>alert(1)</script>"}).text
    assert "<script>alert(1)" not in text


def test_not_assessed_can_be_reported_too(house, doctor, browser, make) -> None:
    """A wrong silence is a problem as well."""
    house.findings[:] = [lambda: (make.abstention(), None)]
    assert "Report a problem with this advice" in doctor.see(browser)[1]


def test_what_was_switched_off_meanwhile_can_still_be_reported(house, doctor, browser, form) -> None:
    """Somebody saw it; the report may be the reason for the switch."""
    url, fields = form
    house.silent["Practitioner/7", "icu-mortality"] = WithheldReason.SWITCHED_OFF
    assert doctor.post(browser, url, fields).status_code == 303
    assert len(house.incidents.reports) == 1


def test_without_a_place_for_reports_there_is_no_form(house, make) -> None:
    """And a form that is made up is refused."""
    app = Flask("without")
    app.register_blueprint(create_blueprint(replace(house.deps, incidents=None)))
    house.app = app
    browser = app.test_client()
    state = browser.get(
        "/smart/launch", query_string={"iss": make.iss, "launch": "L1"}, base_url=make.base_url
    ).location.split("state=")[1].split("&")[0]  # fmt: skip
    back = browser.get("/smart/callback", query_string={"code": "c", "state": state}, base_url=make.base_url)
    text = browser.get(back.location, base_url=make.base_url).text
    assert "Report a problem" not in text
    fields = {name: re.search(rf'name="{name}" value="([^"]+)"', text)[1] for name in ("csrf_token", "advice", "once")}
    form = {**fields, "kind": "other", "words": "x"}
    assert browser.post(f"{back.location}/report", data=form, base_url=make.base_url).status_code == 403
