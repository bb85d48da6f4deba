"""Risks that rank every event above every other row, rows weighted: figures or a refusal, never NaN and no warning."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import fields, is_dataclass

import numpy as np
import numpy.typing as npt
import pytest

from oversight.statistics.calibration import CalibrationLine, calibration_line
from oversight.statistics.discrimination import auroc, average_precision
from oversight.statistics.estimate import Estimate
from oversight.statistics.jackknife import Spread
from oversight.statistics.labelled import Labelled, labelled
from oversight.statistics.performance import performance
from oversight.statistics.refused import Refused

Floats = npt.NDArray[np.float64]
EVENTS, OTHERS = 40, 160
# Sums of these are rounded in other ways for each order of adding up.
WEIGHTS = ("inverse of chances", "tenths", "some of nothing", "of all sizes")
SEEDS = range(12)


def weights(kind: str, rng: np.random.Generator) -> Floats:
    """One for each row."""
    size = EVENTS + OTHERS
    return {
        "inverse of chances": 1 / rng.uniform(0.05, 1, size),
        "tenths": rng.choice([0.1, 0.3, 0.7], size),
        "some of nothing": rng.integers(0, 3, size) * 0.1,
        "of all sizes": 10.0 ** rng.uniform(-6, 8, size),
    }[kind]


def separated(rng: np.random.Generator, weight: Floats) -> Labelled:
    """Those with the event have .6 to .9, the others .1 to .4, in any order and with ties."""
    outcome = rng.permutation(np.repeat([1.0, 0.0], [EVENTS, OTHERS]))
    return labelled(outcome, np.round(np.where(outcome == 1, 0.6, 0.1) + 0.3 * rng.random(outcome.size), 2), weight)


def numbers(found: object) -> Iterator[float]:
    """Every number of a figure; a refusal has none."""
    if isinstance(found, float):
        yield found
    elif isinstance(found, (tuple, list)):
        for each in found:
            yield from numbers(each)
    elif is_dataclass(found) and not isinstance(found, Refused):
        for each in fields(found):
            yield from numbers(getattr(found, each.name))


@pytest.mark.parametrize("clustered", [False, True])
@pytest.mark.parametrize("kind", WEIGHTS)
def test_the_area_is_one_with_the_interval_of_its_counts(kind: str, clustered: bool) -> None:
    """To the last bit, whatever the sums are rounded to; turned around it is 0 with the same interval."""
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        rows = separated(rng, weights(kind, rng))
        each = np.arange(len(rows.risk)) if clustered else None
        area, turned = auroc(rows, each), auroc(labelled(rows.outcome, 1 - rows.risk, rows.weight), each)
        counted = rows.weight > 0
        alone = auroc(labelled(rows.outcome[counted], rows.risk[counted]))
        assert isinstance(area, Estimate)
        assert isinstance(turned, Estimate)
        assert area == alone
        assert (area.value, area.high) == (1.0, 1.0)
        assert 0.9 < area.low < 1
        assert (turned.value, turned.low, turned.high) == (0.0, 0.0, pytest.approx(1 - area.low))


@pytest.mark.parametrize("clustered", [False, True])
@pytest.mark.parametrize("kind", WEIGHTS)
def test_precision_and_slope_are_refused(kind: str, clustered: bool) -> None:
    """Of a precision of 1 there is no interval, and a slope that fits such rows has no end."""
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        rows = separated(rng, weights(kind, rng))
        each = rng.integers(0, 90, len(rows.risk)) if clustered else None
        precision, line = average_precision(rows, each), calibration_line(rows, each)
        assert isinstance(precision, Refused), (seed, precision)
        assert "every event ranks above every other row" in precision.reason
        assert isinstance(line, Refused), (seed, line)


@pytest.mark.parametrize("clustered", [False, True])
@pytest.mark.parametrize("kind", WEIGHTS)
def test_no_figure_of_all_is_without_a_value(kind: str, clustered: bool) -> None:
    """Each is finite or refused; a warning would be an error here."""
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        rows = separated(rng, weights(kind, rng))
        owner = rng.integers(0, 90, len(rows.risk)) if clustered else None
        found = performance(rows.outcome, rows.risk, 0.5, weight=rows.weight, clusters=owner, grid=(0.2, 0.5, 0.8))
        assert np.isfinite(list(numbers(found))).all()


@pytest.mark.parametrize("least", [1e-16, 1e-13, 1e-10, 1e-4, 1.0])
def test_one_event_out_of_place_makes_no_jump(least: float) -> None:
    """Of however little weight: figures lie within their intervals, and the area goes to 1 as the weight goes."""
    rng = np.random.default_rng(3)
    rows = separated(rng, weights("inverse of chances", rng))
    odd = int(np.flatnonzero(rows.outcome)[0])
    risk, weight = rows.risk.copy(), rows.weight.copy()
    risk[odd], weight[odd] = 0.01, least
    held = labelled(rows.outcome, risk, weight)
    lost = least / float(weight @ rows.outcome)
    for found in (auroc(held), auroc(held, np.arange(len(risk)))):
        assert isinstance(found, Estimate)
        assert found.low <= found.value <= found.high
        assert found.value == pytest.approx(1 - lost, abs=1e-12)
    precision = average_precision(held)
    if not isinstance(precision, Refused):
        assert precision.low <= precision.value <= precision.high
        assert all(map(math.isfinite, (precision.low, precision.high)))
    assert isinstance(precision, Refused) == (lost < 1e-12)


@pytest.mark.parametrize("value", [1e-12, 0.5, 1 - 1e-12])
def test_an_interval_may_reach_all_the_way(value: float) -> None:
    """A few rows that weigh nearly all make the error of an area near 0 or 1 as large as the scale: no overflow."""
    wide = Spread(0.5, 1.0, 0.0)
    for found in (wide.on_log_odds(value), wide.on_log_of_log(value)):
        assert 0 <= found.low <= value <= found.high <= 1
        assert found.high - found.low > 0.9


@pytest.mark.parametrize("value", [0.0, 1e-9, 0.1, 5.0, 7.3])
def test_what_nothing_moves_has_no_width(value: float) -> None:
    """Nor does rounding, there and back from the logarithm, leave a figure outside its interval."""
    made = Spread(0.0, 1.0, 0.0).on_log(value)
    assert (made.value, made.low, made.high) == (value, value, value)
    tiny = Spread(1e-18, 1.0, 0.0).on_log(value)
    assert tiny.low <= value <= tiny.high


def test_a_slope_of_what_is_not_separated_is_given() -> None:
    """What refuses above is the separation: with one row out of place there is a line."""
    rng = np.random.default_rng(3)
    rows = separated(rng, weights("tenths", rng))
    risk = rows.risk.copy()
    risk[np.flatnonzero(rows.outcome)[0]] = 0.2
    assert isinstance(calibration_line(labelled(rows.outcome, risk, rows.weight)), CalibrationLine)
