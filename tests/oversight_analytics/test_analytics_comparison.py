"""Two periods compared out of the mart: the reversal of reference data is found, and cells are named."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from oversight.analytics.comparison import meaning, two_arms
from oversight.analytics.selection import Selection
from oversight.proportions import proportion
from oversight.statistics.cards import AnsweredCards
from oversight.statistics.refused import Refused
from oversight.statistics.simpson import compare

NUMBER = 8000


@pytest.fixture
def hospital():
    """Two units; cards move from the one that overrides little to the other, and both override less afterwards."""
    rng = np.random.default_rng(11)
    later = np.repeat([0, 1], NUMBER // 2)
    unit = (rng.random(NUMBER) < np.where(later == 1, 0.8, 0.2)).astype(int)
    clinician = unit * 20 + rng.integers(0, 20, NUMBER)
    overridden = (rng.random(NUMBER) < 0.3 + 0.4 * unit - 0.08 * later).astype(int)
    return {"later": later, "unit": unit, "clinician": clinician, "overridden": overridden}


@pytest.fixture
def arms(period):
    """The first thirty days, and the next."""
    first = replace(period, last=period.first + timedelta(days=29))
    second = replace(period, first=period.first + timedelta(days=30), last=period.first + timedelta(days=59))
    return Selection(first), Selection(second)


@pytest.fixture
def opened(hospital, make_mart):
    """A mart of it."""
    advice = {
        "days": hospital["later"] * 30,
        "unit_name": np.array(["Alpha", "Beta"], dtype=object)[hospital["unit"]],
        "clinician": hospital["clinician"].astype(str).astype(object),
    }
    outcome = np.array(["accepted", "overridden"], dtype=object)[hospital["overridden"]]
    return make_mart(NUMBER, advice, {"about": np.arange(1, NUMBER + 1), "outcome": outcome})


def test_the_reversal_is_found_and_told(opened, hospital, arms) -> None:
    """All figures are those of the cards themselves; the meaning warns of the crude rates."""
    with opened as mart:
        found = two_arms(mart, *arms)
    stratum = np.zeros(NUMBER, np.int64)
    expected = compare(
        AnsweredCards(hospital["overridden"], hospital["later"], hospital["unit"], stratum, hospital["clinician"])
    )
    assert not isinstance(found.comparison, Refused)
    assert not isinstance(expected, Refused)
    assert found.comparison.reversal
    assert found.comparison.crude == expected.crude
    for name in ("standardised", "adjusted"):
        ours, theirs = getattr(found.comparison, name), getattr(expected, name)
        assert not isinstance(ours, Refused)
        assert (ours.cards, ours.clinicians) == (theirs.cards, theirs.clinicians)
    assert found.comparison.standardised.difference.value == pytest.approx(expected.standardised.difference.value)
    assert "opposite" in meaning(found.comparison)
    assert meaning(found.comparison).count(". ") == 1


def test_units_stand_by_name_with_their_rates(opened, hospital, arms) -> None:
    """Which show what the crude rate hides."""
    with opened as mart:
        found = two_arms(mart, *arms)
    assert [unit.unit for unit in found.units] == ["Alpha", "Beta"]
    inside = (hospital["unit"] == 1) & (hospital["later"] == 0)
    assert found.units[1].first == proportion(int(hospital["overridden"][inside].sum()), int(inside.sum()))
    for unit in found.units:
        assert unit.first is not None
        assert unit.second is not None
        assert unit.second.value < unit.first.value


def test_cells_left_out_have_names(make_mart, arms) -> None:
    """A unit and risk that only one period has."""
    number = 1100
    later = np.repeat([0, 1], number // 2)
    advice = {
        "days": later * 30,
        "probability": np.where(np.arange(number) < 7, 0.6, 0.07),
        "clinician": (np.arange(number) % 30).astype(str).astype(object),
        "service": "sepsis",
    }
    outcome = np.where(np.arange(number) % 3 == 0, "overridden", "accepted").astype(object)
    with make_mart(number, advice, {"about": np.arange(1, number + 1), "outcome": outcome}) as mart:
        found = two_arms(mart, *arms)
    ((cell),) = found.left_out
    assert (cell.unit, cell.stratum, cell.first, cell.second) == ("ICU 1", "sepsis, risk 50 to 100 %", 7, 0)


def test_scores_are_compared_by_tier(make_mart, arms) -> None:
    """They have no probability."""
    advice = {
        "days": [0] * 40 + [30] * 40, "probability": np.full(80, np.nan),
        "tier": np.array(["red", "amber", "amber", "amber"] * 20, dtype=object),
    }  # fmt: skip
    with make_mart(80, advice | {"probability": np.array([None] * 80)}, {"about": np.arange(1, 81)}) as mart:
        found = two_arms(mart, *arms)
    assert found.units[0].first == proportion(0, 40)


def test_a_period_without_answers_is_refused(make_mart, arms) -> None:
    """In words, and the meaning says what to do."""
    with make_mart(3, {}, {"about": [1, 2]}) as mart:
        found = two_arms(mart, *arms)
    assert isinstance(found.comparison, Refused)
    assert "Choose another" in meaning(found.comparison)


def test_few_clinicians_leave_the_crude_rates_only(make_mart, arms) -> None:
    """And the meaning says that they do not suffice."""
    advice = {"days": [0] * 50 + [30] * 50, "clinician": "one"}
    outcome = np.array(["overridden", "accepted"] * 50, dtype=object)
    with make_mart(100, advice, {"about": np.arange(1, 101), "outcome": outcome}) as mart:
        found = two_arms(mart, *arms)
    assert not isinstance(found.comparison, Refused)
    assert isinstance(found.comparison.standardised, Refused)
    assert "Do not judge" in meaning(found.comparison)
