"""Writing a risk into the chart from the page."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from flask import Flask

from clinical.advice import Advice, WithheldReason
from clinical.errors import LaunchFailed
from smart_app.blueprint import create_blueprint


@dataclass
class FakeWriter:
    """An EHR that takes what it gets, or fails; `may` is its leave."""

    may: bool = True
    fault: Exception | None = None
    took: list[str] = field(default_factory=list)

    def offered(self, visit: Any) -> bool:
        """Whether it gave leave."""
        return self.may

    def write(self, visit: Any, advice: Advice) -> str:
        """Take it."""
        if self.fault is not None:
            raise self.fault
        self.took.append(advice.id)
        return f"RiskAssessment/r{len(set(self.took))}"


@pytest.fixture
def writer(house: Any) -> FakeWriter:
    """The page with an EHR that may be written to."""
    made = FakeWriter()
    house.app = Flask("test")
    house.app.register_blueprint(create_blueprint(replace(house.deps, writer=made)))
    return made


def forms(page: str) -> list[dict[str, str]]:
    """The hidden fields of each form that writes."""
    found = re.findall(r'<form method="post" action="[^"]*/write".*?</form>', page, re.S)
    return [dict(re.findall(r'name="(\w+)" value="([^"]*)"', form)) for form in found]


def test_a_risk_is_written_when_asked_and_the_page_says_where(writer: FakeWriter, house: Any, doctor: Any) -> None:
    """The page of this advice alone; afterwards it says what stands there, and offers it no more."""
    browser = house.browser()
    url, page = doctor.see(browser)
    (form,) = forms(page)
    answer = doctor.post(browser, f"{url}/write", form)
    assert answer.status_code == 303
    assert writer.took == [form["advice"]]
    after = browser.get(url, base_url="https://chartside.example").text
    assert "RiskAssessment/r1" in after
    assert "Written into the chart" in after
    assert not forms(after)


def test_without_leave_nothing_is_offered(writer: FakeWriter, house: Any, doctor: Any) -> None:
    """No button."""
    writer.may = False
    assert not forms(doctor.see(house.browser())[1])


def test_a_fault_is_said_and_the_button_stays(writer: FakeWriter, house: Any, doctor: Any) -> None:
    """Words, an incident, and a way back; nothing says that it was written."""
    browser = house.browser()
    url, page = doctor.see(browser)
    writer.fault = LaunchFailed("The EHR did not take the RiskAssessment: it does not allow it.")
    answer = doctor.post(browser, f"{url}/write", forms(page)[0])
    assert answer.status_code >= 400
    assert "Not written, or not for certain" in answer.text
    assert "it does not allow it" in answer.text
    writer.fault = None
    assert forms(browser.get(url, base_url="https://chartside.example").text)


@pytest.mark.parametrize("change", [{"csrf_token": "0" * 64}, {"advice": "00000000-0000-4000-8000-000000000000"}])
def test_a_strange_form_writes_nothing(writer: FakeWriter, house: Any, doctor: Any, change: dict[str, str]) -> None:
    """Neither from another page, nor about another advice."""
    browser = house.browser()
    url, page = doctor.see(browser)
    assert doctor.post(browser, f"{url}/write", forms(page)[0] | change).status_code == 403
    assert not writer.took


def test_what_is_hidden_or_not_assessed_is_not_written(writer: FakeWriter, house: Any, doctor: Any, make: Any) -> None:
    """A silent run has no button, and neither has an abstention; their forms are refused."""
    for finding in ((make.risk(), WithheldReason.SHADOW), (make.abstention(), None)):
        house.findings = [lambda finding=finding: finding]
        browser = house.browser()
        url, page = doctor.see(browser)
        assert not forms(page)
        token = re.search(r'name="csrf_token" value="([^"]+)"', page)
        assert token
        advice = list(house.ledger.advice)[-1]
        assert doctor.post(browser, f"{url}/write", {"csrf_token": token[1], "advice": advice}).status_code == 403
    assert not writer.took
