"""Whatever stands in a prefetch: one of our own errors or a record, and never another patient's facts in it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clinical.errors import DataUnavailable, MalformedRequest, WrongPatient
from clinical.need import DataNeed, Importance
from fhir_adapters.record import FhirRecords

BASE = "https://ehr.test/fhir"
OWN = ["Patient/pat-1", f"{BASE}/Patient/pat-1", "Patient/pat-1/_history/3"]
FOREIGN = ["Patient/pat-2", "patient/pat-1", "https://evil.test/fhir/Patient/pat-1", "Patient?identifier=1", "#p"]
NOBODY: list[Any] = [None, {}, [], "Patient/pat-1", {"identifier": {"value": "1"}}, {"display": "x"}, {"reference": 1}]
NAMES = """resourceType id meta versionId lastUpdated status code coding system value valueQuantity unit subject
patient reference type identifier entry resource fullUrl link relation url total effectiveDateTime effectivePeriod start
end class period location contained component name given family birthDate gender extension issue severity x
clinicalStatus verificationStatus onsetDateTime onsetPeriod abatementDateTime recordedDate encounter context intent
authoredOn doNotPerform medicationCodeableConcept medicationReference performedDateTime performedPeriod text display
valueCodeableConcept valueBoolean priority hospitalization diagnosis condition use rank""".split()  # noqa: SIM905
WORDS = """Patient Encounter Observation Location Bundle OperationOutcome Parameters pat-1 o1 final in-progress next
error http://loinc.org 2524-7 8480-6 mmol/L http://unitsofmeasure.org 2026-03-02T07:30:00Z 1950-02-03 Patient/pat-1
Location/l1 entered-in-error active completed order #x 0001-01-01 9999-12-31 2026-03""".split()  # noqa: SIM905
MORE = ("Condition", "Procedure", "MedicationRequest", "MedicationStatement", "Medication")
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(10**39), 10**39)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([*WORDS, *OWN, *FOREIGN])
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6),
    max_leaves=25,
)
NEARLY = st.fixed_dictionaries(
    {"resourceType": st.sampled_from(["Bundle", "Observation", "Patient", "Encounter", "Location", *MORE]) | JSON},
    optional={name: JSON for name in NAMES if name != "resourceType"},
)
BUNDLES = st.fixed_dictionaries(
    {
        "resourceType": st.just("Bundle"),
        "entry": st.lists(st.fixed_dictionaries({"resource": NEARLY}), max_size=4) | JSON,
    },
    optional={"link": JSON, "total": JSON},
)
FAST = settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@pytest.fixture
def reader(reading: Any) -> FhirRecords:
    """One reader for all examples of a test."""
    return reading.reader(BASE)  # type: ignore[no-any-return]


def test_any_json_gives_a_record_or_one_of_our_errors(reading: Any, reader: FhirRecords) -> None:
    """Never another exception, which would be a 500 without a reason; and no fault that the prefetch cannot have."""
    more = tuple(DataNeed("stays", kind, importance=Importance.INFORMATIVE) for kind in MORE[:-1])

    @settings(FAST, max_examples=80)  # each is a whole tree, which takes longer to draw than to read
    @given(st.dictionaries(st.sampled_from(["patient", "stays", "labs", "other"]), JSON | NEARLY | BUNDLES))
    def check(prefetch: dict[str, Any]) -> None:
        try:
            record = reader.read(reading.call(prefetch), (*reading.needs, *more))
        except (MalformedRequest, WrongPatient, DataUnavailable):
            return
        assert record.patient_id == "pat-1"
        assert all(need.key in prefetch for need in reading.needs)

    check()


DATES = st.sampled_from(
    ["0001-01-01", "0001", "9999", "9999-12-31T23:59:59-14:00", "2026-02-29", "x", 7, None, "2026-03"]
)
ODD = st.dictionaries(
    st.sampled_from(["coding", "text", "reference", "display", "start", "end"]),
    st.lists(st.dictionaries(st.sampled_from(["system", "code", "display"]), LEAVES), max_size=2) | DATES | LEAVES,
    max_size=3,
)
MEMBERS = """onsetDateTime onsetPeriod abatementDateTime recordedDate performedDateTime performedPeriod authoredOn
effectiveDateTime effectivePeriod code medicationCodeableConcept medicationReference encounter context clinicalStatus
verificationStatus""".split()  # noqa: SIM905
ENTRIES = st.fixed_dictionaries(
    {"resourceType": st.sampled_from(MORE), "status": st.sampled_from(["active", "completed"])},
    optional=dict.fromkeys(MEMBERS, DATES | ODD),
)


def test_no_date_and_no_concept_is_too_odd(reading: Any) -> None:
    """Entries that the validator takes or refuses: each is a fact, stands aside, or was not asked for."""
    needs = (*reading.needs, *(DataNeed(kind, kind) for kind in MORE[:-1]))
    reader = reading.reader(BASE)

    @settings(FAST, max_examples=400)
    @given(st.lists(ENTRIES, min_size=1, max_size=4))
    def check(rows: list[dict[str, Any]]) -> None:
        whose = {"subject": {"reference": OWN[0]}, "intent": "order"}
        entries = [
            {"resource": {**row, "id": f"r{number}", **(whose if row["resourceType"] != "Medication" else {})}}
            for number, row in enumerate(rows)
        ]
        sent = reading.prefetch(**dict.fromkeys(MORE[:-1]), labs={"resourceType": "Bundle", "entry": entries})
        record = reader.read(reading.call(sent), needs)
        told = {fact.reference for fact in (*record.conditions, *record.medications, *record.procedures)}
        told |= {aside.reference for aside in record.set_aside}
        kinds = {
            f"{row['resourceType']}/r{number}" for number, row in enumerate(rows) if row["resourceType"] != MORE[-1]
        }
        assert kinds <= told

    check()


SUBJECTS = st.sampled_from([*({"reference": reference} for reference in [*OWN, *FOREIGN]), *NOBODY])


def test_no_fact_of_another_patient_is_ever_in_a_record(reading: Any, reader: FhirRecords, make_lab: Any) -> None:
    """Results of the patient are 1.0; those that name somebody else, or nobody, are 2.0 and stay out."""
    reading.weigh(Importance.OPTIONAL)

    @FAST
    @given(
        st.lists(st.tuples(SUBJECTS, st.sampled_from(["", "urn:uuid:1", f"{BASE}/Observation/1"])), max_size=5), JSON
    )
    def check(rows: list[tuple[Any, str]], noise: Any) -> None:
        entries = []
        for number, (subject, full_url) in enumerate(rows):
            own = isinstance(subject, dict) and subject.get("reference") in OWN
            lab = make_lab(f"o{number}", value=1.0 if own else 2.0, subject=subject, note=noise)
            entries.append({"fullUrl": full_url, "resource": lab})
        prefetch = reading.prefetch(labs={"resourceType": "Bundle", "entry": entries})
        names = [subject.get("reference") for subject, _ in rows if isinstance(subject, dict)]
        if any(name in FOREIGN for name in names):
            with pytest.raises(WrongPatient):
                reader.read(reading.call(prefetch), reading.needs)
            return
        record = reader.read(reading.call(prefetch), reading.needs)
        assert {fact.value for fact in record.observations} <= {1.0}
        assert len(record.observations) + len(record.set_aside) == len(rows)

    check()
