"""What is silent for a user shows nothing of its result on the page, whatever was stored."""

import re
from dataclasses import replace

import pytest

from clinical.advice import WithheldReason
from clinical.errors import LedgerUnavailable

USER, SERVICE = "Practitioner/7", "icu-mortality"
WORDS = {
    WithheldReason.SHADOW: "runs silently",
    WithheldReason.SWITCHED_OFF: "switched off here",
    WithheldReason.NOT_FOR_ROLE: "written for clinicians",
}


@pytest.mark.parametrize("reason", WORDS)
@pytest.mark.parametrize("stored", [None, WithheldReason.BELOW_THRESHOLD, WithheldReason.REPEAT, WithheldReason.SHADOW])
def test_nothing_of_it_is_on_the_page(house, doctor, browser, make, reason, stored) -> None:
    """Neither number, tier, reasons, gaps, remarks, buttons nor what was decided; the page says why."""
    risk = make.risk(incomplete=("labs: one page only",), caveats=("the birth year alone is known",))
    house.findings[:] = [lambda: (risk, stored)]
    house.silent[USER, SERVICE] = reason
    _, text = doctor.see(browser)
    assert WORDS[reason] in text
    for word in ("31 %", "amber", "Lactate", "Bilirubin", "Observation/k-9", "one page only", "birth year alone"):
        assert word not in text
    for word in ("senior clinician", "Accept", "Agree", "Snooze", "Report a problem", 'class="model warning"'):
        assert word not in text


@pytest.mark.parametrize("stored", [None, WithheldReason.BELOW_THRESHOLD])
def test_it_is_asked_at_every_look(house, doctor, browser, make, stored) -> None:
    """The kill switch clears a page that is open; switched on again, it is back."""
    house.findings[:] = [lambda: (make.risk(), stored)]
    url, text = doctor.see(browser)
    assert "31 %" in text
    house.silent[USER, SERVICE] = WithheldReason.SWITCHED_OFF
    assert "31 %" not in browser.get(url, base_url=make.base_url).text
    house.silent.clear()
    assert "31 %" in browser.get(url, base_url=make.base_url).text


def test_it_is_by_user(house, doctor, browser, make) -> None:
    """A share of users may be in a silent run."""
    house.silent["Practitioner/8", SERVICE] = WithheldReason.SHADOW
    assert "31 %" in doctor.see(browser)[1]
    assert "31 %" not in doctor.see(browser, make.visit(user="Practitioner/8"))[1]


def test_also_the_advice_of_a_card(house, doctor, browser, make) -> None:
    """Which was shown, before the service was switched off."""
    advice = house.ledger.append(make.advice())
    house.silent[USER, SERVICE] = WithheldReason.SWITCHED_OFF
    _, text = doctor.see(browser, make.visit(app_context=make.token(advice)))
    assert "switched off here" in text
    assert "31 %" not in text


def test_nobody_decides_on_what_they_do_not_see(house, doctor, browser, make) -> None:
    """A form of before is refused: 403, nothing stored."""
    house.findings[:] = [lambda: (make.risk(), WithheldReason.BELOW_THRESHOLD)]
    url, text = doctor.see(browser)
    fields = {name: re.search(rf'name="{name}" value="([^"]+)"', text)[1] for name in ("csrf_token", "advice", "once")}
    house.silent[USER, SERVICE] = WithheldReason.SHADOW
    answer = doctor.post(browser, f"{url}/decision", {**fields, "outcome": "accepted"})
    assert (answer.status_code, house.ledger.feedback) == (403, [])
    assert "31 %" not in answer.text


def test_where_nobody_can_say_nothing_is_shown(house, doctor, browser) -> None:
    """503 with words, and no result."""

    def unknown(visit, service):
        raise LedgerUnavailable("The ledger does not say whether a service is switched off.")

    house.silence = unknown
    object.__setattr__(house.deps, "silence", unknown)
    url = doctor.open(browser)
    answer = browser.get(url, base_url="https://chartside.example")
    assert answer.status_code == 503
    assert "31 %" not in answer.text


def test_the_place_on_the_page_tells_nothing(house, doctor, browser, make) -> None:
    """What is hidden stands in the order of names, not of findings."""
    models = [replace(make.risk().model, id=name, title=f"Risk {name}") for name in ("a", "b")]
    orders = []
    for levels in ((0.9, 0.1), (0.1, 0.9)):
        risks = [make.risk(model=model, probability=level) for model, level in zip(models, levels, strict=True)]
        house.findings[:] = [lambda risk=risk: (risk, WithheldReason.BELOW_THRESHOLD) for risk in risks]
        house.silent[USER, SERVICE] = WithheldReason.SHADOW
        orders.append(re.findall(r"Risk [ab]</h2>", doctor.see(browser)[1]))
    assert orders == [["Risk a</h2>", "Risk b</h2>"]] * 2
