"""What all point scores do alike: names, flags, numbers, rounding."""

from __future__ import annotations

from math import inf, nan
from typing import Any

import pytest

from models.formulae import cha2ds2_vasc, charlson, lace, news2, qsofa, sirs, sofa
from models.formulae.worked import FLAG, in_steps, tidy

SCORES = [cha2ds2_vasc, charlson, lace, news2, qsofa, sirs, sofa]
MAXIMUM = {cha2ds2_vasc: 9, charlson: 29, lace: 19, news2: 20, qsofa: 3, sirs: 4, sofa: 24}


@pytest.fixture(params=SCORES, ids=lambda module: module.__name__.rsplit(".", 1)[-1])
def score(request: pytest.FixtureRequest) -> Any:
    """Each point score."""
    return request.param


def test_nothing_given_is_nothing_counted(score: Any) -> None:
    """All lines are missing: the least is 0, the most is the maximum of the published score."""
    found = score.work({})
    assert found.value == 0
    assert found.highest == found.maximum == MAXIMUM[score]
    assert all(line.points is None and line.rule == "" for line in found.lines)
    assert found == score.work(dict.fromkeys(score.INPUTS))


def test_an_unknown_name_is_refused(score: Any) -> None:
    """A misspelt input must not look like one that was not found."""
    with pytest.raises(ValueError, match="no input named spo2_percent"):
        score.work({"spo2_percent": 97.0})


@pytest.mark.parametrize("value", [nan, inf, -inf, -1.0])
def test_what_is_no_value_is_refused(score: Any, value: float) -> None:
    """Neither NaN nor infinity nor a negative number; the message names the input and not the value."""
    for name in score.INPUTS:
        with pytest.raises(ValueError, match=f"input {name} ") as caught:
            score.work({name: value})
        assert "1" not in str(caught.value).replace("1 or 0", "")


def test_a_flag_is_one_or_zero(score: Any) -> None:
    """Anything between is refused."""
    for name in [name for name, unit in score.INPUTS.items() if unit == FLAG]:
        with pytest.raises(ValueError, match="is a flag"):
            score.work({name: 0.5})


@pytest.mark.parametrize(("value", "whole"), [(8.4, 8), (8.5, 9), (8.499999, 8), (0.5, 1), (0.0, 0)])
def test_a_chart_value_is_rounded_half_up(value: float, whole: float) -> None:
    """Not to the even neighbour."""
    assert in_steps(value, 1.0) == whole


@pytest.mark.parametrize("fahrenheit", [95.0, 96.8, 100.4, 102.2])
def test_a_converted_temperature_stays_on_its_edge(fahrenheit: float) -> None:
    """100.4 °F is 38.0 °C, whatever the last digit of the division."""
    celsius = (fahrenheit - 32) / 1.8
    assert tidy(celsius) == round(celsius, 1)
    assert tidy(in_steps(celsius, 0.1)) == round(celsius, 1)
