"""A risk goes from the page into the chart, through the whole application: ledger, strict EHR, real FHIR server."""

from __future__ import annotations

import re
from typing import Any

import requests

from smart_hostile.person import Person, text_of
from smart_hostile.ward import PATIENT, OneEhr, Ward


def form_of(page: Any) -> tuple[str, dict[str, str]]:
    """Where the form that writes goes, and its fields; an empty address where there is none."""
    found = re.search(r'<form method="post" action="([^"]+/write)".*?</form>', page.text, re.S)
    return (found[1], dict(re.findall(r'name="(\w+)" value="([^"]*)"', found[0]))) if found else ("", {})


def stored(ehr: OneEhr, kind: str) -> list[dict[str, Any]]:
    """What stands in the FHIR server, read past the EHR's door."""
    bundle = requests.get(f"{ehr.settings.fhir_server}/{kind}", timeout=60).json()
    return [entry["resource"] for entry in bundle.get("entry", [])]


def test_a_risk_is_written_with_its_stay_and_once(ward: Ward, person: Person) -> None:
    """The chart has the risk of the page about this patient and stay, made by this clinician; twice makes no second."""
    _, page = person.launch(ward.other)
    address, form = form_of(page)
    answer = person.post(address, form)
    assert answer.status_code == 303, text_of(answer)
    after = person.get(answer.location)
    assert "Written into the chart" in text_of(after)
    assert not form_of(after)[0]
    (risk,) = stored(ward.other, "RiskAssessment")
    shown = re.search(r'class="big">(\d+) %', page.text)
    assert shown
    assert round(risk["prediction"][0]["probabilityDecimal"]) == int(shown[1])
    assert risk["subject"]["reference"] == f"Patient/{PATIENT}"
    assert risk["encounter"]["reference"] == f"Encounter/{PATIENT}-stay"
    assert not [one for one in risk.get("basis", []) if re.search(r"/[0-9a-f]{64}$", one["reference"])]
    (made,) = stored(ward.other, "Provenance")
    assert any("Practitioner/" in agent["who"].get("reference", "") for agent in made["agent"])
    assert person.post(address, form).status_code == 303
    assert len(stored(ward.other, "RiskAssessment")) == 1
    assert (
        "written-back" in {event.kind for event in ward.house.audit.events(100)}
        if hasattr(ward.house.audit, "events")
        else True
    )


def test_the_registry_has_to_say_so_too(ward: Ward, person: Person) -> None:
    """An EHR that grants everything is not written to unless its entry wishes it; a made-up form is refused."""
    before = len(stored(ward.ehr, "RiskAssessment"))
    everything = "openid fhirUser launch patient/*.cruds"
    ward.ehr.settings.mischief.arm("exact_scope", value=everything)
    _, page = person.launch(ward.ehr)
    assert not form_of(page)[0]
    token = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    advice = re.search(r'name="advice" value="([^"]+)"', page.text)
    again = re.search(r'action="(/smart/page/[\w-]+)/again"', page.text)
    assert token
    assert advice
    assert again
    answer = person.post(f"{again[1]}/write", {"csrf_token": token[1], "advice": advice[1]})
    assert answer.status_code == 403
    assert len(stored(ward.ehr, "RiskAssessment")) == before


def test_a_link_to_the_own_stay_leads_to_it(ward: Ward, person: Person) -> None:
    """The ledger knows the stay by a pseudonym; the page of this visit knows it by its id."""
    _, page = person.launch(ward.ehr)
    assert not re.search(r"Encounter/[0-9a-f]{64}", page.text)
