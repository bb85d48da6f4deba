"""The quality of a feed: four parts with denominators, and no average that hides one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oversight.proportions import Proportion
from oversight.statistics.quality import WEIGHTS, FeedCounts, Part, count_feed, feed_quality
from oversight.statistics.refused import Refused

COUNTS = FeedCounts("lab", present=(95, 100), in_time=(90, 98), plausible=(94, 95), unit_known=(40, 95))


def test_the_score_is_that_of_the_worst_part():
    """Three good parts do not make up for units that nobody knows."""
    quality = feed_quality(COUNTS)
    assert (quality.worst, quality.score) == (Part.UNITS, pytest.approx(40 / 95))
    assert quality.unknown == ()
    shares = [part.share for part in quality.parts if isinstance(part.share, Proportion)]
    assert [(share.count, share.total) for share in shares] == [(95, 100), (90, 98), (94, 95), (40, 95)]


def test_a_weight_says_how_much_of_a_shortfall_counts():
    """Half of the units' shortfall is still the worst; none of it leaves timeliness."""
    half = feed_quality(COUNTS, {**WEIGHTS, Part.UNITS: 0.5})
    assert (half.worst, half.score) == (Part.UNITS, pytest.approx(1 - 0.5 * 55 / 95))
    assert feed_quality(COUNTS, {**WEIGHTS, Part.UNITS: 0}).worst is Part.TIMELINESS
    with pytest.raises(ValueError, match="weight"):
        feed_quality(COUNTS, {**WEIGHTS, Part.UNITS: 2})


def test_a_silent_feed_scores_nothing():
    """Expected and not there is a completeness of 0; the other parts are named as unknown."""
    quality = feed_quality(FeedCounts("lab", (0, 50), (0, 0), (0, 0), (0, 0)))
    assert (quality.worst, quality.score) == (Part.COMPLETENESS, 0)
    assert quality.unknown == (Part.TIMELINESS, Part.PLAUSIBILITY, Part.UNITS)


def test_a_feed_of_which_nothing_was_expected_is_refused():
    """No figure, neither good nor bad."""
    quality = feed_quality(FeedCounts("lab", (0, 0), (0, 0), (0, 0), (0, 0)))
    assert isinstance(quality.score, Refused)
    assert quality.worst is None


_PAIR = st.tuples(st.integers(0, 50), st.integers(0, 50)).map(lambda pair: (min(pair), max(pair)))


@settings(deadline=None)
@given(_PAIR, _PAIR, _PAIR, _PAIR, st.lists(st.floats(0, 1), min_size=4, max_size=4))
def test_no_part_is_below_the_score(present, in_time, plausible, unit_known, weights):
    """Whatever the counts and weights, the score hides no part; it lies between 0 and 1."""
    counts = FeedCounts("x", present, in_time, plausible, unit_known)
    quality = feed_quality(counts, dict(zip(Part, weights, strict=True)))
    if not isinstance(quality.score, Refused):
        assert 0 <= quality.score <= 1
        assert all(part.score is None or part.score >= quality.score for part in quality.parts)


def test_a_feed_is_counted_from_its_messages():
    """Four came of five: one empty, one implausible, one late, one without a time, one without a unit."""
    counts = count_feed(
        "lab",
        expected=5,
        values=np.array([4.0, 300.0, np.nan, 5.0]),
        plausible=(1.0, 20.0),
        delay_minutes=np.array([5.0, 90.0, 5.0, np.nan]),
        in_time_minutes=60,
        unit_known=np.array([True, True, True, False]),
    )
    assert counts == FeedCounts("lab", (3, 5), (2, 4), (2, 3), (2, 3))


def test_more_than_expected_is_all_of_it():
    """Extra values do not lift completeness above 1."""
    counts = count_feed("x", 2, np.ones(3), (0, 2), np.zeros(3), 1, np.ones(3, dtype=bool))
    assert counts == replace(counts, present=(2, 2))
    assert feed_quality(counts).score == 1
