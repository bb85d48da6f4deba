"""MELD 3.0, FIB-4, CKD-EPI 2021 and KFRE: published examples, bounds, domains."""

from __future__ import annotations

from math import exp, inf, log, nan
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.formulae.ckd_epi import category, ckd_epi_2021
from models.formulae.fib4 import fib4
from models.formulae.kfre import SURVIVAL, kfre4
from models.formulae.meld import meld3

NORMAL: dict[str, Any] = {
    "age": 50,
    "female": False,
    "bilirubin": 0.8,
    "inr": 1.0,
    "creatinine": 0.9,
    "sodium": 140,
    "albumin": 4.2,
    "dialysis": False,
}


def meld(**changes: Any) -> Any:
    """MELD of somebody normal but for the changes."""
    return meld3(**{**NORMAL, **changes})


def test_published_examples_of_meld() -> None:
    """All normal 6; 26.9 and so 27; a raw 41.6 is capped at 40."""
    assert meld().raw == 6
    assert meld().score == 6
    sick = meld(female=True, bilirubin=3, sodium=130, inr=1.8, creatinine=1.5, albumin=2.8)
    assert round(sick.raw, 1) == 26.9
    assert sick.score == 27
    worst = meld(female=True, bilirubin=12, sodium=120, inr=2.5, creatinine=4, albumin=1.2)
    assert round(worst.raw, 1) == 41.6
    assert worst.score == 40


def test_meld_term_by_term() -> None:
    """The formula written out once more, for a patient within all bounds, to the last digit."""
    low_sodium, low_albumin, creatinine = 137 - 131, 3.5 - 2.2, log(1.5)
    expected = (
        1.33
        + 4.56 * log(6)
        + 0.82 * low_sodium
        - 0.24 * low_sodium * log(6)
        + 9.09 * log(1.4)
        + 11.14 * creatinine
        + 1.85 * low_albumin
        - 1.83 * low_albumin * creatinine
        + 6
    )
    found = meld(female=True, bilirubin=6, sodium=131, inr=1.4, creatinine=1.5, albumin=2.2)
    assert found.raw == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("raw", "score"), [(8.4999, 8), (8.5001, 9), (9.4999, 9), (9.5001, 10)])
def test_meld_is_rounded_half_up(raw: float, score: int) -> None:
    """To the nearest whole number, odd or even."""
    found = meld(inr=exp((raw - 6) / 9.09))
    assert found.raw == pytest.approx(raw, abs=1e-9)
    assert found.score == score


@pytest.mark.parametrize(
    ("name", "inside", "beyond"),
    [
        ("bilirubin", 1.0, 0.3),
        ("inr", 1.0, 0.8),
        ("creatinine", 1.0, 0.4),
        ("creatinine", 3.0, 6.0),
        ("sodium", 125, 110),
        ("sodium", 137, 150),
        ("albumin", 1.5, 0.9),
        ("albumin", 3.5, 5.0),
    ],
)
def test_values_beyond_the_bounds_of_meld_count_as_the_bound(name: str, inside: float, beyond: float) -> None:
    """OPTN: 1.0; 1.0 to 3.0; 125 to 137; 1.5 to 3.5."""
    ill = {"bilirubin": 4.0, "inr": 2.0, "creatinine": 2.0, "sodium": 130, "albumin": 2.5}
    assert meld(**{**ill, name: inside}).raw == meld(**{**ill, name: beyond}).raw
    nearer = inside + 0.004 * (1 if beyond < inside else -1)
    assert meld(**{**ill, name: inside}).raw != meld(**{**ill, name: nearer}).raw


def test_dialysis_counts_as_creatinine_of_three() -> None:
    """Whatever the laboratory says."""
    assert meld(dialysis=True).raw == meld(creatinine=3.0).raw == meld(dialysis=True, creatinine=1.1).raw


def test_the_points_for_women_and_for_the_young() -> None:
    """1.33 for women, and from 12 to 17 for everyone; not twice."""
    assert meld(female=True).raw == pytest.approx(7.33)
    assert meld(age=17.9).raw == meld(age=12, female=True).raw == pytest.approx(7.33)
    assert meld(age=18).raw == 6


@pytest.mark.parametrize("name", ["bilirubin", "inr", "creatinine", "sodium", "albumin"])
@pytest.mark.parametrize("value", [0.0, -1.0, nan, inf])
def test_what_is_no_laboratory_value_is_refused_by_meld(name: str, value: float) -> None:
    """In words, without the value."""
    with pytest.raises(ValueError, match="is not above 0"):
        meld(**{name: value})


@pytest.mark.parametrize("age", [11.9, 121, nan])
def test_meld_starts_at_twelve(age: float) -> None:
    """Younger children have PELD."""
    with pytest.raises(ValueError, match="Age is outside 12 to 120 years"):
        meld(age=age)


POSITIVE = st.floats(0.1, 50)


@settings(max_examples=60, deadline=None)
@given(POSITIVE, POSITIVE, st.floats(100, 160), st.floats(0.5, 6), st.floats(0.5, 6), st.booleans(), st.floats(0, 5))
def test_meld_never_falls_when_bilirubin_or_inr_rise(
    bilirubin: float, inr: float, sodium: float, albumin: float, creatinine: float, female: bool, more: float
) -> None:
    """And stays within 6 to 40. (4.56 − 0.24 × 12 > 0, so low sodium never turns bilirubin round.)"""
    lab = {"sodium": sodium, "albumin": albumin, "creatinine": creatinine, "female": female}
    one = meld(bilirubin=bilirubin, inr=inr, **lab)
    assert 6 <= one.score <= 40
    assert meld(bilirubin=bilirubin + more, inr=inr, **lab).raw >= one.raw - 1e-9
    assert meld(bilirubin=bilirubin, inr=inr + more, **lab).raw >= one.raw - 1e-9


def test_published_example_of_fib4() -> None:
    """Age 55, AST 60, ALT 45, platelets 150: 3.28."""
    found = fib4(age=55, ast=60, alt=45, platelets=150)
    assert round(found.value, 2) == 3.28
    assert found.band == "high"


@pytest.mark.parametrize(
    ("age", "value", "band"),
    [
        (50, 1.2949, "low"),
        (50, 1.2951, "indeterminate"),
        (50, 1.30, "indeterminate"),
        (50, 2.67, "indeterminate"),
        (50, 2.6749, "indeterminate"),
        (50, 2.6751, "high"),
        (64.9, 1.5, "indeterminate"),
        (65, 1.9949, "low"),
        (65, 2.0, "indeterminate"),
        (65, 2.6751, "high"),
        (35.9, 3.0, "not validated"),
        (36, 3.0, "high"),
    ],
)
def test_cut_offs_of_fib4(age: float, value: float, band: str) -> None:
    """1.30 and 2.67, of the number as it is given; 2.0 from age 65; nothing is said up to 35."""
    found = fib4(age=age, ast=value, alt=1, platelets=age)  # age × value / (age × 1)
    assert found.value == pytest.approx(value, abs=0.005)
    assert found.band == band
    assert found.lower == (2.0 if age >= 65 else 1.30)


@pytest.mark.parametrize("name", ["ast", "alt", "platelets"])
@pytest.mark.parametrize("value", [0, -3, nan])
def test_what_is_no_laboratory_value_is_refused_by_fib4(name: str, value: float) -> None:
    """Nothing is divided by zero."""
    with pytest.raises(ValueError, match="is not above 0"):
        fib4(**{"age": 50, "ast": 30, "alt": 30, "platelets": 200, name: value})


@pytest.mark.parametrize(
    ("age", "female", "creatinine", "expected"),
    [(50, True, 0.7, 105.3), (60, False, 1.2, 69.2), (72, True, 2.0, 26.1), (40, False, 0.8, 114.7)],
)
def test_examples_of_ckd_epi(age: float, female: bool, creatinine: float, expected: float) -> None:
    """Below and above the knot, for both sexes."""
    assert round(ckd_epi_2021(age=age, female=female, creatinine=creatinine).value, 1) == expected


@pytest.mark.parametrize(
    ("female", "creatinine", "expected"),
    [
        (True, 0.5, 142 * (0.5 / 0.7) ** -0.241 * 0.9938**50 * 1.012),
        (True, 1.4, 142 * 2.0**-1.2 * 0.9938**50 * 1.012),
        (False, 0.6, 142 * (0.6 / 0.9) ** -0.302 * 0.9938**50),
        (False, 2.7, 142 * 3.0**-1.2 * 0.9938**50),
    ],
)
def test_ckd_epi_on_both_sides_of_the_knot(female: bool, creatinine: float, expected: float) -> None:
    """As Inker 2021 writes it for each sex and side, to the last digit."""
    assert ckd_epi_2021(age=50, female=female, creatinine=creatinine).value == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("egfr", "name"),
    [
        (120, "G1"),
        (90, "G1"),
        (89.5, "G1"),
        (89.499, "G2"),
        (60, "G2"),
        (59.5, "G2"),
        (59.4, "G3a"),
        (45, "G3a"),
        (44.4, "G3b"),
        (30, "G3b"),
        (29.4, "G4"),
        (15, "G4"),
        (14.4, "G5"),
        (2, "G5"),
    ],
)
def test_categories_of_kdigo(egfr: float, name: str) -> None:
    """Of the whole number that is reported, so that 60 is never called G3a."""
    assert category(egfr) == name


@settings(max_examples=60, deadline=None)
@given(st.floats(18, 110), st.floats(0.2, 15), st.booleans(), st.floats(0, 5))
def test_egfr_falls_with_age_and_creatinine(age: float, creatinine: float, female: bool, more: float) -> None:
    """Through the knot as well."""
    one = ckd_epi_2021(age=age, female=female, creatinine=creatinine).value
    assert ckd_epi_2021(age=age + more, female=female, creatinine=creatinine).value <= one + 1e-9
    assert ckd_epi_2021(age=age, female=female, creatinine=creatinine + more).value <= one + 1e-9


@pytest.mark.parametrize("changes", [{"age": 17.9}, {"creatinine": 0}, {"creatinine": nan}, {"age": inf}])
def test_domain_of_ckd_epi(changes: dict[str, float]) -> None:
    """Adults, and a creatinine."""
    with pytest.raises(ValueError, match=r"Age is outside 18|Creatinine is not above 0"):
        ckd_epi_2021(**{"age": 50, "female": True, "creatinine": 1.0, **changes})


@pytest.mark.parametrize(
    ("person", "north_america", "years", "expected"),
    [
        ((55, True, 45, 120), True, 5, 0.03842),
        ((57.28, False, 15, 1762), False, 2, 0.44662),
        ((72, False, 28, 800), True, 5, 0.28026),
        ((72, False, 28, 800), False, 2, 0.06806),
    ],
)
def test_published_examples_of_kfre(
    person: tuple[float, bool, float, float], north_america: bool, years: int, expected: float
) -> None:
    """Five digits, as the package kfre prints them."""
    age, male, egfr, uacr = person
    found = kfre4(age=age, male=male, egfr=egfr, uacr=uacr, north_america=north_america, years=years)
    assert round(found, 5) == expected


def test_baseline_survival_agrees_with_the_recalibration_of_2016() -> None:
    """Elsewhere the baseline risk is 32.9 % (2 years) and 16.5 % (5 years) lower than in North America."""
    for years, factor in ((2, 1 - 0.329), (5, 1 - 0.165)):
        assert 1 - (1 - SURVIVAL[True, years]) * factor == pytest.approx(SURVIVAL[False, years], abs=5e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"egfr": 60}, "eGFR is outside 0 to below 60"),
        ({"egfr": 0}, "eGFR is not above 0"),
        ({"uacr": 0}, "albumin/creatinine is not above 0"),
        ({"age": 17}, "Age is outside"),
        ({"years": 3}, "2 and 5 years"),
    ],
)
def test_domain_of_kfre(changes: dict[str, Any], message: str) -> None:
    """Stages G3 to G5 of adults, two horizons."""
    person = {"age": 60, "male": True, "egfr": 40, "uacr": 100, "north_america": True, "years": 5, **changes}
    with pytest.raises(ValueError, match=message):
        kfre4(**person)


@settings(max_examples=60, deadline=None)
@given(st.floats(18, 90), st.booleans(), st.floats(5, 59), st.floats(1, 9000), st.booleans())
def test_kfre_rises_with_time_and_albumin_and_falls_with_egfr(
    age: float, male: bool, egfr: float, uacr: float, north_america: bool
) -> None:
    """And is a probability."""
    person: dict[str, Any] = {"age": age, "male": male, "north_america": north_america}
    two = kfre4(**person, egfr=egfr, uacr=uacr, years=2)
    assert 0 <= two <= kfre4(**person, egfr=egfr, uacr=uacr, years=5) <= 1
    assert kfre4(**person, egfr=egfr, uacr=uacr * 2, years=2) >= two
    assert kfre4(**person, egfr=egfr / 2, uacr=uacr, years=2) >= two
    assert kfre4(**person, egfr=egfr, uacr=uacr, years=2) <= kfre4(
        **{**person, "north_america": True}, egfr=egfr, uacr=uacr, years=2
    )
