"""The laboratory's own reference range, in words beside the value: the right one, or none."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinical.need import DataNeed
from clinical.record import LOINC, Coding, Observation
from fhir_adapters.hl7v2.messages import Feed, read_messages
from fhir_adapters.intensive_care import IntensiveCare
from fhir_adapters.reference_ranges import LONGEST, MEANING, in_words, of_hl7, printable, usual_range
from fhir_adapters.source_fact import fact_of
from fhir_adapters.units import Analytes

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def amount(value: object, unit: str = "mmol/L", **more: Any) -> dict[str, Any]:
    """A Quantity."""
    return {"value": value, "unit": unit, **more}


def kind(code: str, system: str = MEANING) -> dict[str, Any]:
    """A type of range."""
    return {"coding": [{"system": system, "code": code}]}


SPAN = {"low": amount(3.5), "high": amount(5.1)}
WOMEN = {**SPAN, "high": amount(4.9), "appliesTo": [{"text": "women"}]}


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([SPAN], "3.5 to 5.1 mmol/L"),
        ([{"high": amount(5, "mg/L")}], "up to 5 mg/L"),
        ([{"low": amount(90, "%")}], "from 90 %"),
        ([{"low": amount(3.5), "high": amount(5100, "umol/L")}], "3.5 mmol/L to 5100 umol/L"),
        ([{"low": {"value": 70, "code": "mm[Hg]"}, "high": amount(105, "mm[Hg]", code="mm[Hg]")}], "70 to 105 mmHg"),
        ([{"low": {"value": 3.5}, "high": {"value": 5.1}}], "3.5 to 5.1"),
        ([{"text": "  3.5\n to\u202e 5.1 "}], "3.5 to 5.1"),
        ([{"text": "<b>3.5</b>"}], "<b>3.5</b>"),
        ([{**SPAN, "text": "other words"}], "3.5 to 5.1 mmol/L"),
        ([{**SPAN, "type": kind("normal")}], "3.5 to 5.1 mmol/L"),
        ([{**SPAN, "type": kind("normal")}, {**WOMEN, "type": kind("treatment")}], "3.5 to 5.1 mmol/L"),
        ([WOMEN], "3.5 to 4.9 mmol/L"),
        ([{**SPAN, "age": {"low": amount(18, "a")}}], "3.5 to 5.1 mmol/L"),
        ([SPAN, dict(SPAN)], "3.5 to 5.1 mmol/L"),
    ],
)
def test_the_normal_range_of_a_result_in_words(rows: list[Any], words: str) -> None:
    """Its ends with their own units, else its text; a single one for women, too: it was sent for this result."""
    assert usual_range({"referenceRange": rows}) == words


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [{}],
        ["3.5 to 5.1"],
        {"low": 1},
        [SPAN, WOMEN],
        [{**SPAN, "type": kind("therapeutic")}],
        [{**SPAN, "type": kind("normal", "urn:local")}],
        [{**SPAN, "type": {"text": "normal"}}],
        [{**SPAN, "modifierExtension": [{"url": "urn:not-this-one"}]}],
        [{"low": amount(5.1), "high": amount(3.5)}],
        [{"low": amount(True), "high": amount("5")}],
        [{"high": amount(10**400)}],
        [{"high": amount(float("nan"))}],
        [{"text": "for men 3.5 to 5.1, for women 3.4 to 4.9, for children as the table of the ward says"}],
        [{"text": "x" * 1_000_000}],
        [{"text": 5}],
    ],
)
def test_no_range_rather_than_a_wrong_one(rows: Any) -> None:
    """Two that differ, another kind of range, a modified one, ends that contradict each other, and essays."""
    assert usual_range({"referenceRange": rows}) == ""


def test_the_page_of_the_source_says_the_same_words() -> None:
    """One function words both; that page names every range that was sent."""
    resource = {"resourceType": "Observation", "referenceRange": [SPAN, WOMEN]}
    assert fact_of(resource).reference_range == f"{in_words(SPAN)}; {in_words(WOMEN)}"
    assert usual_range({"referenceRange": [SPAN]}) == in_words(SPAN)


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ("3.5-5.1", "3.5 to 5.1 mmol/L"),
        (" 3.5 - 5.1 ", "3.5 to 5.1 mmol/L"),
        ("-2-3", "-2 to 3 mmol/L"),
        ("<5", "below 5 mmol/L"),
        (">10", "above 10 mmol/L"),
        ("<=5", "up to 5 mmol/L"),
        (">=1.0", "from 1.0 mmol/L"),
        ("negative", "negative"),
        ("", ""),
        ("5.1-3.5", ""),
        ("see \\T\\ table", ""),
        ("x" * 200, ""),
    ],
)
def test_obx_7_in_words(sent: str, words: str) -> None:
    """HL7 v2.5.1, 7.4.2.7: its three forms, in the unit of OBX-6; else its text."""
    assert of_hl7(sent, "mmol/L") == words


@given(st.text())
def test_any_text_becomes_one_short_line_or_nothing(sent: str) -> None:
    """Without controls, without what turns text around, never longer than the limit."""
    line = printable(sent)
    assert len(line) <= LONGEST
    assert line.isprintable()
    assert line == line.strip()


def with_range(lab: dict[str, Any], *rows: dict[str, Any]) -> dict[str, Any]:
    """An Observation with reference ranges."""
    return {**lab, "referenceRange": list(rows)}


def lactates(record: Any) -> list[Observation]:
    """The lactates of a record."""
    return [fact for fact in record.observations if fact.codings[0].code == "2524-7"]


def test_the_range_stays_in_the_unit_of_what_was_sent_and_changes_nothing_else(reading: Any, make_lab: Any) -> None:
    """Read by a plan, and the long way (a period has no plan): all else is as without a range."""
    plain = make_lab("o1", "2524-7", 36.0, "mg/dL")
    mass = {"low": amount(4.5, "mg/dL"), "high": amount(19.8, "mg/dL")}
    end = {"end": plain["effectiveDateTime"]}
    slow = {name: value for name, value in plain.items() if name != "effectiveDateTime"} | {"effectivePeriod": end}
    (bare,) = lactates(reading.read(reading.prefetch(plain)))
    for sent in (plain, slow):
        (found,) = lactates(reading.read(reading.prefetch(with_range(sent, mass))))
        assert found.reference_range == "4.5 to 19.8 mg/dL"
        assert (found.unit, found.reported_unit) == ("mmol/L", "mg/dL")
        assert replace(found, reference_range="") == bare
    (other,) = lactates(reading.read(reading.prefetch(with_range(plain, {"high": amount(18, "mg/dL")}))))
    assert other.reference_range == "up to 18 mg/dL"


def test_each_component_has_its_own_range(reading: Any, make_lab: Any) -> None:
    """That of the whole resource is not that of its parts (FHIR R4 Observation.component.referenceRange)."""
    part = {"code": {"coding": [{"system": LOINC, "code": "2524-7"}]}, "valueQuantity": amount(1.0, code="mmol/L")}
    panel = {**make_lab("o1", "2524-7", 1.0, "mmol/L"), "referenceRange": [SPAN], "component": [part]}
    del panel["valueQuantity"]
    (found,) = lactates(reading.read(reading.prefetch(panel)))
    assert found.reference_range == ""
    panel["component"] = [{**part, "referenceRange": [{"high": amount(2.2)}]}]
    (found,) = lactates(reading.read(reading.prefetch(panel)))
    assert found.reference_range == "up to 2.2 mmol/L"


@pytest.mark.parametrize(
    ("unit", "sent", "words"),
    [
        ("mmol/L^mmol/L^UCUM", "0.5-2.2", "0.5 to 2.2 mmol/L"),
        ("mmol/L", "<2.2", "below 2.2 mmol/L"),
        ("mmol/L", "0.5-2.2~0.4-2.0", ""),
        ("mmol/L", "", ""),
    ],
)
def test_the_range_of_an_hl7_v2_result(analytes: Analytes, unit: str, sent: str, words: str) -> None:
    """OBX-7; two of them are not told apart."""
    rows = (
        "MSH|^~\\&|A|H|B|H|20260302||ORU^R01|c2|P|2.5.1",
        "PID|1||p1^^^H||Doe^Jo||19500203|F",
        "OBR|1|||x|||20260302070000+0000",
        f"OBX|1|NM|2524-7^Lactate^LN||1.5|{unit}|{sent}||||F",
    )
    needs = (DataNeed("labs", "Observation", (Coding(LOINC, "2524-7"),)),)
    feed = Feed(IntensiveCare(("ICU",)), analytes)
    record = read_messages(["\r".join(rows).encode()], needs, patient_id="p1", feed=feed, now=NOW)
    assert [(fact.value, fact.reference_range) for fact in record.observations] == [(1.5, words)]
