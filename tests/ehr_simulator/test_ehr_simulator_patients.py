"""The invented hospital is coherent, valid, and the same for the same seed."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class

from ehr_simulator import dates
from ehr_simulator.patients import generate, write

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def bundles() -> Any:
    """The hospital at a fixed time."""
    return generate(NOW)


def _read(text: str) -> datetime:
    """The moment of a text that holds one."""
    moment = dates.read(text)
    assert moment is not None
    return moment


def _resources(bundle: Any) -> Any:
    return [entry["resource"] for entry in bundle["entry"]]


def test_one_seed_gives_one_hospital(bundles: dict[str, Any]) -> None:
    """Same seed and time: the same bytes; another seed: other values; the zone of the time does not matter."""
    same = generate(NOW.astimezone(timezone(timedelta(hours=5))))
    assert json.dumps(bundles) == json.dumps(same)
    assert generate(NOW, seed=1) != bundles


def test_a_time_without_zone_is_refused() -> None:
    """A naive time would put the stays hours off."""
    with pytest.raises(ValueError, match="zone"):
        generate(datetime(2026, 3, 2))  # noqa: DTZ001


def test_every_resource_is_valid_r4(bundles: dict[str, Any]) -> None:
    """fhir.resources.R4B takes every resource and every bundle."""
    for bundle in bundles.values():
        for resource in _resources(bundle):
            get_fhir_model_class(resource["resourceType"]).model_validate(resource)
        get_fhir_model_class("Bundle").model_validate(bundle)


def test_there_are_enough_patients_and_ids_are_unique(bundles: dict[str, Any]) -> None:
    """At least twelve patients, one stay each, no id twice."""
    everything = [resource for bundle in bundles.values() for resource in _resources(bundle)]
    places = [f"{one['resourceType']}/{one['id']}" for one in everything]
    assert len(places) == len(set(places))
    assert sum(place.startswith("Patient/") for place in places) >= 12
    assert sum(place.startswith("Encounter/") for place in places) == sum(p.startswith("Patient/") for p in places)


def test_references_stay_within_the_patient(bundles: dict[str, Any]) -> None:
    """Every subject and encounter is the bundle's own, and every place exists."""
    places = {
        f"Location/{one['id']}" for one in _resources(bundles["00-hospital"]) if one["resourceType"] == "Location"
    }
    for name, bundle in bundles.items():
        text = json.dumps(_resources(bundle))
        for reference in re.findall(r'"reference": "([^"]+)"', text):
            assert reference in places or reference in {f"Patient/{name}", f"Encounter/{name}-stay"}


def test_nothing_lies_in_the_future_or_before_the_stay(bundles: dict[str, Any]) -> None:
    """Facts lie between admission and now, and vital signs of an open stay are fresh."""
    for name, bundle in bundles.items():
        if name == "00-hospital":
            continue
        stay = next(one for one in _resources(bundle) if one["resourceType"] == "Encounter")
        start = _read(stay["period"]["start"])
        times = [_read(one["effectiveDateTime"]) for one in _resources(bundle) if "effectiveDateTime" in one]
        assert start <= min(times)
        assert NOW - timedelta(minutes=20) <= max(times) <= NOW


def test_mean_pressure_fits_the_other_two(bundles: dict[str, Any]) -> None:
    """Mean = (systolic + 2 diastolic) / 3, to rounding."""
    codes: dict[str, dict[str, float]] = {"8480-6": {}, "8462-4": {}, "8478-0": {}}
    for one in _resources(bundles["sim-02"]):
        code = one.get("code", {}).get("coding", [{}])[0].get("code")
        if code in codes:
            codes[code][one["effectiveDateTime"]] = one["valueQuantity"]["value"]
    assert codes["8480-6"].keys() == codes["8478-0"].keys()
    for time, systolic in codes["8480-6"].items():
        assert abs(codes["8478-0"][time] - (systolic + 2 * codes["8462-4"][time]) / 3) <= 1.01


def _find(bundle: Any, code: str) -> Any:
    return [o for o in _resources(bundle) if o.get("code", {}).get("coding", [{}])[0].get("code") == code]


def test_each_story_is_in_the_data(bundles: dict[str, Any]) -> None:
    """The cases that the hospital is there to show are really in it."""
    lactate = [one["valueQuantity"]["value"] for one in _find(bundles["sim-02"], "2524-7")]
    assert lactate[-1] > lactate[0] + 2
    assert not _find(bundles["sim-04"], "2524-7")
    assert {one["valueQuantity"]["code"] for one in _find(bundles["sim-05"], "8310-5")} == {"[degF]"}
    assert {one["valueQuantity"]["code"] for one in _find(bundles["sim-05"], "2524-7")} == {"mg/dL"}
    assert {one["status"] for one in _resources(bundles["sim-08"]) if "valueQuantity" in one} == {
        "final", "preliminary", "entered-in-error"}  # fmt: skip
    assert _find(bundles["sim-09"], "6298-4")
    assert all(len(one["component"]) == 3 for one in _find(bundles["sim-09"], "85354-9"))
    assert not _find(bundles["sim-09"], "8480-6")
    for name, code in (("sim-10", "IMP"), ("sim-11", "AMB")):
        stay = next(one for one in _resources(bundles[name]) if one["resourceType"] == "Encounter")
        assert stay["class"]["code"] == code


def test_bundles_can_be_written(tmp_path: Path) -> None:
    """The files on disk are what `generate` gives."""
    written = write(tmp_path / "new", NOW)
    assert json.loads(written[1].read_text()) == generate(NOW)[written[1].stem]
