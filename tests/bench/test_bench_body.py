"""The body that is measured is the one that the goal speaks of, and both sides can read it."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.patient import Patient

from bench import body

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize("seed", range(5))
def test_the_body_has_the_size_and_the_resources_of_the_goal(seed: int) -> None:
    """100 KB within 2 %: a patient, a stay and 72 observations."""
    made = body.call(seed, NOW, hook_instance="d1577c69-dfbe-44ad-ba6d-3e05e953b2ea")
    assert len(made) == pytest.approx(100_000, rel=0.02)
    assert body.resource_count(made) == 74


def test_every_resource_is_valid_fhir() -> None:
    """R4, by the library that both sides use."""
    prefetch = json.loads(body.call(1, NOW, hook_instance="i"))["prefetch"]
    Patient.model_validate(prefetch.pop("patient"))
    for bundle in prefetch.values():
        Bundle.model_validate(bundle)


def test_only_the_values_differ_between_seeds() -> None:
    """So that no memory of scores helps, and the work stays the same; one seed gives one chart."""
    first, again, other = (body.call(seed, NOW, hook_instance="i") for seed in (1, 1, 2))
    assert first == again
    assert first != other
    one, two = (json.loads(made)["prefetch"]["vitals"]["entry"][0]["resource"] for made in (first, other))
    assert one.pop("valueQuantity") != two.pop("valueQuantity")
    assert one == two
