"""A finding as a FHIR RiskAssessment and its Provenance: every member, checked by two independent FHIR libraries."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fhirclient.models.provenance import Provenance
from fhirclient.models.riskassessment import RiskAssessment as R4RiskAssessment
from hypothesis import given
from hypothesis import strategies as st

from clinical.advice import Advice
from clinical.assessment import Basis, Explanation, Observed
from clinical.record import Observation
from fhir_adapters.write.horizons import period
from fhir_adapters.write.provenance_resource import provenance_resource
from fhir_adapters.write.risk_resource import MOST_SOURCES, per_cent, risk_resource, sources
from fhir_adapters.write.risk_words import plain
from fhir_adapters.write.sent_and_stored import differences, fault_in_written
from fhir_adapters.write.software_device import Software, is_ours
from fhir_adapters.write.write_scopes import can_write

BASE = "https://chartside.test"
SOFTWARE = Software(BASE)
Make = Callable[..., Any]


@pytest.fixture
def risk_of(make_advice: Callable[..., Advice]) -> Make:
    """The resource of a finding, proven valid by fhir.resources (R4B) and by fhirclient's strict R4 models."""

    def build(finding: Any, encounter: str | None = "enc-1") -> dict[str, Any]:
        resource = risk_resource(make_advice(finding), finding, SOFTWARE, encounter)
        assert fault_in_written(resource, "RiskAssessment") is None
        R4RiskAssessment(json.loads(json.dumps(resource)), strict=True)
        return resource

    return build


def test_it_names_the_advice_the_model_the_patient_and_the_moment(risk_of: Make, make_assessment: Make) -> None:
    """Identifier, status, method with version, subject, encounter and time are those of the advice."""
    risk = risk_of(make_assessment())
    assert risk["identifier"] == [{"system": f"{BASE}/advice", "value": "6f1c5a80-5d3c-4f5a-9a39-6c3f7a3f2b11"}]
    assert risk["status"] == "final"
    assert risk["method"]["coding"] == [
        {"system": f"{BASE}/models", "version": "1.2.3", "code": "icu-mortality", "display": "ICU mortality"}
    ]
    assert (risk["subject"], risk["encounter"]) == ({"reference": "Patient/pat-1"}, {"reference": "Encounter/enc-1"})
    assert risk["occurrenceDateTime"] == "2026-03-02T08:00:00Z"


def test_the_author_is_the_software_with_model_version_and_digest(risk_of: Make, make_assessment: Make) -> None:
    """The performer is a contained Device that carries the version and the digest of the model."""
    risk = risk_of(make_assessment())
    (device,) = risk["contained"]
    assert risk["performer"] == {"reference": f"#{device['id']}"}
    assert {version["value"] for version in device["version"]} == {"1.2.3", "ab" * 32}
    assert is_ours(risk, SOFTWARE, make_assessment().model)
    assert not is_ours(risk, Software("https://elsewhere.test"), make_assessment().model)


def test_the_probability_is_in_per_cent_and_said_in_words(risk_of: Make, make_assessment: Make) -> None:
    """R4 has decimals as percentages (max = 100); the words beside it leave no doubt."""
    (prediction,) = risk_of(make_assessment(0.51234))["prediction"]
    assert prediction["probabilityDecimal"] == 51.23
    assert prediction["outcome"] == {"text": "in-hospital death during this hospital stay"}
    assert prediction["rationale"].startswith("51 % (about 51 of 100), tier high. Lactate 4.1 mmol/L: raises the risk")
    assert "Bilirubin, not measured" in prediction["rationale"]


@given(st.floats(0, 1, allow_nan=False))
def test_every_probability_stays_a_percentage_with_four_digits(probability: float) -> None:
    """No rounding leaves 0 to 100, and none moves a probability by more than half of its fourth decimal."""
    value = per_cent(probability)
    assert 0 <= value <= 100
    assert abs(value / 100 - probability) <= 0.00005 + 1e-12


@pytest.mark.parametrize(
    ("changes", "coded"),
    [
        ({"probability": 0.7}, ["high"]),
        ({"probability": 0.46}, []),
        ({"probability": 0.7, "weak": "too little was measured"}, []),
        ({"probability": 0.05, "tier": "low"}, []),
    ],
)
def test_a_code_of_likelihood_only_where_its_definition_holds(
    risk_of: Make, make_assessment: Make, changes: dict[str, Any], coded: list[str]
) -> None:
    """`high` means more likely than not; a tier called high at 46 % is text only, and so is a weak answer."""
    risk = risk_of(make_assessment(**changes))["prediction"][0]["qualitativeRisk"]
    assert risk["text"]
    assert [coding["code"] for coding in risk.get("coding", [])] == coded


def test_the_note_says_what_stands_beside_the_number(risk_of: Make, make_rich: Make) -> None:
    """Interval, validation, unusual values, other scores, gaps, and that judgement is not replaced."""
    observed = Observed(0.4, 0.6, 200, 104, 0.45, 0.59)
    risk = risk_of(make_rich(observed=observed, caveats=("the birth date has no day",)))
    (note,) = risk["note"]
    for words in (
        "Chartside supports clinical judgement, it does not replace it.",
        "The model's own range for this risk is 44 to 57 %.",
        "104 of 200 patients with a risk like this had the outcome (95 % interval 45 to 59 %)",
        "Age 103 years",
        "Not found: Bilirubin.",
        "could not be used: 1.",
        "the birth date has no day",
        "NEWS2 (early warning score): 7",
    ):
        assert words in note["text"]
    assert [one["probabilityDecimal"] for one in risk["prediction"]] == [50.0, 4.0, 30.0]


def test_a_weak_answer_says_so_everywhere(risk_of: Make, make_assessment: Make) -> None:
    """The note, the narrative and the mitigation of a weak answer do not sound firm."""
    risk = risk_of(make_assessment(weak="less than half of what it weighs was found"))
    assert "too weak for an alert: less than half" in risk["note"][0]["text"]
    assert "too weak for an alert" in risk["text"]["div"]
    assert risk["mitigation"] == "Measure what is missing and look again"


def test_sources_are_real_references_once_each_strongest_first(make_rich: Make) -> None:
    """Facts without an address on the FHIR server are left out, components name their panel, nothing stands twice."""
    rich = make_rich()
    first, second, *rest = rich.explanation.attributions
    fact: Observation = first.facts[0]
    odd = tuple(
        replace(fact, reference=name)
        for name in (
            "Observation/panel#component-0",
            "Observation/panel#component-1",
            "OBX 3 of ORU",
            "Observation/(no id)",
            "urn:uuid:0d9a2b1e-93d0-4f14-8f1e-1c1e7c5d7f22",
            "https://elsewhere.test/fhir/Observation/1",
            "Observation/..",
            "Location/7",
        )
    )
    changed = replace(rich, explanation=Explanation(0.0, (replace(first, facts=(*odd, fact)), second, *rest)))
    listed, more = sources(changed)
    assert set(listed) == {
        *("Observation/panel", "Observation/2524-7", "Observation/2160-0", "Observation/777-3"),
        *("Condition/hf", "Condition/copd"),
    }
    assert (len(listed), more) == (6, 0)


def test_no_driver_crowds_out_the_others(make_rich: Make) -> None:
    """The newest fact of every driver comes before the older ones of the strongest."""
    rich = make_rich()
    first, *rest = rich.explanation.attributions
    fact = first.facts[0]
    older = [replace(fact, reference=f"Observation/old-{n}", time=fact.time - timedelta(hours=n)) for n in range(1, 90)]
    many = replace(first, facts=(*older, fact))
    listed, more = sources(replace(rich, explanation=Explanation(0.0, (many, *rest))))
    assert listed[:5] == (
        *("Observation/2524-7", "Observation/2160-0"),
        *("Condition/hf", "Condition/copd", "Observation/777-3"),
    )
    assert (len(listed), more) == (MOST_SOURCES, 5 + 89 - MOST_SOURCES)


def test_the_list_of_sources_is_bounded_and_says_what_it_leaves_out(risk_of: Make, make_rich: Make) -> None:
    """Of many facts the first stand as basis; the note tells the number of the others."""
    rich = make_rich()
    first, *rest = rich.explanation.attributions
    many = tuple(Basis(f"Condition/{number}", "x") for number in range(200))
    risk = risk_of(replace(rich, explanation=Explanation(0.0, (replace(first, basis=many), *rest))))
    assert len(risk["basis"]) == MOST_SOURCES
    assert "more facts were used than are listed" in risk["note"][0]["text"]
    assert len(json.dumps(risk)) < 30_000


def test_a_score_has_no_probability(risk_of: Make, make_score: Make) -> None:
    """A score is written with its points and its band, never as a probability or a code of likelihood."""
    risk = risk_of(make_score(unknown=1, value=5.0, highest=8.0))
    (prediction,) = risk["prediction"]
    assert "probabilityDecimal" not in prediction
    assert "coding" not in prediction["qualitativeRisk"]
    assert prediction["rationale"].startswith("5 counted so far, at most 8 (the score goes up to 20)")
    assert "Consciousness: not found" in prediction["rationale"]
    assert {"reference": "Condition/copd"} in risk["basis"]


def test_an_equation_adds_no_points_up(risk_of: Make, make_equation: Make) -> None:
    """An equation is written with its value and unit, and what went into it."""
    (prediction,) = risk_of(make_equation(), None)["prediction"]
    assert prediction["rationale"].startswith("48 mL/min/1.73 m², G3a")
    assert "Age: 74 years" in prediction["rationale"]


@pytest.mark.parametrize(
    ("horizon", "hooks", "end"),
    [
        ("within the next 6 hours", ("patient-view",), "2024-02-29T14:00:00Z"),
        ("within 90 days", ("patient-view",), "2024-05-29T08:00:00Z"),
        ("within 1 year", ("patient-view",), "2025-02-28T08:00:00Z"),
        ("within ten years", ("patient-view",), "2034-02-28T08:00:00Z"),
        ("within 11 months", ("patient-view",), "2025-01-29T08:00:00Z"),
        ("during this hospital stay", ("patient-view",), None),
        ("now", ("patient-view",), None),
        ("within 30 days of discharge", ("patient-view",), None),
        ("within 30 days", ("encounter-discharge",), None),
    ],
)
def test_a_period_only_where_it_begins_now(
    make_assessment: Make, horizon: str, hooks: tuple[str, ...], end: str | None
) -> None:
    """A time that begins at discharge, or has no end, is no period; it stays in the words of the outcome."""
    info = replace(make_assessment().model, horizon=horizon, hooks=hooks)
    found = period(info, datetime(2024, 2, 29, 8, 0, tzinfo=UTC))
    assert found == (None if end is None else {"start": "2024-02-29T08:00:00Z", "end": end})


def test_markup_of_a_sender_stays_text(risk_of: Make, make_assessment: Make) -> None:
    """Names with markup, control characters or great length neither break the narrative nor the resource."""
    plain_one = make_assessment()
    info = replace(plain_one.model, title="<script>alert(1)</script>\x00\n" + "x" * 5000)
    risk = risk_of(replace(plain_one, model=info, missing=("\x07<b>a</b>",)))
    assert "<script>" not in risk["text"]["div"]
    assert "\x00" not in json.dumps(risk, ensure_ascii=False)
    assert len(risk["code"]["text"]) <= 200


@given(st.text(max_size=400))
def test_plain_text_is_one_short_printable_line(text: str) -> None:
    """Whatever comes in, one printable line of at most 200 signs comes out."""
    line = plain(text)
    assert len(line) <= 200
    assert line.isprintable()
    assert line == line.strip()


def test_provenance_names_target_author_clinician_and_sources(make_advice: Make, make_assessment: Make) -> None:
    """Who, what, when and from what; the clinician had it entered and verifies nothing by that."""
    found = make_assessment()
    made = provenance_resource(
        make_advice(found),
        found,
        SOFTWARE,
        target="RiskAssessment/r1/_history/1",
        user="Practitioner/dr-1",
        recorded=datetime(2026, 3, 2, 8, 5, tzinfo=UTC),
    )
    assert fault_in_written(made, "Provenance") is None
    Provenance(json.loads(json.dumps(made)), strict=True)
    assert made["target"] == [{"reference": "RiskAssessment/r1/_history/1"}]
    assert made["recorded"] == "2026-03-02T08:05:00Z"
    agents: Any = made["agent"]
    assert [(one["type"]["coding"][0]["code"], one["who"]["reference"]) for one in agents] == [
        ("author", "#software"),
        ("enterer", "Practitioner/dr-1"),
    ]
    entities: Any = made["entity"]
    assert {one["what"]["reference"] for one in entities} == {
        *("Observation/2524-7", "Observation/2160-0", "Observation/777-3")
    }


def test_what_a_server_may_change_is_no_difference(risk_of: Make, make_assessment: Make) -> None:
    """Its own narrative, ids, identifiers, offsets and absolute references leave the meaning as it was."""
    risk = risk_of(make_assessment())
    stored = json.loads(json.dumps(risk))
    stored |= {"id": "r1", "meta": {"versionId": "3"}, "text": {"status": "empty", "div": "x"}}
    stored["identifier"].insert(0, {"system": "urn:own", "value": "1"})
    stored["subject"] = {"reference": "https://ehr.test/fhir/Patient/pat-1", "display": "Somebody"}
    stored["occurrenceDateTime"] = "2026-03-02T09:00:00.000+01:00"
    assert differences(risk, stored, "https://ehr.test/fhir") == ()


@pytest.mark.parametrize(
    ("path", "value", "name"),
    [
        (("prediction", 0, "probabilityDecimal"), 0.5, "prediction"),
        (("prediction", 0, "probabilityDecimal"), True, "prediction"),
        (("prediction", 0, "outcome", "text"), "something else", "prediction"),
        (("prediction",), [], "prediction"),
        (("subject", "reference"), "Patient/pat-2", "subject"),
        (("subject", "reference"), "https://elsewhere.test/fhir/Patient/pat-1", "subject"),
        (("method", "coding", 0, "version"), "9.9.9", "method"),
        (("status",), "entered-in-error", "status"),
        (("occurrenceDateTime",), "2026-03-02T08:00:01Z", "occurrenceDateTime"),
        (("note", 0, "text"), "", "note"),
        (("basis",), None, "basis"),
        (("contained",), [], "contained"),
        (("identifier",), [], "identifier"),
        (("modifierExtension",), [{"url": "urn:not"}], "modifierExtension"),
        (("prediction", 0, "modifierExtension"), [{"url": "urn:not"}], "prediction"),
    ],
)
def test_any_change_of_meaning_is_a_difference(
    risk_of: Make, make_assessment: Make, path: tuple[Any, ...], value: Any, name: str
) -> None:
    """A changed, lost or added member that changes what is said is named."""
    risk = risk_of(make_assessment())
    stored = json.loads(json.dumps(risk))
    place = stored
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert differences(risk, stored, "https://ehr.test/fhir") == (name,)


@pytest.mark.parametrize(
    ("scopes", "types"),
    [
        (("patient/RiskAssessment.crs", "patient/Provenance.cr"), ("RiskAssessment", "Provenance")),
        (("user/RiskAssessment.write", "patient/RiskAssessment.read"), ("RiskAssessment",)),
        (("patient/*.*",), ("RiskAssessment", "Provenance")),
        (("patient/*.rs",), ()),
        (("patient/RiskAssessment.c",), ()),
        (("patient/RiskAssessment.cr?status=final",), ()),
        (("system/RiskAssessment.cruds", "patient/riskassessment.cr", "patient/RiskAssessment.rc"), ()),
        ((), ()),
    ],
)
def test_leave_to_write_is_create_and_read(scopes: tuple[str, ...], types: tuple[str, ...]) -> None:
    """A type may be written where it may be created and read back, in v1 or v2 form and without a filter."""
    assert can_write(scopes) == types
