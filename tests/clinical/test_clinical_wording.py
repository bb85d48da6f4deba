"""Numbers, times and ages in words."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinical import wording


@pytest.mark.parametrize(
    ("probability", "number", "words"),
    [
        (0.0, "<1 %", "fewer than 1 of 100"),
        (0.0099, "<1 %", "fewer than 1 of 100"),
        (0.01, "1 %", "about 1 of 100"),
        (0.205, "21 %", "about 21 of 100"),
        (0.2149, "21 %", "about 21 of 100"),
        (0.99, "99 %", "about 99 of 100"),
        (0.9901, ">99 %", "more than 99 of 100"),
        (1.0, ">99 %", "more than 99 of 100"),
    ],
)
def test_a_risk_as_percent_and_as_natural_frequency(probability: float, number: str, words: str) -> None:
    """Whole percent, with honest ends."""
    assert (wording.percent(probability), wording.of_hundred(probability)) == (number, words)


@given(st.floats(0, 1))
def test_number_and_words_agree(probability: float) -> None:
    """Whatever the risk, percent and natural frequency name the same number."""
    digits = "".join(filter(str.isdigit, wording.percent(probability)))
    assert digits == "".join(filter(str.isdigit, wording.of_hundred(probability).replace("of 100", "")))


@given(st.floats(0, 1), st.floats(0, 1))
def test_the_comparison_follows_the_numbers_as_shown(probability: float, base: float) -> None:
    """Equal numbers are never called higher or lower, and different ones never the same."""
    same = wording.percent(probability) == wording.percent(base)
    assert same == (wording.compared(probability, base) == "about the same as")


@pytest.mark.parametrize(
    ("value", "shown", "word"),
    [
        (1.8, "× 1.8", "raises"),
        (1.849, "× 1.8", "raises"),
        (0.554, "× 0.55", "lowers"),
        (12.34, "× 12", "raises"),
        (123.0, "× 120", "raises"),
        (0.0123, "× 0.012", "lowers"),
        (0.9996, "× 1.0", "no change"),
        (0.996, "× 1.0", "no change"),
        (0.994, "× 0.99", "lowers"),
        (1.04, "× 1.0", "no change"),
        (9.96, "× 10", "raises"),
        (1.0, "× 1.0", "no change"),
    ],
)
def test_odds_multipliers(value: float, shown: str, word: str) -> None:
    """Two significant digits, and the word follows what is shown."""
    assert (wording.multiplier(value), wording.direction(value)) == (shown, word)


@given(st.floats(1e-6, 1e6))
def test_multipliers_lose_no_more_than_rounding(value: float) -> None:
    """What is shown is within half of the last digit."""
    assert float(wording.significant(value, 2)) == pytest.approx(value, rel=0.051)
    assert "e" not in wording.significant(value, 2).lower()


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (4.1, "mmol/L", "4.1 mmol/L"),
        (7.0, "{score}", "7"),
        (37.25, "Cel", "37.25 °C"),
        (58, "mm[Hg]", "58 mmHg"),
        (0.0, "1", "0"),
        (-3.5, "mmol/L", "−3.5 mmol/L"),
        (12345.6, "mL", "12350 mL"),
        (6.10, "10*3/uL", "6.1 ×10³/µL"),
        (74, "a", "74 years"),
        (28.01, "h", "28 h"),
        (4.25, "h", "4.25 h"),
        (100, "%", "100 %"),
    ],
)
def test_values_with_units(value: float, unit: str, shown: str) -> None:
    """UCUM codes become what is printed on a chart."""
    assert wording.measured(value, unit) == shown


@pytest.mark.parametrize(
    ("span", "shown"),
    [
        (timedelta(seconds=-5), "0 min"),
        (timedelta(minutes=59, seconds=59), "59 min"),
        (timedelta(hours=1), "1 h"),
        (timedelta(hours=47, minutes=59), "47 h"),
        (timedelta(hours=48), "2 d"),
    ],
)
def test_ages(span: timedelta, shown: str) -> None:
    """Rounded down, in the unit that a reader needs."""
    assert wording.age(span) == shown


def test_times_name_their_zone() -> None:
    """A time is shown in the hospital's zone, with the zone."""
    time = datetime(2026, 11, 12, 23, 30, tzinfo=UTC)
    assert wording.moment(time, UTC) == "12 Nov 2026, 23:30 UTC"
    assert wording.moment(time, ZoneInfo("Europe/Berlin")) == "13 Nov 2026, 00:30 CET"
    assert wording.day(date(1952, 3, 4)) == "4 Mar 1952"


def test_scores_and_ranges_in_words() -> None:
    """Points are no unit to a reader; a range whose ends read the same is one number."""
    assert wording.scored(7.0, "{points}") == "7"
    assert wording.scored(48.0, "mL/min/{1.73_m2}") == "48 mL/min/1.73 m²"
    assert wording.spread((0.18, 0.27)) == "18 to 27 %"
    assert wording.spread((0.211, 0.209)) == "21 %"
