"""What-if equals the real path: the program's row is that of a chart with the other value, and so is the risk."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import replace
from itertools import count
from typing import Any

import numpy as np
import pytest

from clinical.assessment import RiskAssessment
from clinical.errors import MalformedRequest

# Inputs of charts that are compared, of which each has several values; `--every-chart` compares all.
ENOUGH_INPUTS = 200


def test_every_shipped_row_gives_its_probability_again(shelf: Any) -> None:
    """A stored assessment is put together again to 1e-9, without its record."""
    assert len(shelf.asked) >= 50
    for asked in shelf.asked:
        offer = shelf.what_if.offer(asked.finding)
        assert offer.refused == ""
        response = shelf.what_if.respond(asked.finding, {})
        assert response.probability == pytest.approx(asked.finding.probability, abs=1e-9)
        assert response.tier == asked.finding.tier


def test_another_latest_value_gives_what_the_real_path_gives(
    shelf: Any, change: Any, values_between: Any, every_chart: bool
) -> None:
    """Row equal to float32 in every column that a tree looks at, probability and drivers to 1e-9; ends included."""
    inputs = sum(len(shelf.case(asked.finding).inputs) for asked in shelf.asked)
    one_in, turn = 1 if every_chart else max(1, inputs // ENOUGH_INPUTS), count()
    place = [i for i, name in enumerate(shelf.what_if._artefact.features) if name in shelf.what_if._used]
    offered, withheld, compared, largest = Counter(), Counter(), 0, 0.0
    for asked in shelf.asked:
        case = shelf.case(asked.finding)
        withheld.update(f"{one.label}: {one.because}" for one in case.withheld)
        for name, one in case.inputs.items():
            offered[name] += 1
            if next(turn) % one_in:
                continue
            latest = case.knowledge.known[name].newest.fact
            for value in values_between(one.low, one.high).values():
                record = change(asked.record, latest, value)
                expected = shelf.row(record, asked.as_of)
                np.testing.assert_array_equal(case.changed({name: value})[0][place], expected[place], err_msg=name)
                real = shelf.model.assess(record, asked.as_of)
                assert isinstance(real, RiskAssessment)
                found = shelf.what_if.respond(asked.finding, {name: value})
                largest = max(largest, abs(found.probability - real.probability))
                _drivers_alike(found.explanation, real.explanation)
                compared += 1
    assert largest <= 1e-9
    assert offered
    assert compared >= 500
    sys.stdout.write(f"\n{shelf.name}: {compared} compared, largest difference {largest:.1e}; offered {dict(offered)}")
    sys.stdout.write(f"  withheld {dict(withheld)} of {len(shelf.asked)} assessments")


def _drivers_alike(found: Any, real: Any) -> None:
    first = {driver.concept: driver.log_odds for driver in found.drivers()}
    second = {driver.concept: driver.log_odds for driver in real.drivers()}
    assert first == pytest.approx(second, abs=1e-9)


def test_several_inputs_at_once_give_what_the_real_path_gives(shelf: Any, change: Any) -> None:
    """A ratio of two inputs follows both."""
    rng = np.random.default_rng(5)
    for asked in shelf.asked[::3]:
        case = shelf.case(asked.finding)
        record, values = asked.record, {}
        for name, one in case.inputs.items():
            values[name] = float(rng.uniform(one.low, one.high))
            record = change(record, case.knowledge.known[name].newest.fact, values[name])
        real = shelf.model.assess(record, asked.as_of)
        assert shelf.what_if.respond(asked.finding, values).probability == pytest.approx(real.probability, abs=1e-9)


def test_values_outside_are_clamped_to_what_training_saw(shelf: Any) -> None:
    """An absurd number gives the answer of the nearest end, and says which number it was."""
    asked = shelf.asked[0]
    for one in shelf.what_if.offer(asked.finding).inputs:
        far = shelf.what_if.respond(asked.finding, {one.name: 1e9})
        assert far == shelf.what_if.respond(asked.finding, {one.name: one.high})
        assert dict(far.values) == {one.name: one.high}
        place = shelf.what_if._artefact.features
        seen = [i for i, name in enumerate(place) if name in (f"{one.name}.last", f"{one.name}.max")]
        assert all(one.high <= shelf.what_if._artefact.highest[i] for i in seen)


def test_what_was_measured_is_not_shown_behind_a_number_that_was_not(shelf: Any) -> None:
    """The facts of a changed concept are left out of the answer, those of the others stay."""
    asked = shelf.asked[0]
    one = shelf.what_if.offer(asked.finding).inputs[0]
    answer = shelf.what_if.respond(asked.finding, {one.name: one.low if one.value != one.low else one.high})
    behind = {a.concept for a in answer.explanation.attributions if a.facts}
    assert one.name not in behind
    assert len(behind) > 3


def test_another_version_is_refused_in_words(shelf: Any) -> None:
    """Neither other trees nor a row that gives another number are answered."""
    finding = shelf.asked[0].finding
    other = replace(finding, model=replace(finding.model, digest="0" * 64))
    assert shelf.what_if.offer(other).refused == "It was worked out by another version of the model."
    wrong = replace(finding, probability=finding.probability + 1e-6)
    assert "cannot be put together" in shelf.what_if.offer(wrong).refused
    fewer = replace(
        finding, explanation=replace(finding.explanation, attributions=finding.explanation.attributions[1:])
    )
    assert "cannot be put together" in shelf.what_if.offer(fewer).refused
    for bad in (other, wrong, fewer):
        with pytest.raises(MalformedRequest):
            shelf.what_if.respond(bad, {})


@pytest.mark.parametrize("values", [{"nonsense": 1.0}, {"hours": 1.0}])
def test_nothing_but_what_was_offered_is_answered(shelf: Any, values: dict[str, float]) -> None:
    """Age, hours and unknown names are no inputs."""
    with pytest.raises(MalformedRequest):
        shelf.what_if.respond(shelf.asked[0].finding, values)


def test_no_number_is_no_answer(shelf: Any) -> None:
    """NaN and infinity are refused."""
    name = shelf.what_if.offer(shelf.asked[0].finding).inputs[0].name
    for value in (float("nan"), float("inf")):
        with pytest.raises(MalformedRequest):
            shelf.what_if.respond(shelf.asked[0].finding, {name: value})
