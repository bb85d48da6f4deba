"""Ratios, differences and pairs: worked examples by hand."""

import math

import pytest

from models.runtime.derive import chosen_pair, difference, pairs, ratio

OXYGEN = ((2.0, 9.0, 20.0), (80.0, 60.0, 90.0))
FRACTION = ((1.0, 5.0), (40.0, 60.0))


def test_ratio_and_difference_are_scaled() -> None:
    """A zero below the line gives missing, not an error."""
    assert ratio(120.0, 80.0, 2.0) == pytest.approx(3.0)
    assert difference(120.0, 80.0, 0.5) == pytest.approx(20.0)
    assert math.isnan(ratio(120.0, 0.0, 1.0))
    assert math.isnan(ratio(math.nan, 80.0, 1.0))


def test_a_value_is_paired_with_what_was_in_force_then() -> None:
    """Each top fact takes the latest bottom fact at or before it, if that is at most 12 hours old."""
    assert pairs(OXYGEN, FRACTION) == [(0, 0), (1, 1)]


def test_latest_and_lowest_pair_differ() -> None:
    """80/40 comes first, 60/60 last; 60/60 is the lowest as well."""
    assert chosen_pair("paired-last", OXYGEN, FRACTION) == (1, 1)
    assert chosen_pair("paired-min", OXYGEN, FRACTION) == (1, 1)
    assert chosen_pair("paired-min", ((2.0, 9.0), (20.0, 60.0)), FRACTION) == (0, 0)


def test_no_partner_means_no_pair() -> None:
    """A top fact before any bottom fact is left out."""
    assert chosen_pair("paired-last", ((0.5,), (80.0,)), FRACTION) is None
