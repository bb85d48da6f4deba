"""Statistics over a series: worked examples by hand."""

import math
from datetime import UTC, datetime

import pytest

from clinical.record import Observation, Source
from models.runtime.aggregate import STATISTICS, Take
from models.runtime.gather import Series
from models.runtime.windows import windows

TIMES = (1.0, 3.0, 8.0, 10.0)
VALUES = (80.0, 120.0, 90.0, 110.0)
NOW = 12.0


def value(text: str, times: tuple[float, ...] = TIMES, values: tuple[float, ...] = VALUES) -> float:
    """One statistic at `NOW`, as it stands in a row."""
    row = [math.nan]
    windows([Take.parse(text)], 0)[0].fill(Series(times, values), NOW, row, [()])
    return row[0]


def facts(text: str) -> list[str]:
    """The references of the facts behind one statistic."""
    time = datetime(2026, 3, 1, tzinfo=UTC)
    series = Series(
        TIMES,
        VALUES,
        tuple(Observation(str(n), (), v, "1", time, "final", Source.FHIR, v, "1") for n, v in enumerate(VALUES)),
    )
    found: list[tuple[Observation, ...]] = [()]
    windows([Take.parse(text)], 0)[0].fill(series, NOW, [math.nan], found)
    return [fact.reference for fact in found[0]]


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
    assert value(text) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("name", sorted(STATISTICS))
def test_never_measured_is_missing_and_not_zero(name: str) -> None:
    """A signal without any fact is NaN for every statistic, the count included."""
    assert math.isnan(value(name, (), ()))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("first", ["0"]),
        ("last", ["3"]),
        ("min", ["0"]),
        ("max", ["1"]),
        ("change", ["0", "3"]),
        ("range", ["0", "1"]),
        ("mean", ["0", "1", "2", "3"]),
        ("mean@6h", ["2", "3"]),
        ("min@6h", ["2"]),
        ("last@2h", []),
    ],
)
def test_statistics_name_the_facts_they_rest_on(text: str, expected: list[str]) -> None:
    """In order of time, and within the window only."""
    assert facts(text) == expected


def test_one_value_has_no_spread_and_no_trend() -> None:
    """Standard deviation and slope of a single value are missing."""
    assert math.isnan(value("sd", (1.0,), (5.0,)))
    assert math.isnan(value("slope", (1.0,), (5.0,)))
    assert math.isnan(value("slope", (1.0, 1.0), (5.0, 6.0)))


@pytest.mark.parametrize("text", ["median", "mean@", "mean@6", "mean@0h", "mean@-6h"])
def test_a_statistic_that_cannot_be_read_is_refused(text: str) -> None:
    """An unknown name or window raises, naming it."""
    with pytest.raises(ValueError, match=r"statistic|window"):
        Take.parse(text)


def test_a_take_says_what_it_is_in_words() -> None:
    """The words name statistic and window."""
    assert Take.parse("mean@6h").words == "mean, last 6 h"
    assert Take.parse("min").words == "lowest"
