"""Pregnancy: what tells of it, what does not, and where the record leaves it in doubt."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from clinical.assessment import AbstentionReason
from clinical.record import LOINC, Coding, Condition, SetAside, SetAsideReason
from models.runtime.sight import Looked, TreeSight

SNOMED, ICD_10 = "http://snomed.info/sct", "http://hl7.org/fhir/sid/icd-10"
ICD_10_CM, ICD_9_CM = "http://hl7.org/fhir/sid/icd-10-cm", "http://hl7.org/fhir/sid/icd-9-cm"
YES, NO = Coding(SNOMED, "77386006", "Pregnant"), Coding(LOINC, "LA26683-5", "Not pregnant")
UNKNOWN, LOCAL = Coding(LOINC, "LA4489-6", "Unknown"), Coding("urn:local", "7", "See letter")
ASKED = "82810-3"
YOUNG = date(1990, 1, 5)
PREGNANT, DOUBT, ANSWERED = "pregnant", "doubt", "answered"


@pytest.fixture
def found(sight: TreeSight, chart: Any) -> Any:
    """What becomes of a record: the model is not meant for it, cannot tell, or answers."""
    now = chart.fact("BMI", 1).time + timedelta(days=1)

    def of(record: Any) -> str:
        looked = sight.look(record, now)
        if isinstance(looked, Looked):
            return ANSWERED
        if looked.refusal.reason is AbstentionReason.NOT_MEANT_FOR:
            assert not looked.refusal.in_population
            return PREGNANT
        assert looked.refusal.reason is AbstentionReason.NOT_ENOUGH_DATA
        assert looked.refusal.text == "the record does not say whether the patient is pregnant"
        assert looked.refusal.in_population
        return DOUBT

    return of


@pytest.fixture
def problem(chart: Any) -> Any:
    """The record of a young woman with a problem of 90 days ago."""
    begun = chart.fact("BMI", 1).time - timedelta(days=90)
    return lambda *codings, text="": chart.record(
        birth=YOUNG, conditions=[Condition("Condition/1", codings, onset=begun, text=text)]
    )


@pytest.fixture
def worded(chart: Any) -> Any:
    """An answer on pregnancy that has only words."""
    return lambda text, days=1.0: replace(chart.answer(ASKED, UNKNOWN, days), values=(), text=text)


@pytest.mark.parametrize(
    ("system", "code"),
    [
        *((ICD_10, code) for code in ("O00.1", "O60", "O80", "O99.4", "Z32.1", "Z33", "Z35.9", "Z36")),
        *((ICD_10_CM, code) for code in ("O9A.211", "Z32.01", "Z3A.20", "O02.1")),
        *((ICD_9_CM, code) for code in ("633.1", "648.83", "650", "V22.1", "V28.3")),
        *((SNOMED, code) for code in ("77386006", "47200007")),
    ],
)
def test_codes_of_pregnancy(system: str, code: str, found: Any, problem: Any) -> None:
    """The same chapters as in the other model of prevention."""
    assert found(problem(Coding(system, code))) == PREGNANT


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("Pregnancy, 20 weeks", PREGNANT),
        ("Currently PREGNANT, history of asthma", PREGNANT),
        ("Pregnancy test positive", PREGNANT),
        ("Personal history of complications of pregnancy", ANSWERED),
        ("Planning a pregnancy", ANSWERED),
        ("Pregnancy planning", ANSWERED),
        ("Not pregnant", ANSWERED),
        ("Encounter for pregnancy test, result negative", ANSWERED),
        ("Hypertension", ANSWERED),
    ],
)
def test_words_of_a_problem(text: str, outcome: str, found: Any, problem: Any) -> None:
    """They count as its text and as the display of a code that is not listed."""
    assert found(problem(text=text)) == outcome
    assert found(problem(Coding("urn:local", "1", text))) == outcome


@pytest.mark.parametrize(
    ("later", "earlier", "outcome"),
    [
        (UNKNOWN, YES, PREGNANT),
        (LOCAL, YES, PREGNANT),
        (NO, YES, ANSWERED),
        (YES, NO, PREGNANT),
        (UNKNOWN, NO, ANSWERED),
        (LOCAL, NO, DOUBT),
        (NO, LOCAL, ANSWERED),
    ],
)
def test_only_yes_or_no_replaces_an_answer(
    later: Coding, earlier: Coding, outcome: str, found: Any, chart: Any
) -> None:
    """An "unknown" takes nothing back, and nor does what cannot be read."""
    answers = [chart.answer(ASKED, later, 1), chart.answer(ASKED, earlier, 30)]
    assert found(chart.record(birth=YOUNG, answers=answers)) == outcome


def test_unknown_does_not_end_a_problem(found: Any, problem: Any, chart: Any) -> None:
    """Only a "no" that is later than the problem does."""
    record = problem(Coding(ICD_10, "Z34"))
    assert found(replace(record, answers=(chart.answer(ASKED, UNKNOWN),))) == PREGNANT
    assert found(replace(record, answers=(chart.answer(ASKED, NO),))) == ANSWERED


@pytest.mark.parametrize(
    ("text", "outcome"),
    [("Yes", PREGNANT), ("not pregnant", ANSWERED), ("Unknown", ANSWERED), ("see letter", DOUBT), ("", DOUBT)],
)
def test_answers_in_words(text: str, outcome: str, found: Any, chart: Any, worded: Any) -> None:
    """Plain words are read; other words leave a doubt, as long as a pregnancy lasts."""
    assert found(chart.record(birth=YOUNG, answers=[worded(text)])) == outcome
    assert found(chart.record(birth=YOUNG, answers=[worded(text, 301)])) == ANSWERED


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"incomplete": ("answers: a page could not be read",)}, DOUBT),
        ({"incomplete": ("conditions: nothing was sent",)}, DOUBT),
        ({"incomplete": ("vitals: a page could not be read",)}, ANSWERED),
        ({"set_aside": (SetAside("Observation/1", SetAsideReason.STATUS, "", (Coding(LOINC, ASKED),)),)}, DOUBT),
        ({"set_aside": (SetAside("Observation/1", SetAsideReason.VOID, "", (Coding(LOINC, ASKED),)),)}, ANSWERED),
        ({"set_aside": (SetAside("Observation/1", SetAsideReason.STATUS, "", (Coding(LOINC, "1-8"),)),)}, ANSWERED),
        ({}, ANSWERED),
    ],
)
def test_doubt_comes_from_what_could_not_be_read(changes: Any, outcome: str, found: Any, chart: Any) -> None:
    """Of a woman of up to 55 years; a record that says nothing is answered."""
    assert found(replace(chart.record(birth=YOUNG), **changes)) == outcome
    assert found(replace(chart.record(birth=date(1970, 3, 4)), **changes)) == outcome
    assert found(replace(chart.record(birth=date(1970, 3, 2)), **changes)) == ANSWERED
    assert found(replace(chart.record(birth=YOUNG, sex="male"), **changes)) == ANSWERED
