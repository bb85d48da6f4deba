"""PREVENT: the published examples, the coefficients, the range, and exact Shapley values."""

from __future__ import annotations

import csv
import math
import time
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.formulae.prevent import explain, log_odds, risk, variant_for
from models.formulae.prevent_person import Person, centre
from models.formulae.prevent_terms import Outcome, Variant, _tables, equation

EXAMPLE: dict[str, Any] = {
    "age": 50,
    "total_cholesterol": 200,
    "hdl": 45,
    "systolic_pressure": 160,
    "treated": True,
    "diabetes": True,
    "smoking": False,
    "bmi": 35,
    "egfr": 90,
    "statin": False,
}


def person(female: bool = True, **changes: Any) -> Person:
    """The person of the supplement's examples, but for the changes."""
    return Person(female=female, **{**EXAMPLE, **changes})


@pytest.mark.parametrize(
    ("outcome", "women", "men"),
    [
        (Outcome.TOTAL_CVD, 0.1468, 0.1632),
        (Outcome.HEART_FAILURE, 0.0806, 0.1059),
        (Outcome.CHD, 0.0441, 0.0557),
        (Outcome.STROKE, 0.0540, 0.0521),
        (Outcome.ASCVD, 0.0920, 0.1019),
    ],
)
def test_published_examples_of_the_base_equations(outcome: Outcome, women: float, men: float) -> None:
    """Khan 2024, supplement, tables S12: four digits."""
    assert round(risk(person(True), outcome, 10), 4) == women
    assert round(risk(person(False), outcome, 10), 4) == men


@pytest.mark.parametrize(
    ("more", "women", "men"),
    [
        ({"uacr": 40}, 0.1599, 0.1718),
        ({"hba1c": 7.5}, 0.1359, 0.1551),
        ({"sdi": 8}, 0.1565, 0.1823),
        ({"uacr": 40, "hba1c": 7.5, "sdi": 8}, 0.1560, 0.1808),
    ],
)
def test_published_examples_with_optional_facts(more: dict[str, Any], women: float, men: float) -> None:
    """The same person, with each optional fact and with all."""
    assert round(risk(person(True, **more), Outcome.TOTAL_CVD, 10), 4) == women
    assert round(risk(person(False, **more), Outcome.TOTAL_CVD, 10), 4) == men


# The expectations of the R package preventr (tests/testthat/test-prevent_equations.R), all outcomes in the order of
# `Outcome`, 10 and 30 years; its postal area 14738 has a low deprivation index.
PREVENTR: list[tuple[bool, dict[str, Any], list[float], list[float]]] = [
    (True, {}, [0.147, 0.092, 0.081, 0.044, 0.054], [0.53, 0.354, 0.39, 0.198, 0.221]),
    (True, {"hba1c": 9.2}, [0.165, 0.103, 0.107, 0.055, 0.053], [0.541, 0.356, 0.449, 0.219, 0.2]),
    (True, {"uacr": 92}, [0.181, 0.111, 0.105, 0.055, 0.065], [0.565, 0.381, 0.437, 0.22, 0.241]),
    (True, {"sdi": 2}, [0.127, 0.08, 0.07, 0.038, 0.047], [0.485, 0.322, 0.358, 0.179, 0.202]),
    (
        True,
        {"hba1c": 9.2, "uacr": 92, "sdi": 2},
        [0.174, 0.105, 0.114, 0.056, 0.056],
        [0.534, 0.348, 0.443, 0.213, 0.204],
    ),
    (False, {}, [0.163, 0.102, 0.106, 0.056, 0.052], [0.514, 0.349, 0.424, 0.216, 0.197]),
    (False, {"hba1c": 9.2}, [0.187, 0.112, 0.13, 0.063, 0.056], [0.524, 0.34, 0.457, 0.211, 0.188]),
    (False, {"uacr": 92}, [0.195, 0.123, 0.13, 0.066, 0.063], [0.535, 0.368, 0.448, 0.227, 0.213]),
    (False, {"sdi": 2}, [0.143, 0.088, 0.089, 0.049, 0.043], [0.48, 0.317, 0.384, 0.199, 0.171]),
    (
        False,
        {"hba1c": 9.2, "uacr": 92, "sdi": 2},
        [0.191, 0.112, 0.131, 0.068, 0.052],
        [0.513, 0.326, 0.438, 0.216, 0.167],
    ),
]


@pytest.mark.parametrize(("female", "more", "ten", "thirty"), PREVENTR)
def test_a_hundred_figures_of_another_implementation(
    female: bool, more: dict[str, Any], ten: list[float], thirty: list[float]
) -> None:
    """All variants, outcomes and horizons, to its three digits."""
    somebody = person(female, **more)
    for horizon, expected in ((10, ten), (30, thirty)):
        found = [risk(somebody, outcome, horizon) for outcome in Outcome]
        assert [math.floor(value * 1000 + 0.5) / 1000 for value in found] == expected


def test_the_coefficients_are_those_of_the_open_tables(shared: Path) -> None:
    """Every number of every table, in order."""
    for variant in Variant:
        for horizon in (10, 30):
            with (shared / f"data/scores/prevent_{variant}_{horizon}yr.csv").open(encoding="utf-8") as file:
                head, *rows = csv.reader(file)
            assert [name.replace("_", " ", 1) for name in head[1:]] == _tables()["columns"]
            mine = list(_tables()[variant][str(horizon)].values())
            assert mine == [[float(number) for number in row[1:]] for row in rows]


def test_the_printed_equation_of_the_cdc() -> None:
    """A third source for base, total CVD, 10 years, men (KDSS indicator Q811), written out here by hand."""
    non_hdl, hdl = 155 * 0.02586 - 3.5, (45 * 0.02586 - 1.3) / 0.3
    expected = (
        -3.031168
        + 0.7688528 * 1.2
        + 0.0736174 * non_hdl
        - 0.0954431 * hdl
        + 0.3362658 * 0.5
        + 0.4386871
        + 0.5378979 * (50 - 60) / -15
        + 0.0164827 * (60 - 90) / -15
        + 0.288879
        - 0.1337349
        - 0.0475924 * 0.5
        + 0.150273 * non_hdl
        - 0.0517874 * 1.2 * non_hdl
        + 0.0191169 * 1.2 * hdl
        - 0.1049477 * 1.2 * 0.5
        - 0.0895067 * 1.2
        - 0.1543702 * 1.2 * (50 - 60) / -15
    )
    changes = {"age": 67, "systolic_pressure": 140, "diabetes": False, "smoking": True, "egfr": 50, "statin": True}
    assert log_odds(person(False, **changes), Outcome.TOTAL_CVD, 10) == pytest.approx(expected, abs=1e-12)


def test_pressure_bends_at_110() -> None:
    """Below it another slope counts, and the upper one stays at its value for 110 (men, base, total CVD, 10 years)."""
    for pressure, low, high in ((95, -15, -20), (110, 0, -20), (111, 0, -19)):
        found = log_odds(replace(centre(female=False), systolic_pressure=pressure), Outcome.TOTAL_CVD, 10)
        expected = -3.031168 - 0.4347345 * low / 20 + 0.3362658 * high / 20
        assert found == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("variant", "row"),
    [(Variant.UACR, "uacr_missing"), (Variant.HBA1C, "hba1c_missing"), (Variant.SDI, "sdi_missing")],
)
def test_an_optional_fact_that_is_missing_has_a_term_of_its_own(variant: Variant, row: str) -> None:
    """And nothing but that term stands for it."""
    table = _tables()[variant]["10"]
    found = log_odds(centre(female=True), Outcome.TOTAL_CVD, 10, variant)
    assert found == pytest.approx(table["constant"][0] + table[row][0], abs=1e-12)


def test_deprivation_counts_in_three_groups() -> None:
    """Deciles 1 to 3, 4 to 6 and 7 to 10."""
    table = _tables()["sdi"]["10"]
    steps = [0.0] * 3 + [table["sdi_4_6"][0]] * 3 + [table["sdi_7_10"][0]] * 4
    for decile, step in enumerate(steps, start=1):
        found = log_odds(replace(centre(female=True), sdi=decile), Outcome.TOTAL_CVD, 10)
        assert found == pytest.approx(table["constant"][0] + step, abs=1e-12)


@pytest.mark.parametrize(
    ("name", "inside", "outside"),
    [
        ("age", [30, 79, 79.9], [29.9, 80]),
        ("total_cholesterol", [130, 320], [129.9, 320.1]),
        ("hdl", [20, 100], [19.9, 100.1]),
        ("systolic_pressure", [90, 200], [89.9, 200.1]),
        ("bmi", [18.5, 39.9, 39.99], [18.4, 40]),
        ("egfr", [15, 140], [14.9, 140.1]),
        ("uacr", [0.1, 25_000], [0.0, 25_001]),
        ("hba1c", [3, 15], [2.9, 15.1]),
        ("sdi", [1, 10], [0, 11]),
    ],
)
def test_outside_the_range_of_the_equations_is_refused(name: str, inside: list[float], outside: list[float]) -> None:
    """Both sides of each end; the message holds no value of the person."""
    for value in inside:
        assert 0 < risk(person(**{name: value}), Outcome.TOTAL_CVD, 10) < 1
    for value in [*outside, math.nan, math.inf]:
        with pytest.raises(ValueError, match=r"is outside|is not 1 to 10"):
            person(**{name: value})


def test_thirty_years_end_at_59() -> None:
    """Ten years do not; no other horizon is known."""
    assert risk(person(age=59.9), Outcome.ASCVD, 30) > risk(person(age=59.9), Outcome.ASCVD, 10)
    assert risk(person(age=60), Outcome.ASCVD, 10) > 0
    with pytest.raises(ValueError, match="up to age 59"):
        risk(person(age=60), Outcome.ASCVD, 30)
    with pytest.raises(ValueError, match="10 and 30 years"):
        risk(person(), Outcome.ASCVD, 20)


def test_which_equations_are_used() -> None:
    """Those for what is known; two optional facts take the full ones, with a term for the third."""
    assert variant_for(person()) is Variant.BASE
    assert variant_for(person(uacr=10)) is Variant.UACR
    assert variant_for(person(hba1c=6)) is Variant.HBA1C
    assert variant_for(person(sdi=5)) is Variant.SDI
    assert variant_for(person(uacr=10, hba1c=6)) is Variant.FULL
    chosen = risk(person(uacr=10), Outcome.TOTAL_CVD, 10, Variant.BASE)
    assert chosen == risk(person(), Outcome.TOTAL_CVD, 10)


def test_the_centre_has_the_constant_as_its_log_odds() -> None:
    """In the base equations of both sexes, all outcomes, both horizons."""
    for female in (True, False):
        for outcome in Outcome:
            for horizon in (10, 30):
                constant = equation(Variant.BASE, outcome, horizon, female=female).constant
                assert log_odds(centre(female=female), outcome, horizon) == pytest.approx(constant, abs=1e-12)


FIELDS = {
    "age": ("age",),
    "cholesterol": ("total_cholesterol", "hdl"),
    "blood_pressure": ("systolic_pressure", "treated"),
    "diabetes": ("diabetes",),
    "smoking": ("smoking",),
    "bmi": ("bmi",),
    "egfr": ("egfr",),
    "statin": ("statin",),
    "uacr": ("uacr",),
    "hba1c": ("hba1c",),
    "sdi": ("sdi",),
}
OPTIONAL = {"uacr": st.floats(0.1, 25_000), "hba1c": st.floats(3, 15), "sdi": st.integers(1, 10)}
FACTS = st.fixed_dictionaries(
    {
        "age": st.floats(30, 59),
        "total_cholesterol": st.floats(130, 320),
        "hdl": st.floats(20, 100),
        "systolic_pressure": st.floats(90, 200),
        "diabetes": st.booleans(),
        "smoking": st.booleans(),
        "bmi": st.floats(18.5, 39.9),
        "egfr": st.floats(15, 140),
        "treated": st.booleans(),
        "statin": st.booleans(),
        **{name: st.none() | values for name, values in OPTIONAL.items()},
    }
)
OUTCOMES, HORIZONS, VARIANTS = st.sampled_from(list(Outcome)), st.sampled_from([10, 30]), st.sampled_from(list(Variant))


@settings(max_examples=60, deadline=None)
@given(FACTS, FACTS, st.booleans(), OUTCOMES, HORIZONS, VARIANTS)
def test_reference_and_parts_add_up_to_the_log_odds(
    one: dict[str, Any], other: dict[str, Any], female: bool, outcome: Outcome, horizon: int, variant: Variant
) -> None:
    """For every pair of people; swapped, each part changes its sign; between equals, each is 0."""
    me, reference = Person(female=female, **one), Person(female=female, **other)
    found = explain(me, reference, outcome, horizon, variant)
    assert found.base_log_odds == log_odds(reference, outcome, horizon, variant)
    assert found.log_odds == pytest.approx(log_odds(me, outcome, horizon, variant), abs=1e-12)
    back = explain(reference, me, outcome, horizon, variant)
    assert {name: -part for name, part in back.parts.items()} == pytest.approx(found.parts, abs=1e-12)
    assert set(explain(me, me, outcome, horizon, variant).parts.values()) == {0.0}


@settings(max_examples=8, deadline=None)
@given(FACTS, FACTS, st.booleans(), OUTCOMES, HORIZONS, VARIANTS)
def test_parts_are_the_shapley_values_of_brute_force(
    one: dict[str, Any], other: dict[str, Any], female: bool, outcome: Outcome, horizon: int, variant: Variant
) -> None:
    """All subsets of concepts, each a real person who takes these facts from one and the rest from the other."""
    me, reference = Person(female=female, **one), Person(female=female, **other)
    found = explain(me, reference, outcome, horizon, variant).parts
    players = tuple(found)

    def value(team: tuple[str, ...]) -> float:
        """The log-odds when these concepts are mine."""
        facts = {field: one[field] for name in team for field in FIELDS[name]}
        return log_odds(replace(reference, **facts), outcome, horizon, variant)

    values = {team: value(team) for size in range(len(players) + 1) for team in combinations(players, size)}
    for name in players:
        others = tuple(player for player in players if player != name)
        share = 0.0
        for size in range(len(players)):
            weight = 1 / (len(players) * math.comb(len(others), size))
            for team in combinations(others, size):
                joined = tuple(player for player in players if player in team or player == name)
                share += weight * (values[joined] - values[team])
        assert found[name] == pytest.approx(share, abs=1e-10)


def test_concepts_that_differ_in_nothing_get_nothing() -> None:
    """Although age multiplies them."""
    parts = explain(person(age=70), person(age=50), Outcome.TOTAL_CVD, 10).parts
    assert parts.pop("age") == pytest.approx(
        log_odds(person(age=70), Outcome.TOTAL_CVD, 10) - log_odds(person(age=50), Outcome.TOTAL_CVD, 10)
    )
    assert set(parts.values()) == {0.0}


def test_an_interaction_is_shared_in_halves() -> None:
    """Age × smoking: with two players, each gets half of what they do together."""
    me, reference = person(age=70, smoking=True), person(age=50, smoking=False)

    def value(**facts: Any) -> float:
        """The log-odds of a mixture."""
        return log_odds(replace(reference, **facts), Outcome.CHD, 10)

    both, age, smoking, neither = value(age=70, smoking=True), value(age=70), value(smoking=True), value()
    parts = explain(me, reference, Outcome.CHD, 10).parts
    assert parts["age"] == pytest.approx((age - neither + both - smoking) / 2)
    assert parts["smoking"] == pytest.approx((smoking - neither + both - age) / 2)


def test_which_concepts_an_explanation_names() -> None:
    """Those of the equation, also where they weigh nothing (BMI outside heart failure)."""
    base = explain(person(), centre(female=True), Outcome.TOTAL_CVD, 10).parts
    assert tuple(base) == tuple(FIELDS)[:8]
    assert base["bmi"] == 0.0
    assert explain(person(), centre(female=True), Outcome.HEART_FAILURE, 10).parts["bmi"] > 0
    full = explain(person(uacr=40, hba1c=7.5), centre(female=True), Outcome.TOTAL_CVD, 10).parts
    assert tuple(full) == tuple(FIELDS)
    assert full["sdi"] == 0.0


def test_no_reference_of_the_other_sex() -> None:
    """The equations have no term for sex that a part could stand for."""
    with pytest.raises(ValueError, match="other sex"):
        explain(person(True), centre(female=False), Outcome.TOTAL_CVD, 10)


@settings(max_examples=60, deadline=None)
@given(FACTS, st.booleans(), OUTCOMES, st.floats(0, 20))
def test_smoking_and_pressure_never_lower_the_risk(
    facts: dict[str, Any], female: bool, outcome: Outcome, more: float
) -> None:
    """At ages 30 to 59 and from 110 mmHg on, in the base equations for 10 years."""
    somebody = Person(female=female, **{**facts, "smoking": False, "systolic_pressure": 120.0})
    least = risk(somebody, outcome, 10, Variant.BASE)
    assert risk(replace(somebody, smoking=True), outcome, 10, Variant.BASE) > least
    assert risk(replace(somebody, systolic_pressure=120.0 + more), outcome, 10, Variant.BASE) >= least


def test_an_explanation_takes_less_than_a_millisecond() -> None:
    """The best of many, so that a busy machine does not decide."""
    me, reference = person(uacr=40, hba1c=7.5, sdi=8), centre(female=True)
    best = math.inf
    for _ in range(200):
        start = time.perf_counter()
        explain(me, reference, Outcome.TOTAL_CVD, 30)
        best = min(best, time.perf_counter() - start)
    assert best < 1e-3
