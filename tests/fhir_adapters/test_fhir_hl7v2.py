"""HL7 v2: why a patient was admitted (DG1), how urgently, from where and where to (PV1), and coded results (OBX)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from clinical.errors import MalformedRequest
from clinical.need import DataNeed
from clinical.record import LOINC, Coding, PatientRecord, SetAsideReason, Source, StayDiagnosis
from fhir_adapters.hl7v2.messages import Feed, read_messages
from fhir_adapters.hl7v2.segments import parse
from fhir_adapters.intensive_care import IntensiveCare
from fhir_adapters.units import Analytes

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
NEEDS = (DataNeed("labs", "Observation", (Coding(LOINC, "72166-2"),)), DataNeed("problems", "Condition"))
PID = "PID|1||p1^^^H||Doe^Jo||19500203|F"


def adt(*diagnoses: str, visit: str = "V1", kind: str = "E", source: str = "7", to: str = "") -> bytes:
    """An admission. A diagnosis is what follows `DG1|`."""
    fields = {2: "I", 3: "ICU", 4: kind, 14: source, 19: visit, 36: to, 44: "20260301080000+0000"}
    pv1 = "PV1" + "|".join(fields.get(number, "") for number in range(45))
    rows = ["MSH|^~\\&|A|H|B|H|20260302||ADT^A01|c1|P|2.5.1", PID, pv1, *(f"DG1|{row}" for row in diagnoses)]
    return "\r".join(rows).encode()


def oru(*rows: str) -> bytes:
    """Results. A row is what follows `OBX|`."""
    head = ["MSH|^~\\&|A|H|B|H|20260302||ORU^R01|c2|P|2.5.1", PID, "OBR|1|||x|||20260302070000+0000"]
    return "\r".join([*head, *(f"OBX|{row}" for row in rows)]).encode()


@pytest.fixture
def read(analytes: Analytes) -> Any:
    """Reads messages of a feed whose local time is one hour ahead of UTC."""
    feed = Feed(IntensiveCare(("ICU",)), analytes, timezone(timedelta(hours=1)))

    def record(*messages: bytes, needs: tuple[DataNeed, ...] = NEEDS) -> PatientRecord:
        return read_messages(messages, needs, patient_id="p1", feed=feed, now=NOW)

    return record


def test_a_diagnosis_becomes_a_condition_and_a_part_of_the_stay(read: Any) -> None:
    """DG1-3 names it, DG1-5 is when it was determined, DG1-6 its role, DG1-15 its rank."""
    record = read(adt("1||E11.9^Diabetes^I10C|Type 2 diabetes|20260301|A|||||||||1"))
    (found,) = record.conditions
    assert found.codings == (Coding("http://hl7.org/fhir/sid/icd-10-cm", "E11.9", "Diabetes"),)
    assert (found.text, found.onset, found.active) == ("Type 2 diabetes", None, True)
    assert found.recorded == datetime(2026, 2, 28, 23, tzinfo=UTC)
    (stay,) = record.stays
    assert stay.diagnoses == (StayDiagnosis(found.reference, "AD", 1),)
    assert found.encounter == stay.reference == "PV1 V1"


@pytest.mark.parametrize(
    ("name", "system"),
    [
        ("I10", "http://hl7.org/fhir/sid/icd-10"),
        ("I9C", "http://hl7.org/fhir/sid/icd-9-cm"),
        ("SCT", "http://snomed.info/sct"),
        ("L", "urn:hl7v2:L"),
    ],
)
def test_code_systems_have_the_names_of_fhir(name: str, system: str, read: Any) -> None:
    """By HL7 table 0396; one that is not listed keeps its own. Both identifiers count."""
    (found,) = read(adt(f"1||A^a^{name}^B^b^I10C|")).conditions
    assert [coding.system for coding in found.codings] == [system, "http://hl7.org/fhir/sid/icd-10-cm"]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("1||E11^x^I10|||W", SetAsideReason.STATUS),
        ("1||E11^x^I10|||F" + "|" * 15 + "D", SetAsideReason.VOID),
        ("1||E11^x^I10||20260303120000+0000|F", SetAsideReason.FUTURE),
        ("1||E11^x^I10||20260303|F", SetAsideReason.FUTURE),
        ("1||E11^x^I10||soon|F", SetAsideReason.NO_TIME),
        ("1||E11^x^I10||20260230|F", SetAsideReason.NO_TIME),
        ("1|||||F", SetAsideReason.NO_VALUE),
    ],
)
def test_a_diagnosis_that_the_rules_refuse_is_set_aside(row: str, reason: SetAsideReason, read: Any) -> None:
    """By its place in the message."""
    record = read(adt(row))
    assert record.conditions == ()
    assert [(aside.reference, aside.reason) for aside in record.set_aside] == [("ADT c1 segment 4", reason)]


@pytest.mark.parametrize(
    ("time", "moment"),
    [
        ("2019", datetime(2018, 12, 31, 23, tzinfo=UTC)),
        ("201905", datetime(2019, 4, 30, 23, tzinfo=UTC)),
        ("202603020830", datetime(2026, 3, 2, 7, 30, tzinfo=UTC)),
        ("20260302", datetime(2026, 3, 1, 23, tzinfo=UTC)),
        ("20260302080000+0000", NOW),
        ("", None),
    ],
)
def test_a_date_begins_in_the_zone_of_the_feed(time: str, moment: datetime | None, read: Any) -> None:
    """A year, a month or a day will do, and so will none."""
    (found,) = read(adt(f"1||E11^x^I10||{time}|F")).conditions
    assert found.recorded == moment


def test_urgency_origin_and_destination(read: Any) -> None:
    """PV1-4 as an ActPriority where it says how urgent it is, PV1-14 and PV1-36 as codes of their tables."""
    (stay,) = read(adt(kind="C", to="01")).stays
    assert stay.priority.token == "http://terminology.hl7.org/CodeSystem/v3-ActPriority|EL"
    assert stay.admit_source.token == "http://terminology.hl7.org/CodeSystem/v2-0023|7"
    assert stay.discharge_disposition.token == "http://terminology.hl7.org/CodeSystem/v2-0112|01"
    (other,) = read(adt(kind="A", source="")).stays
    assert (other.priority, other.admit_source, other.discharge_disposition) == (None, None, None)
    (words,) = read(adt(to="^Expired").replace(b"|2.5.1", b"|2.7")).stays
    assert words.discharge_disposition == Coding("", "", "Expired")


def test_a_later_message_replaces_the_diagnoses_of_its_stay(read: Any) -> None:
    """And leaves those of other stays."""
    record = read(adt("1||A^a^I10|"), adt("1||B^b^I10|", visit="V2"), adt("1||C^c^I10|"))
    assert [found.codings[0].code for found in record.conditions] == ["C", "B"]


def test_diagnoses_that_nobody_asked_for_are_no_facts(read: Any) -> None:
    """Without a need for conditions there are none; with codes, only these and those without any."""
    message = adt("1||A^a^I10|", "2||B^b^I10|", "3|||words", "4||C^c^I10|||W")
    assert read(message, needs=NEEDS[:1]).conditions == ()
    need = DataNeed("problems", "Condition", (Coding("http://hl7.org/fhir/sid/icd-10", "B"),))
    record = read(message, needs=(need,))
    assert [found.text for found in record.conditions] == ["b", "words"]
    assert record.set_aside == ()
    assert len(record.stays[0].diagnoses) == 4


def test_a_coded_result_is_an_answer(read: Any) -> None:
    """As in FHIR; the corrected one replaces the first."""
    row = "1|CWE|72166-2^Smoking^LN||449868002^Daily^SCT||||||{}"
    (found,) = read(oru(row.format("P")), oru(row.format("F"))).answers
    assert found.values == (Coding("http://snomed.info/sct", "449868002", "Daily"),)
    assert (found.text, found.status, found.source) == ("Daily", "final", Source.HL7V2)
    record = read(oru(row.format("P"), "2|CE|72166-2^Smoking^LN||||||||F", "3|ST|72166-2^Smoking^LN||x||||||F"))
    assert record.answers == ()
    assert len(record.set_aside) == 1


def test_the_open_messages_with_diagnoses_can_be_read(shared: Path, read: Any, analytes: Analytes) -> None:
    """Each DG1 of the open ADT^A01 messages becomes a condition, or says why not."""
    feed = Feed(IntensiveCare(), analytes)
    seen = 0
    for path in sorted((shared / "data" / "hl7v2" / "ms").glob("ADT*.hl7")):
        message = path.read_bytes()
        try:
            segments = parse(message)
            if f"{segments[0].get(9, 1)}^{segments[0].get(9, 2)}" != "ADT^A01":
                continue
            patient = next(segment for segment in segments if segment.name == "PID").get(3, 1)
            record = read_messages([message], NEEDS, patient_id=patient, feed=feed, now=NOW)
        except MalformedRequest:
            continue
        rows = sum(segment.name == "DG1" for segment in segments)
        assert len(record.stays[0].diagnoses) == rows
        assert len(record.conditions) + len(record.set_aside) == rows
        seen += rows
    assert seen >= 2


@pytest.mark.parametrize(
    ("time", "status", "value", "moment", "empty"),
    [
        ("20260302070000+0000", "P", "4.1", datetime(2026, 3, 2, 7, tzinfo=UTC), False),
        ("20260301", "F", "4.1", datetime(2026, 3, 1, 22, 59, 59, 999999, tzinfo=UTC), False),
        ("20260302070000+0000", "P", "", datetime(2026, 3, 2, 7, tzinfo=UTC), True),
        ("20260302070000+0000", "D", "4.1", datetime(2026, 3, 2, 7, tzinfo=UTC), True),
    ],
)
def test_a_result_that_is_not_used_keeps_its_time(
    time: str, status: str, value: str, moment: datetime, empty: bool, read: Any
) -> None:
    """At the latest by the clock of the feed; a value that was not sent, or is taken back, is none."""
    (found,) = read(adt(), oru(f"1|NM|72166-2^x^LN||{value}|1^x^UCUM|||||{status}|||{time}")).set_aside
    assert (found.time, found.empty) == (moment, empty)


@pytest.mark.parametrize(
    ("left", "status", "last"),
    [
        ("", "in-progress", None),
        ('""', "in-progress", None),
        ("20260301", "finished", datetime(2026, 3, 1, 22, 59, 59, tzinfo=UTC)),
        ("20260302", "finished", datetime(2026, 3, 2, 22, 59, 59, tzinfo=UTC)),
        ("20260303", "in-progress", datetime(2026, 3, 3, 22, 59, 59, tzinfo=UTC)),
        ("202603", "finished", datetime(2026, 3, 31, 22, 59, 59, tzinfo=UTC)),
        ("2026", "finished", datetime(2026, 12, 31, 22, 59, 59, tzinfo=UTC)),
        ("202604", "in-progress", datetime(2026, 4, 30, 22, 59, 59, tzinfo=UTC)),
        ("202602", "finished", datetime(2026, 2, 28, 22, 59, 59, tzinfo=UTC)),
        ("202603020700", "finished", None),
        ("99991231", "in-progress", None),
        ("soon", "unknown", None),
    ],
)
def test_who_has_left_today_is_no_longer_here(left: str, status: str, last: datetime | None, read: Any) -> None:
    """PV1-45, by the clock of the feed: it is filled when somebody has left, as a FHIR stay is called finished then.

    Once a stay went on until the end of its last day, and was scored after the discharge; FHIR said that it was over. A
    day to come is none on which anybody has left; what is no time does not say whether anybody has.
    """
    message = adt().replace(b"20260301080000+0000", b"20260301080000+0000|" + left.encode())
    (stay,) = read(message).stays
    (again,) = read(message, adt()).stays
    assert (stay.status, again.status) == (status, "in-progress")
    assert (None if stay.latest_end is None else stay.latest_end.replace(microsecond=0)) == last
