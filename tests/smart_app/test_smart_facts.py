"""The source facts behind a page: which can be asked for, what is shown, and what never is."""

import dataclasses
import html
import re
from datetime import timedelta

import pytest

from clinical.assessment import Basis, Explanation
from clinical.errors import DataUnavailable, NotAllowed, WrongPatient
from smart_app.page.facts import references, source_of


def plain(text: str) -> str:
    """The words of a page."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def open_fact(house, doctor, make, reference: str = "Observation/lactate-1"):
    """The page, and the answer for one fact of it."""
    browser = house.browser()
    url, text = doctor.see(browser)
    return url, text, browser.get(f"{url}/fact/{reference}", base_url=make.base_url)


def test_every_fact_is_a_short_link_to_its_source(house, doctor, make, facts) -> None:
    """The reference stands in the title, not in the table, so that a long id does not stretch it."""
    url, text, _ = open_fact(house, doctor, make)
    link = f'<a class="source" href="{url}/fact/Observation/lactate-1" title="Observation/lactate-1"'
    assert f'{link} aria-label="source of Lactate">source</a>' in text
    assert f'href="{url}/fact/Observation/k-9"' in text  # what was read and not used can be looked at, too
    assert "Observation/lactate-1" not in plain(text)


def test_a_fact_is_shown_as_it_is_now_and_as_it_was_used(house, doctor, make, facts) -> None:
    """Value, range, time, status and performer of the EHR; beside them what the model used."""
    url, _, answer = open_fact(house, doctor, make)
    text = plain(answer.text)
    for words in (
        "Ada P1", "Lactate", "As the EHR has it now", "4.1 mmol/L", "0.5 to 2.2 mmol/L", "final", "Laboratory",
        "What the model used 4.1 mmol/L, 12 Nov 2026, 13:41 UTC", "Read 12 Nov 2026, 14:05 UTC", "Back to the page",
    ):  # fmt: skip
        assert words in text
    assert f'href="{url}"' in answer.text
    assert facts.asked == [("p1", "Observation/lactate-1")]
    assert answer.headers["Cache-Control"] == "no-store"


def test_only_what_stands_on_the_page_can_be_asked_for(house, doctor, make, facts) -> None:
    """Another fact of the same patient is refused before the EHR is asked; so is what is no reference at all."""
    for reference in ("Observation/another", "Patient/p1", "Observation/lactate-1/_history", "metadata/x"):
        _, _, answer = open_fact(house, doctor, make, reference)
        assert answer.status_code in (403, 404)
        assert "4.1" not in answer.text
    assert facts.asked == []


def test_a_fact_needs_the_browser_that_opened_the_page(house, doctor, make, facts) -> None:
    """The address alone shows nothing."""
    url, _, _ = open_fact(house, doctor, make)
    answer = house.browser().get(f"{url}/fact/Observation/lactate-1", base_url=make.base_url)
    assert answer.status_code == 403
    assert len(facts.asked) == 1


def test_facts_of_a_hidden_result_are_hidden_too(house, doctor, make, facts) -> None:
    """What a silent run looked at does not tell that it ran on this."""
    from clinical.advice import WithheldReason

    house.findings[:] = [lambda: (make.risk(), WithheldReason.SHADOW)]
    assert open_fact(house, doctor, make)[2].status_code == 403
    assert facts.asked == []


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (DataUnavailable("Observation", "the server did not answer in time"), 503),
        (NotAllowed("The EHR's permission to read this record has run out."), 403),
        (WrongPatient("A fact names another patient."), 409),
    ],
)
def test_a_fault_is_words_with_a_way_back(house, doctor, make, facts, fault, status) -> None:
    """It says that the source could not be read, and leads back to the page."""
    facts.fault = fault
    url, _, answer = open_fact(house, doctor, make)
    assert answer.status_code == status
    assert "The source could not be read" in answer.text
    assert f'href="{url}"' in answer.text


def test_what_was_taken_back_since_is_said_first(house, doctor, make, facts) -> None:
    """A value that the EHR has withdrawn must not go on looking like a reason."""
    facts.fact = dataclasses.replace(facts.fact, status="entered-in-error", taken_back=True)
    text = plain(open_fact(house, doctor, make)[2].text)
    assert "Taken back: the EHR now says “entered-in-error”. Assess again" in text


def test_words_of_the_ehr_stay_words(house, doctor, make, facts) -> None:
    """Script in a code, a value or a performer is text."""
    evil = "<script>alert(1)</script>"
    facts.fact = dataclasses.replace(
        facts.fact, code=evil, value=evil, status=evil, performer=evil, reference_range=evil
    )
    text = open_fact(house, doctor, make)[2].text
    assert "<script" not in text
    assert text.count("&lt;script&gt;") == 5


def test_a_diagnosis_and_a_part_of_a_panel_have_their_source(house, doctor, make, facts) -> None:
    """A reference that names a part of a resource leads to the resource; a basis has its words."""
    risk = make.risk()
    *others, last = risk.explanation.attributions
    heart = Basis("Condition/hf", "Heart failure", make.now - timedelta(days=30))
    first = others[0]
    part = dataclasses.replace(first.facts[0], reference="Observation/bp#component-1")
    explanation = Explanation(
        risk.explanation.base_log_odds,
        (dataclasses.replace(first, facts=(part,)), *others[1:], dataclasses.replace(last, basis=(heart,))),
    )
    house.findings[:] = [lambda: (make.risk(explanation=explanation), None)]
    assert "4.1 mmol/L, 12 Nov" in plain(open_fact(house, doctor, make, "Observation/bp")[2].text)
    assert "Heart failure, 13 Oct 2026" in plain(open_fact(house, doctor, make, "Condition/hf")[2].text)


def test_what_is_a_reference() -> None:
    """A type and an id; an HL7 v2 segment or a made-up address is none."""
    assert source_of("Observation/a-1.b#component-0") == "Observation/a-1.b"
    for other in (
        "OBX 3",
        "Observation/",
        "../Observation/1",
        "https://x/Observation/1",
        "Observation/1/2",
        "Observation/é",
    ):
        assert source_of(other) == ""


def test_references_of_all_kinds_of_findings(make, make_rich, make_score) -> None:
    """Of a risk, of the scores beside it, of a score, and of what was not used by a model that gave no answer."""
    rich = references([make_rich()])
    assert {"Condition/copd", "Condition/hf", "Observation/2524-7", "Observation/0-0", "Observation/7"} <= rich
    assert "Condition/copd" in references([make_score()])
    assert references([make.abstention()]) == frozenset()
