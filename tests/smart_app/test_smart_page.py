"""What the clinician sees."""

import dataclasses
import html
import math
import re
import threading
from datetime import timedelta

import pytest

from clinical.advice import Feedback, WithheldReason
from clinical.assessment import Explanation, Indicator, Tier
from clinical.errors import DataUnavailable, LedgerUnavailable, ModelFault, WrongPatient
from smart_app.ports.ehr import Banner

# The one that prints the frame.
SCRIPT = '<script type="module" src="/smart/static/print.js">'


def plain(text: str) -> str:
    """The words of a page."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def show(house, doctor, finding, withheld=None, visit=None) -> str:
    """The words of the page for one finding."""
    house.findings[:] = [lambda: (finding, withheld)]
    return plain(doctor.see(house.browser(), visit)[1])


def test_the_risk_stands_against_the_base_rate(house, doctor, make) -> None:
    """Number, natural frequency, base rate, tier, situation, times and model."""
    text = show(house, doctor, make.risk())
    for words in (
        "31 %", "About 31 of 100 patients like this", "Higher than the average of 14 % among the patients",
        "“Amber” means 20 % or more.", "How often a risk of this size comes true was not checked.",
        "hour 24 of the intensive care stay", "newest value 12 min old", "12 Nov 2026, 14:05 UTC",
        "icu-mortality 1.0.0", "it does not replace it", "Ask a senior clinician",
    ):  # fmt: skip
        assert words in text


def test_drivers_are_told_by_word_arrow_and_value(house, doctor, make) -> None:
    """The first eight concepts with value, age and reference, the rest in one row."""
    text = show(house, doctor, make.risk())
    assert "▲ raises × 1.8" in text
    assert "▼ lowers × 0.76" in text
    assert "4.1 mmol/L 24 min old Observation/lactate-1 12 Nov 2026, 13:41 UTC" in text
    assert "38 mg/dL reported 13.57 mmol/L" in text
    assert "Age 74 years" in text
    assert "Sum of 3 other signals ▼ lowers × 0.90" in text
    assert "The 3 other signals, one by one" in text
    assert "Sodium 139 mmol/L 5 h old" in text


def test_the_strongest_signals_are_not_called_the_main_ones(house, doctor, make) -> None:
    """The sum of the others stands beside them, because it may be larger than any of them."""
    text = show(house, doctor, make.risk())
    told = text.split("Strongest single signals:")[1].split("Suggested:")[0]
    assert [part.strip() for part in told.split("▲")[1:]] == [
        "Lactate 4.1 mmol/L raises × 1.8",
        "Glasgow coma score 7 raises × 1.6",
        "Urea nitrogen 38 mg/dL raises × 1.4 and ▼ Sum of 3 other signals lowers × 0.90",
    ]
    assert "Mainly" not in text


def test_bars_lie_on_the_side_that_the_word_says(house, doctor, make) -> None:
    """A raising bar starts at the middle, a lowering one ends there, on one scale."""
    text = doctor.see(house.browser())[1]
    bars = re.findall(r'<rect class="(raises|lowers|no change)" x="([\d.]+)" y="2" width="([\d.]+)"', text)
    assert len(bars) == 9
    for word, x, width in bars:
        assert word == "no change" or (word == "raises") == (float(x) == 100)
        assert float(x) == pytest.approx(100 if float(x) == 100 else 100 - float(width))
    assert max(float(width) for _, _, width in bars) <= 100


def test_the_check_line_adds_up(house, doctor, make) -> None:
    """Starting odds × factors = odds, and odds give the percent in large type."""
    text = show(house, doctor, make.risk())
    line = r"starting odds ([\d.]+)((?: × [\d.]+)+) = odds ([\d.]+) \(rounded\); \S+ / \(1 \+ \S+\) = (\d+ %)"
    check = re.search(line, text)
    assert check is not None
    product = float(check[1]) * math.prod(float(f) for f in check[2].split(" × ")[1:])
    odds = float(check[3])
    assert product == pytest.approx(odds, rel=0.02)
    assert odds / (1 + odds) == pytest.approx(make.risk().probability, abs=0.002)
    assert text.count(check[4]) >= 2
    assert check[4] == "31 %"


def test_an_explanation_of_another_number_is_not_shown(house, doctor, make) -> None:
    """If the drivers do not add up to the risk, neither appears."""
    text = show(house, doctor, make.risk(probability=0.05))
    assert "the model failed" in text
    assert "5 %" not in text


def test_gaps_are_named(house, doctor, make) -> None:
    """Missing signals, facts that were read and not used by reason, incomplete reads, scopes that were refused."""
    incomplete, caveats = ("labs: only the newest 500 of more were read",), ("birth date without a day",)
    house.banners["p1"] = Banner("p1", incomplete=incomplete, caveats=caveats)
    text = show(house, doctor, make.risk(), visit=make.visit(not_granted=("patient/Condition.rs",)))
    for words in (
        "Not measured, or no usable value (3): Bilirubin, Albumin, Arterial pH.", "Read, but not used (3)",
        "2: outside the plausible range", "1: unit not known for this signal", "Observation/k-9",
        "only the newest 500", "leave to read all of the diagnoses", "birth date without a day", "Name not recorded",
    ):  # fmt: skip
        assert words in text


def test_a_finding_says_itself_that_it_rests_on_a_part(house, doctor, make) -> None:
    """Also where the page shows the advice of a card and did not read the record itself."""
    risk = dataclasses.replace(make.risk(), incomplete=("labs: only the first page",), caveats=("birth year only",))
    text = show(house, doctor, risk)
    assert "read only in part" in text
    assert text.count("labs: only the first page") == 1
    assert "birth year only" in text


def test_an_abstention_has_a_reason_and_no_number(house, doctor, make) -> None:
    """Not assessed, because …; never a risk number, never a decision to accept."""
    text = show(house, doctor, make.abstention())
    assert "Not assessed , because only 3 of the 8 signals" in text
    assert "does not mean that there is no risk" in text
    assert "no usable value (2): Heart rate, Urine output." in text
    assert not re.search(r"\d ?%", text)
    assert "Accept" not in text


@pytest.mark.parametrize(
    ("withheld", "words"),
    [(WithheldReason.BELOW_THRESHOLD, "below the level"), (WithheldReason.OUTSIDE_POPULATION, "not meant for this")],
)
def test_withheld_advice_says_that_no_card_was_shown(house, doctor, make, withheld, words) -> None:
    """The page shows what the card kept back, and why."""
    outside = withheld is WithheldReason.OUTSIDE_POPULATION
    finding = make.abstention(in_population=False) if outside else make.risk()
    text = show(house, doctor, finding, withheld)
    assert "No card was shown for this" in text
    assert words in text
    assert ("31 %" in text) is not outside
    assert "Suggested" not in text


@pytest.mark.parametrize("reason", [r for r in WithheldReason if r is not WithheldReason.OUTSIDE_POPULATION])
def test_what_nobody_may_see_is_not_on_the_page_either(house, doctor, make, reason) -> None:
    """Switched off, in shadow, or not for this user: no number. What was only too much for a card is shown."""
    hidden = {WithheldReason.SHADOW, WithheldReason.SWITCHED_OFF, WithheldReason.NOT_FOR_ROLE}
    assert ("31 %" in show(house, doctor, make.risk(), reason)) == (reason not in hidden)


def test_a_silent_run_shows_no_result(house, doctor, make) -> None:
    """A model in shadow is stored and not shown, on the page as on the card."""
    text = show(house, doctor, make.risk(), WithheldReason.SHADOW)
    assert "runs silently" in text
    assert "31 %" not in text
    assert "Bilirubin" not in text


def test_no_model_is_not_no_risk(house, doctor) -> None:
    """Without any model the page says that nothing was assessed."""
    house.findings.clear()
    assert "nothing was assessed" in plain(doctor.see(house.browser())[1])


def test_the_most_urgent_comes_first(house, doctor, make) -> None:
    """Shown before withheld, critical before warning."""
    red = make.risk(tier=Tier("red", 0.2, Indicator.CRITICAL, "t"))
    house.findings[:] = [
        lambda: (make.abstention(), None),
        lambda: (make.risk(), WithheldReason.BELOW_THRESHOLD),
        lambda: (red, None),
    ]
    text = doctor.see(house.browser())[1]
    assert re.findall(r'<article class="model (\w+)"', text) == ["critical", "none", "warning"]


def test_the_banner_hides_only_when_the_ehr_shows_its_own(house, doctor, make) -> None:
    """need_patient_banner false hides it; everything else shows it."""
    assert "Ada P1 born 4 Mar 1952 74 years female" in show(house, doctor, make.risk())
    assert "Ada P1" not in show(house, doctor, make.risk(), visit=make.visit(need_patient_banner=False))


def test_hostile_words_stay_words(house, doctor, make) -> None:
    """Names, units and details from the record cannot become markup."""
    evil = "<script>alert(1)</script>"
    house.banners["p1"] = Banner("p1", name=evil, incomplete=(evil,))
    house.findings[:] = [lambda: (make.risk(missing=(evil,), situation=evil), None)]
    text = doctor.see(house.browser())[1]
    assert re.findall("<script[^>]*>", text) == [SCRIPT]
    assert text.count("&lt;script&gt;") == 4


def test_the_card_opens_its_own_advice(house, doctor, make) -> None:
    """An appContext names an advice: that one is shown as of its time, and nothing new is assessed."""
    house.clock.pass_(timedelta(minutes=35))
    given = make.advice()
    house.ledger.append(given)
    _, text = doctor.see(house.browser(), make.visit(app_context=make.token(given)))
    assert "This is the advice of the card" in text
    assert "35 min ago" in text
    assert given.id in text
    assert list(house.ledger.advice) == [given.id]


def test_a_foreign_app_context_is_ignored_if_it_is_not_ours(house, doctor, make) -> None:
    """An appContext that is no UUID is the EHR's own business."""
    assert "31 %" in show(house, doctor, make.risk(), visit=make.visit(app_context="ward=7"))


def test_a_card_of_another_hospital_is_not_opened(house, doctor, make) -> None:
    """A token that was signed for another client names nothing here; the page assesses its own patient."""
    given = make.advice(client="other")
    house.ledger.append(given)
    _, text = doctor.see(house.browser(), make.visit(app_context=make.token(given)))
    assert given.id not in text
    assert "This is the advice of the card" not in text


def test_a_card_of_another_patient_is_refused(house, doctor, make) -> None:
    """The advice of another patient is not shown, and none of its numbers."""
    given = make.advice(patient_id="p2")
    house.ledger.append(given)
    browser = house.browser()
    url = doctor.open(browser, make.visit(app_context=make.token(given)))
    answer = browser.get(url, base_url=make.base_url)
    assert answer.status_code == 409
    assert "not about the patient" in answer.text
    assert "31 %" not in answer.text
    assert given.id not in answer.text


def test_reloading_makes_no_new_entry(house, doctor, browser, make) -> None:
    """The session remembers what was assessed."""
    url, _ = doctor.see(browser)
    for _ in range(3):
        assert browser.get(url, base_url=make.base_url).status_code == 200
    assert len(house.ledger.advice) == 1


def test_assess_again_makes_one_new_entry(house, doctor, browser, make) -> None:
    """The button assesses once; the same form again only leads back."""
    url, text = doctor.see(browser)
    form = dict(re.findall(r'name="(csrf_token|round)" value="(\w+)"', text))
    for _ in range(2):
        answer = doctor.post(browser, f"{url}/again", {"csrf_token": form["csrf_token"], "round": "1"})
        assert (answer.status_code, answer.location) == (303, url)
    assert len(house.ledger.advice) == 2
    assert doctor.post(browser, f"{url}/again", {"round": "2"}).status_code == 403


def test_a_failed_new_assessment_keeps_the_old_page(house, doctor, browser, make) -> None:
    """The fault is shown with a way back; the page still has what it had, and the button works again."""
    url, text = doctor.see(browser)
    form = dict(re.findall(r'name="(csrf_token|round)" value="(\w+)"', text))
    house.fault = DataUnavailable("labs", "the server did not answer in time")
    answer = doctor.post(browser, f"{url}/again", form)
    assert answer.status_code == 503
    assert f'href="{url}"' in answer.text
    assert "31 %" in browser.get(url, base_url=make.base_url).text
    house.fault = None
    assert doctor.post(browser, f"{url}/again", form).status_code == 303
    assert len(house.ledger.advice) == 2


def test_a_second_request_waits_for_the_first(house, doctor, browser, make) -> None:
    """While one request assesses, another says so and asks again, and makes no second entry."""
    url = doctor.open(browser)
    seen = []

    def while_assessing():
        if not seen:
            seen.append(browser.get(url, base_url=make.base_url))
        return make.risk(), None

    house.findings[:] = [while_assessing]
    browser.get(url, base_url=make.base_url)
    assert browser.get(url, base_url=make.base_url).status_code == 200
    assert (seen[0].status_code, seen[0].headers["Retry-After"]) == (503, "1")
    assert len(house.ledger.advice) == 1


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        (DataUnavailable("labs", "the server did not answer in time"), 503, "record could not be read"),
        (LedgerUnavailable("The ledger cannot be reached."), 503, "ledger"),
        (WrongPatient("A fact names another patient."), 409, "another patient"),
        (ModelFault("Not finite."), 500, "model failed"),
        (RuntimeError("secret detail Ada"), 500, "page failed"),
    ],
)
def test_faults_are_pages_with_words(house, doctor, browser, make, caplog, fault, status, words) -> None:
    """A fault never looks like no risk, names an incident, logs the class only, and can be tried again."""
    url = doctor.open(browser)
    house.fault = fault
    answer = browser.get(url, base_url=make.base_url)
    assert answer.status_code == status
    assert words in answer.text
    incident = re.search(r"Incident ([0-9a-f]{8})", answer.text)
    assert incident is not None
    (line,) = [record for record in caplog.records if record.name == "chartside.smart_app"]
    assert (line.fault, line.incident, line.status) == (type(fault).__name__, incident[1], status)
    assert "Ada" not in str(line.__dict__)
    assert "Ada" not in answer.text
    house.fault = None
    assert browser.get(url, base_url=make.base_url).status_code == 200


def test_a_banner_of_another_patient_is_refused(house, doctor, browser, make) -> None:
    """Patient in the token = patient shown."""
    house.banners["p1"] = Banner("p2", "Someone Else")
    url = doctor.open(browser)
    answer = browser.get(url, base_url=make.base_url)
    assert answer.status_code == 409
    assert "Someone" not in answer.text
    assert "38 %" not in answer.text


def test_an_expired_token_is_not_used(house, doctor, browser, make) -> None:
    """Assessing again after the EHR's leave has ended says so."""
    url, text = doctor.see(browser, make.visit(expires_at=make.now + timedelta(minutes=5)))
    house.clock.pass_(timedelta(minutes=6))
    token = re.search(r'csrf_token" value="(\w+)"', text)[1]
    answer = doctor.post(browser, f"{url}/again", {"csrf_token": token, "round": "1"})
    assert answer.status_code == 403
    assert "run out" in answer.text
    assert browser.get(url, base_url=make.base_url).status_code == 200


def test_headers_of_the_page(house, doctor, browser, make) -> None:
    """Framed by this EHR only, not stored, only scripts of its own, nothing passed on."""
    url, _ = doctor.see(browser)
    headers = browser.get(url, base_url=make.base_url).headers
    policy = headers["Content-Security-Policy"]
    assert policy.endswith("frame-ancestors https://ehr.example")
    assert "default-src 'none'" in policy
    assert "script-src 'self'; connect-src 'self';" in policy
    assert "unsafe" not in policy
    assert "X-Frame-Options" not in headers
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    with browser.get("/smart/static/page.css") as sheet:
        assert sheet.status_code == 200
        assert sheet.headers["Content-Type"].startswith("text/css")


def test_the_page_runs_no_script_and_no_inline_style(house, doctor, browser) -> None:
    """Everything works under a strict policy."""
    _, text = doctor.see(browser)
    assert re.findall("<script[^>]*>", text) == [SCRIPT]
    assert not re.search(r"\s(style|on\w+)=", text)
    assert '<html lang="en">' in text
    assert "<caption>" in text


def test_a_signal_without_effect_is_called_so(house, doctor, make) -> None:
    """A driver that rounds to × 1.0 neither raises nor lowers."""
    risk = make.risk()
    first = dataclasses.replace(risk.explanation.attributions[0], log_odds=0.001)
    explanation = Explanation(risk.explanation.base_log_odds, (first,))
    probability = 1 / (1 + math.exp(-explanation.log_odds))
    text = show(house, doctor, make.risk(explanation=explanation, probability=probability))
    assert "◆ no change × 1.0" in text
    assert "Strongest" not in text


def test_a_decision_made_on_the_card_is_shown(house, doctor, make) -> None:
    """The ledger's latest decision stands on the page, wherever it was made."""
    from clinical.advice import OVERRIDE_REASONS, Channel, Outcome

    given = make.advice()
    house.ledger.append(given)
    house.ledger.feedback.append(
        Feedback(given.id, "general", "icu-mortality", Outcome.OVERRIDDEN, make.now, Channel.CARD, OVERRIDE_REASONS[0])
    )
    _, text = doctor.see(house.browser(), make.visit(app_context=make.token(given)))
    assert "Saved: overridden on the card, 12 Nov 2026, 14:05 UTC. Reason: Already done." in plain(text)


def test_a_slow_ehr_is_told_while_the_record_comes(house, doctor, browser, make) -> None:
    """The browser is sent back to the page until it is there; the record is read once, and nothing says "no risk"."""
    url = doctor.open(browser)
    go = threading.Event()
    house.findings = [lambda: go.wait(20) and (make.risk(), None)]
    first = browser.get(url, base_url=make.base_url)
    house.clock.pass_(timedelta(seconds=7))
    again = browser.get(url, base_url=make.base_url)
    for answer in (first, again):
        assert (answer.status_code, answer.headers["Refresh"]) == (503, f"0; url={url}")
        assert "Reading the record" in answer.text
        assert "Nothing has been assessed yet" in answer.text
        assert "31 %" not in answer.text
    assert "7 seconds so far" in again.text
    go.set()
    assert "31 %" in browser.get(url, base_url=make.base_url).text
    assert len(house.ledger.advice) == 1


def test_a_fault_that_came_late_is_told_and_the_next_look_tries_again(house, doctor, browser, make) -> None:
    """It is not lost in another thread."""
    url = doctor.open(browser)
    go = threading.Event()

    def fail() -> None:
        go.wait(20)
        raise DataUnavailable("vitals", "the server did not answer")

    house.findings = [fail]
    assert browser.get(url, base_url=make.base_url).status_code == 503
    go.set()
    told = browser.get(url, base_url=make.base_url)
    assert "Refresh" not in told.headers
    assert "the server did not answer" in told.text
    house.findings = [lambda: (make.risk(), None)]
    assert "31 %" in browser.get(url, base_url=make.base_url).text
