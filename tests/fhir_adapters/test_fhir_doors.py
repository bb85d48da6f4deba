"""A patient is the same through both doors: what FHIR and HL7 v2 say alike, the scores read alike."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from clinical.assessment import Score
from clinical.record import PatientRecord
from fhir_adapters.hl7v2.messages import Feed, read_messages
from fhir_adapters.intensive_care import IntensiveCare
from fhir_adapters.units import Analytes
from models.runtime.catalogue import MODELS_FOLDER
from models.runtime.score_model import ScoreModel

NOW = datetime(2026, 3, 31, 8, 0, tzinfo=UTC)
CHICAGO = ZoneInfo("America/Chicago")
ICD_10_CM = "http://hl7.org/fhir/sid/icd-10-cm"
ACT = "http://terminology.hl7.org/CodeSystem/v3-Act"
VITALS = (("9279-1", 24, "/min"), ("8867-4", 112, "/min"), ("8480-6", 98, "mm[Hg]"), ("8310-5", 38.4, "Cel"))
# PV1-44 and PV1-45, the same as FHIR writes them, and what the record holds: days and the clock of the hospital.
STAYS = [
    pytest.param("20260325203000-0500", "", "2026-03-25T20:30:00-05:00", None, 6, id="zone"),
    pytest.param("202603252030", "", "2026-03-25T20:30:00-05:00", None, 6, id="feed's zone"),
    pytest.param("202603052330", "", "2026-03-05T23:30:00-06:00", None, 26, id="winter"),
    pytest.param("202603252330", "202603310130", "2026-03-25T23:30:00-05:00", "2026-03-31T01:30:00-05:00", 6, id="end"),
    pytest.param("20260325", "20260330", "2026-03-25", "2026-03-30", 5, id="days"),
    pytest.param("202603252330", "99991231235959", "2026-03-25T23:30:00-05:00", "9999-12-31", 6, id="open"),
]  # fmt: skip


def adt(begun: str, left: str) -> bytes:
    """An emergency admission for heart failure."""
    fields = {2: "I", 3: "Ward 3", 4: "E", 19: "V1", 44: begun, 45: left}
    pv1 = "PV1" + "|".join(fields.get(number, "") for number in range(46))
    pid = "PID|1||pat-1^^^H||Doe^Jo||19500203|F"
    diagnosis = "DG1|1||I50.9^Heart failure^I10C|Heart failure|20260325|F"
    return "\r".join(["MSH|^~\\&|A|H|B|H|20260331||ADT^A01|c1|P|2.5.1", pid, pv1, diagnosis]).encode()


def oru() -> bytes:
    """The vital signs, half an hour ago."""
    rows = [f"OBX|{n}|NM|{code}^x^LN||{value}|{unit}^x^UCUM|||||F" for n, (code, value, unit) in enumerate(VITALS)]
    pid = "PID|1||pat-1^^^H||Doe^Jo||19500203|F"
    head = ["MSH|^~\\&|A|H|B|H|20260331||ORU^R01|c2|P|2.5.1", pid, "OBR|1|||x|||20260331073000+0000"]
    return "\r".join([*head, *rows]).encode()


def through_hl7(model: ScoreModel, analytes: Analytes, begun: str, left: str) -> PatientRecord:
    """The record as messages bring it."""
    feed = Feed(IntensiveCare(), analytes, CHICAGO)
    return read_messages([adt(begun, left), oru()], model.needs, patient_id="pat-1", feed=feed, now=NOW)


def through_fhir(model: ScoreModel, reading: Any, make_lab: Any, make_bundle: Any, **period: str) -> PatientRecord:
    """The record as prefetch brings it; earlier stays are not sent, as messages bring none."""
    stay = {
        "resourceType": "Encounter",
        "id": "enc-1",
        "status": "finished" if period.get("end", "9999") < "9999" else "in-progress",
        "class": {"system": f"{ACT}Code", "code": "IMP"},
        "priority": {"coding": [{"system": f"{ACT}Priority", "code": "EM"}]},
        "subject": {"reference": "Patient/pat-1"},
        "period": period,
        "location": [{"location": {"display": "Ward 3"}}],
    }
    condition = {
        "resourceType": "Condition",
        "id": "c1",
        "subject": {"reference": "Patient/pat-1"},
        "encounter": {"reference": "Encounter/enc-1"},
        "code": {"coding": [{"system": ICD_10_CM, "code": "I50.9", "display": "Heart failure"}]},
    }  # fmt: skip
    facts = [
        make_lab(code, code, value, unit, effectiveDateTime="2026-03-31T07:30:00Z") for code, value, unit in VITALS
    ]
    patient = {"resourceType": "Patient", "id": "pat-1", "gender": "female", "birthDate": "1950-02-03"}
    brought = {"Encounter": [stay], "Condition": [condition], "Observation": facts}
    prefetch: dict[str, Any] = {"patient": patient}
    for need in model.needs:
        if need.resource_type in brought and need.key != "encounters":
            prefetch[need.key] = make_bundle(*brought[need.resource_type])
    reading.now, reading.needs = NOW, model.needs
    record: PatientRecord = reading.read(prefetch)
    # Messages bring the diagnoses of the admission and no others, which both records have to say.
    return replace(record, incomplete=(*record.incomplete, "conditions: not all of them"))


@pytest.mark.parametrize(("begun", "left", "start", "end", "days"), STAYS)
def test_lace_counts_the_same_days_through_both_doors(
    begun: str, left: str, start: str, end: str | None, days: int, reading: Any, analytes: Analytes, make_lab: Any,
    make_bundle: Any,
) -> None:  # fmt: skip
    """With a zone of its own, in that of the feed, by the day only, and of a stay that goes on."""
    lace = ScoreModel.load(MODELS_FOLDER / "lace" / "model.toml")
    period = {"start": start} if end is None else {"start": start, "end": end}
    hl7, fhir = through_hl7(lace, analytes, begun, left), through_fhir(lace, reading, make_lab, make_bundle, **period)
    told, seen = hl7.stays[0], fhir.stays[0]
    names = ("status", "class_code", "start", "end", "priority", "start_day", "end_day", "offset")
    assert [getattr(told, name) for name in names] == [getattr(seen, name) for name in names]
    one, other = (lace.assess(record, NOW) for record in (hl7, fhir))
    assert isinstance(one, Score)
    assert isinstance(other, Score)
    assert (one.value, one.highest, one.missing) == (other.value, other.highest, other.missing)
    assert [(item.name, item.points, item.found) for item in one.items] == [
        (item.name, item.points, item.found) for item in other.items
    ]
    assert f"{days} days" in str([item.found for item in one.items])


@pytest.mark.parametrize("name", ["news2", "qsofa", "sirs", "sofa", "charlson"])
def test_other_scores_agree_through_both_doors(
    name: str, reading: Any, analytes: Analytes, make_lab: Any, make_bundle: Any
) -> None:
    """Value, range and lines; where one has no answer, the other has none for the same reason."""
    model = ScoreModel.load(MODELS_FOLDER / name / "model.toml")
    fhir = through_fhir(model, reading, make_lab, make_bundle, start="2026-03-25T20:30:00-05:00")
    found = [model.assess(record, NOW) for record in (through_hl7(model, analytes, "202603252030", ""), fhir)]
    one, other = (_said(finding) for finding in found)
    assert one == other


def _said(finding: Any) -> list[Any]:
    """What a finding says, without the names of its sources."""
    if not isinstance(finding, Score):
        return [finding.reason, finding.text, finding.missing]
    return [finding.value, finding.highest, [(item.name, item.points) for item in finding.items], finding.situation]


@pytest.mark.parametrize(
    ("text", "day", "offset"),
    [
        ("20260301080000+0530", date(2026, 3, 1), timedelta(hours=5, minutes=30)),
        ("20260301080000+0000", date(2026, 3, 1), timedelta()),
        ("202603010800", date(2026, 3, 1), timedelta(hours=-6)),
        ("202607010800", date(2026, 7, 1), timedelta(hours=-5)),
        ("20260301", date(2026, 3, 1), None),
        ("202603", None, None),
        ("20260230", None, None),
        ("soon", None, None),
        ("", None, None),
    ],
)
def test_day_and_clock_of_a_stay(text: str, day: date | None, offset: timedelta | None, analytes: Analytes) -> None:
    """As they were written; without a zone the clock is that of the feed at that time of the year."""
    lace = ScoreModel.load(MODELS_FOLDER / "lace" / "model.toml")
    stay = through_hl7(lace, analytes, text, "").stays[0]
    assert (stay.start_day, stay.offset) == (day, offset)


def test_a_fact_is_in_utc_whatever_the_clock_of_the_call(analytes: Analytes) -> None:
    """A clock in the hospital's own zone does not reach the record: subtracting such times would miss an hour."""
    feed = Feed(IntensiveCare(), analytes, CHICAGO)
    now = NOW.astimezone(CHICAGO)
    lace = ScoreModel.load(MODELS_FOLDER / "lace" / "model.toml")
    record = read_messages([adt("20260325", "")], lace.needs, patient_id="pat-1", feed=feed, now=now)
    assert record.read_at.tzinfo is UTC
