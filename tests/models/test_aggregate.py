"""Statistics over a series: worked examples by hand."""

import math

import pytest

from models.runtime.aggregate import STATISTICS, Take

TIMES = (1.0, 3.0, 8.0, 10.0)
VALUES = (80.0, 120.0, 90.0, 110.0)
NOW = 12.0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("first", 80.0),
        ("last", 110.0),
        ("min", 80.0),
        ("max", 120.0),
        ("mean", 100.0),
        ("sd", math.sqrt((400 + 400 + 100 + 100) / 3)),
        ("sum", 400.0),
        ("count", 4.0),
        ("change", 30.0),
        ("range", 40.0),
        ("since", 2.0),
        ("slope", 60 / 53),
        ("mean@6h", 100.0),
        ("range@6h", 20.0),
        ("count@6h", 2.0),
        ("last@2h", math.nan),
        ("count@2h", 0.0),
    ],
)
def test_statistics_match_values_computed_by_hand(text: str, expected: float) -> None:
    """Each statistic gives the value that a pencil gives; a window is open at its far end."""
    assert Take.parse(text).value(TIMES, VALUES, NOW) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("name", sorted(STATISTICS))
def test_never_measured_is_missing_and_not_zero(name: str) -> None:
    """A signal without any fact is NaN for every statistic, the count included."""
    assert math.isnan(Take.parse(name).value((), (), NOW))


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("first", [0]),
        ("last", [3]),
        ("min", [0]),
        ("max", [1]),
        ("change", [0, 3]),
        ("range", [0, 1]),
        ("mean", [0, 1, 2, 3]),
        ("mean@6h", [2, 3]),
        ("min@6h", [2]),
        ("last@2h", []),
    ],
)
def test_statistics_name_the_facts_they_rest_on(text: str, facts: list[int]) -> None:
    """The indices point into the whole series, also for a window."""
    assert list(Take.parse(text).facts(TIMES, VALUES, NOW)) == facts


def test_one_value_has_no_spread_and_no_trend() -> None:
    """Standard deviation and slope of a single value are missing."""
    assert math.isnan(Take.parse("sd").value((1.0,), (5.0,), NOW))
    assert math.isnan(Take.parse("slope").value((1.0,), (5.0,), NOW))
    assert math.isnan(Take.parse("slope").value((1.0, 1.0), (5.0, 6.0), NOW))


@pytest.mark.parametrize("text", ["median", "mean@", "mean@6", "mean@0h", "mean@-6h"])
def test_a_statistic_that_cannot_be_read_is_refused(text: str) -> None:
    """An unknown name or window raises, naming it."""
    with pytest.raises(ValueError, match=r"statistic|window"):
        Take.parse(text)


def test_a_take_says_what_it_is_in_words() -> None:
    """The words name statistic and window."""
    assert Take.parse("mean@6h").words == "mean, last 6 h"
    assert Take.parse("min").words == "lowest"
