"""What bears less than a moment is judged alike, whichever door it came through: by when it may have been true."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from clinical.assessment import Score
from clinical.record import LOINC, PatientRecord, SetAside
from fhir_adapters.hl7v2.messages import Feed, read_messages
from fhir_adapters.intensive_care import IntensiveCare
from fhir_adapters.times import anywhere, v2_moment, v2_span
from fhir_adapters.units import Analytes
from models.runtime.catalogue import MODELS_FOLDER
from models.runtime.score_model import ScoreModel

NOW = datetime(2026, 3, 2, 20, tzinfo=UTC)
CALM = {
    "9279-1": (16, "/min"), "59408-5": (97, "%"), "8480-6": (120, "mm[Hg]"), "8867-4": (70, "/min"),
    "8310-5": (37, "Cel"), "3151-8": (0, "L/min"),
}  # fmt: skip
ALERT = {"coding": [{"system": LOINC, "code": "LA9340-6"}], "text": "Alert"}


def oru(*rows: str, drawn: str, until: str = "", control: str = "c2") -> bytes:
    """Results of one order; a row is what follows `OBX|n|`."""
    head = [
        f"MSH|^~\\&|A|H|B|H|20260302||ORU^R01|{control}|P|2.5.1", "PID|1||pat-1^^^H||Doe^Jo||19500203|F",
        f"OBR|1|||x|||{drawn}|{until}",
    ]  # fmt: skip
    return "\r".join([*head, *(f"OBX|{n}|{row}" for n, row in enumerate(rows, 1))]).encode()


def row(code: str, value: object, unit: str) -> str:
    """A final number."""
    return f"NM|{code}^x^LN||{value}|{unit}^x^UCUM|||||F"


@pytest.fixture(scope="module")
def news2() -> ScoreModel:
    """The shipped score."""
    return ScoreModel.load(MODELS_FOLDER / "news2" / "model.toml")


@pytest.fixture
def told(news2: ScoreModel, analytes: Analytes) -> Callable[..., PatientRecord]:
    """The record that messages bring: calm at 18:00, and what follows."""

    def read(*messages: bytes) -> PatientRecord:
        visit = {2: "I", 3: "Ward 3", 19: "V1", 44: "20260301080000+0000"}
        pv1 = "PV1" + "|".join(visit.get(number, "") for number in range(46))
        adt = ["MSH|^~\\&|A|H|B|H|20260302||ADT^A01|c1|P|2.5.1", "PID|1||pat-1^^^H||Doe^Jo||19500203|F", pv1]
        rows = [row(code, *seen) for code, seen in CALM.items()]
        calm = oru(*rows, "CE|67775-7^A^LN||LA9340-6^Alert^LN||||||F", drawn="20260302180000+0000", control="calm")
        feed = Feed(IntensiveCare(), analytes, UTC)
        sent = ["\r".join(adt).encode(), calm, *messages]
        return read_messages(sent, news2.needs, patient_id="pat-1", feed=feed, now=NOW)

    return read


@pytest.fixture
def seen(news2: ScoreModel, reading: Any, make_lab: Any, make_bundle: Any) -> Callable[..., PatientRecord]:
    """The record that prefetch brings: calm at 18:00, and what follows."""

    def read(*more: dict[str, Any]) -> PatientRecord:
        at = "2026-03-02T18:00:00Z"
        facts = [make_lab(f"o-{code}", code, *one, effectiveDateTime=at) for code, one in CALM.items()]
        alert = make_lab("alert", "67775-7", effectiveDateTime=at, valueCodeableConcept=ALERT)
        del alert["valueQuantity"]
        stay = {
            "resourceType": "Encounter", "id": "e1", "status": "in-progress", "subject": {"reference": "Patient/pat-1"},
            "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
            "period": {"start": "2026-03-01T08:00:00Z"},
        }  # fmt: skip
        reading.now, reading.needs = NOW, news2.needs
        prefetch: dict[str, Any] = {
            "patient": {"resourceType": "Patient", "id": "pat-1", "gender": "female", "birthDate": "1950-02-03"}
        }
        for need in news2.needs:
            if need.resource_type == "Observation":
                codes = {coding.code for coding in need.codes}
                sent = [one for one in (*facts, alert, *more) if one["code"]["coding"][0]["code"] in codes]
                prefetch[need.key] = make_bundle(*sent)
            elif need.resource_type == "Encounter":
                prefetch[need.key] = make_bundle(stay)
        return reading.read(prefetch)  # type: ignore[no-any-return]

    return read


def heights(model: ScoreModel, record: PatientRecord) -> tuple[float, float]:
    """The least and the most that the score can be."""
    finding = model.assess(record, NOW)
    assert isinstance(finding, Score)
    return finding.value, finding.highest


@pytest.mark.parametrize(
    ("fhir", "hl7", "most"),
    [
        ("2026-03", "202603", 3),
        ("2026", "2026", 3),
        ("2026-03-02", "20260302", 3),
        ("2026-02-27", "20260227", 0),
        ("2026-02", "202602", 0),
        ("2025", "2025", 0),
        ("2026-04", "202604", 0),
        ("2027", "2027", 0),
    ],
)
def test_a_breathing_rate_of_less_than_a_moment(
    fhir: str, hl7: str, most: float, news2: ScoreModel, told: Any, seen: Any, make_lab: Any
) -> None:
    """It may be newer where its time has begun and is not over before what is used; both doors say the same."""
    assert heights(news2, seen(make_lab("late", "9279-1", 28, "/min", effectiveDateTime=fhir))) == (0, most)
    assert heights(news2, told(oru(row("9279-1", 28, "/min"), drawn=hl7))) == (0, most)


@pytest.mark.parametrize(
    ("drawn", "most"),
    [("2026030218", 3), ("2026030214", 0), ("2026030108", 0), ("2026030213-0500", 3), ("2026030212-0500", 0)],
)
def test_an_hour_without_minutes_ends(drawn: str, most: float, news2: ScoreModel, told: Any) -> None:
    """A valid HL7 v2 time; what was measured in an hour that was over at 18:00 is not newer than that."""
    assert heights(news2, told(oru(row("9279-1", 28, "/min"), drawn=drawn))) == (0, most)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026030214", "2026-03-02T14:00:00", "2026-03-02T14:59:59.999999"),
        ("2026030214+0200", "2026-03-02T12:00:00", "2026-03-02T12:59:59.999999"),
        ("20260302", "2026-03-02T00:00:00", "2026-03-02T23:59:59.999999"),
        ("202602", "2026-02-01T00:00:00", "2026-02-28T23:59:59.999999"),
        ("2026", "2026-01-01T00:00:00", "2026-12-31T23:59:59.999999"),
    ],
)
def test_the_span_of_an_hl7_time(text: str, first: str, last: str) -> None:
    """From its first moment to its last."""
    span = v2_span(text, UTC)
    assert span is not None
    assert tuple(moment.isoformat() for moment in span) == (f"{first}+00:00", f"{last}+00:00")


@pytest.mark.parametrize(
    "text", ["", "2026030214301", "202603021430", "2026030225", "20260230", "9999", "0001", "2026030214+9900"]
)
def test_what_has_no_span(text: str) -> None:
    """A moment, an hour or day that does not exist, what means "open", and nothing."""
    assert v2_span(text, UTC) is None


@pytest.mark.parametrize("text", ["2026-03-02T14:30:00Z", "2026-13", "9999-12-31", "0001", "soon", 7, None])
def test_what_has_no_span_in_fhir(text: object) -> None:
    """A moment, what is no date, what means "open", and nothing."""
    assert anywhere(text) is None


def test_a_zone_that_does_not_exist_is_no_moment() -> None:
    """And costs one result, not the message."""
    assert v2_moment("202603021430+9900", UTC) is None


def test_what_is_set_aside_says_from_when_it_may_be(told: Any) -> None:
    """A day in the zone of the feed."""
    (fact,) = told(oru(row("9279-1", 28, "/min"), drawn="20260301")).set_aside
    assert isinstance(fact, SetAside)
    assert (fact.since, fact.time) == (
        datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 1, 23, 59, 59, 999999, tzinfo=UTC)
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "most"),
    [
        ("QNS", 0),
        ("TNP", 0),
        ("Cancelled", 0),
        (" test  not performed. ", 0),
        ("HEMOLYZED", 0),
        ("28", 3),
        ("hemolyzed, 28", 3),
        ("see comment", 3),
        ("", 0),
    ],
)
def test_a_text_that_says_that_there_is_no_result_opens_nothing(
    text: str, most: float, news2: ScoreModel, told: Any, seen: Any, make_lab: Any
) -> None:
    """Nothing was seen; any other text may be a rate that nobody can read. Both doors say the same."""
    sent = f"ST|9279-1^x^LN||{text}|/min^x^UCUM|||||F"
    assert heights(news2, told(oru(sent, drawn="20260302190000+0000"))) == (0, most)
    late = make_lab("late", "9279-1", effectiveDateTime="2026-03-02T19:00:00Z", valueString=text)
    del late["valueQuantity"]
    if text.strip():  # FHIR has no empty string
        assert heights(news2, seen(late)) == (0, most)


@pytest.mark.parametrize("kind", ["NM", "ST", "CE"])
def test_a_null_result_opens_nothing(kind: str, news2: ScoreModel, told: Any) -> None:
    """`""` says that there is no value (HL7 v2.5.1, chapter 2.5.3)."""
    code = "67775-7" if kind == "CE" else "9279-1"
    null = f'{kind}|{code}^x^LN||""||||||F'
    assert heights(news2, told(oru(null, drawn="20260302190000+0000"))) == (0, 0)


def test_an_answer_by_its_words_alone_is_not_empty(news2: ScoreModel, told: Any) -> None:
    """Not final yet, and without a code: it may say that the patient is not alert."""
    words = "CE|67775-7^x^LN||^Unresponsive||||||P"
    assert heights(news2, told(oru(words, drawn="20260302190000+0000"))) == (0, 3)


def test_two_messages_of_one_id_are_two(news2: ScoreModel, told: Any) -> None:
    """A rate without a time is neither dated by, nor lost to, what stands at its place in a message of the same id."""
    undated = oru(row("9279-1", 30, "/min"), drawn="", control="calm")
    old = oru(row("9279-1", 18, "/min"), drawn="20250101", control="calm")
    assert heights(news2, told(undated)) == (0, 3)
    assert heights(news2, told(undated, old)) == (0, 3)
    assert len(told(undated, old).set_aside) == 2
