"""Observations whose value is a code: smoking status, ACVPU, yes or no."""

from __future__ import annotations

from typing import Any

import pytest

from clinical.need import DataNeed
from clinical.record import LOINC, Coding, SetAsideReason, Source

SMOKING = Coding(LOINC, "72166-2")
SNOMED = "http://snomed.info/sct"
SMOKER = {"coding": [{"system": SNOMED, "code": "449868002", "display": "Smokes tobacco daily"}]}


@pytest.fixture
def read(reading: Any, make_bundle: Any) -> Any:
    """Reads observations for a need for the smoking status and the labs."""
    codes = (SMOKING, Coding(LOINC, "2524-7"))
    reading.needs = (*reading.needs[:2], DataNeed("labs", "Observation", codes))
    return lambda *rows: reading.read(reading.prefetch(labs=make_bundle(*rows)))


@pytest.fixture
def make_answer(make_lab: Any) -> Any:
    """An Observation of the smoking status; a member set to None is left out."""

    def answer(name: str = "o1", code: str = "72166-2", **changes: Any) -> dict[str, Any]:
        whole = make_lab(name, code, **{"valueCodeableConcept": SMOKER, "valueQuantity": None, **changes})
        return {member: value for member, value in whole.items() if value is not None}

    return answer


def test_a_coded_value_is_an_answer(read: Any, make_answer: Any) -> None:
    """With its codes, its words, its time, status and door; again for the next one of its shape."""
    for name in ("o1", "o2"):
        record = read(make_answer(name))
        (found,) = record.answers
        assert (found.reference, found.codings) == (f"Observation/{name}", (SMOKING,))
        assert found.values == (Coding(SNOMED, "449868002", "Smokes tobacco daily"),)
        assert (found.text, found.status, found.source) == ("Smokes tobacco daily", "final", Source.PREFETCH)
        assert found.time.isoformat() == "2026-03-02T07:30:00+00:00"
        assert (record.observations, record.set_aside) == ((), ())


def test_answers_are_sorted_by_time(read: Any, make_answer: Any) -> None:
    """As the numbers are."""
    older = make_answer("o2", effectiveDateTime="2026-03-02T06:00:00Z")
    assert [found.reference[-1] for found in read(make_answer(), older).answers] == ["2", "1"]


@pytest.mark.parametrize("truth", [True, False])
def test_yes_and_no_are_codes_of_hl7_table_0136(truth: bool, read: Any, make_answer: Any) -> None:
    """A boolean says as much as the code."""
    (found,) = read(make_answer(valueCodeableConcept=None, valueBoolean=truth)).answers
    assert [value.token for value in found.values] == [
        f"http://terminology.hl7.org/CodeSystem/v2-0136|{'Y' if truth else 'N'}"
    ]


def test_words_alone_are_an_answer_without_codes(read: Any, make_answer: Any) -> None:
    """The text of a concept; a code without a system is none."""
    (found,) = read(make_answer(valueCodeableConcept={"text": "smokes", "coding": [{"code": "1"}]})).answers
    assert (found.values, found.text) == ((), "smokes")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"status": "preliminary"}, SetAsideReason.STATUS),
        ({"status": "entered-in-error"}, SetAsideReason.STATUS),
        ({"effectiveDateTime": "2026-03-02"}, SetAsideReason.NO_TIME),
        ({"effectiveDateTime": "2026-03-02T09:00:00Z"}, SetAsideReason.FUTURE),
        ({"valueCodeableConcept": None, "dataAbsentReason": {"text": "unknown"}}, SetAsideReason.NO_VALUE),
        ({"dataAbsentReason": {"text": "unknown"}}, SetAsideReason.NO_VALUE),
        ({"valueCodeableConcept": {}}, SetAsideReason.NO_VALUE),
        ({"valueCodeableConcept": None, "valueString": "smokes"}, SetAsideReason.NO_VALUE),
        ({"valueCodeableConcept": None, "valueBoolean": "true"}, SetAsideReason.MALFORMED),
        ({"valueString": "x"}, SetAsideReason.MALFORMED),
    ],
)
def test_an_answer_keeps_the_rules_of_a_number(
    changes: dict[str, Any], reason: SetAsideReason, read: Any, make_answer: Any
) -> None:
    """Final, at a moment that has come, with a value; a string is none."""
    record = read(make_answer(**changes))
    assert record.answers == ()
    assert [(aside.reason, aside.codings) for aside in record.set_aside] == [(reason, (SMOKING,))]


def test_an_answer_where_a_number_is_asked_for_is_told_as_a_missing_number(read: Any, make_answer: Any) -> None:
    """A lactate "haemolysed" is an answer, and the model that looks for the number learns that there is none."""
    record = read(make_answer(code="2524-7"))
    assert len(record.answers) == 1
    assert [(aside.reason, aside.detail) for aside in record.set_aside] == [
        (SetAsideReason.NO_VALUE, "lactate: it holds no number")
    ]


def test_parts_of_a_panel_may_be_answers(read: Any, make_answer: Any, make_lab: Any) -> None:
    """Beside numbers, each part under its own name, and beside the panel's own answer."""
    parts = [
        {name: row[name] for name in row.keys() & {"code", "valueQuantity", "valueCodeableConcept"}}
        for row in (make_lab(), make_answer())
    ]
    record = read(make_answer(component=parts))
    assert [found.reference for found in record.answers] == ["Observation/o1", "Observation/o1#component-1"]
    assert [found.reference for found in record.observations] == ["Observation/o1#component-0"]


def test_an_answer_that_nobody_asked_for_is_left(read: Any, make_answer: Any) -> None:
    """Only wanted codes are looked into."""
    assert read(make_answer(code="11341-5")).answers == ()
