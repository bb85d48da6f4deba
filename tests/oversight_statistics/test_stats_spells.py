"""Spells: the weeks in which a rate is another one, by change points and by the limits of a chart."""

from __future__ import annotations

import numpy as np
import pytest

from oversight.proportions import proportion
from oversight.statistics.refused import Refused
from oversight.statistics.spells import Spell, spells


def series(rates, total=400, seed=3):
    """Weeks with these rates."""
    totals = np.full(len(rates), total, dtype=np.int64)
    return np.random.default_rng(seed).binomial(totals, rates).astype(np.int64), totals


def found(counts, totals):
    """With the same shuffling each time."""
    return spells(counts, totals, np.random.default_rng(1))


def test_a_step_makes_two_spells():
    """The weeks before it, and those since: each against the others."""
    counts, totals = series([0.2] * 8 + [0.4] * 6)
    before, since = found(counts, totals)
    assert (before.first, before.last, before.since_start, before.still, before.higher) == (0, 7, True, False, False)
    assert (since.first, since.last, since.since_start, since.still, since.higher) == (8, 13, False, True, True)
    assert since.inside == before.usual == proportion(int(counts[8:].sum()), int(totals[8:].sum()))
    assert before.inside == since.usual


def test_one_bad_week_is_outside_the_limits():
    """Too short for a change point."""
    counts, totals = series([0.2] * 7 + [0.8] + [0.2] * 6)
    (spell,) = found(counts, totals)
    assert (spell.first, spell.last, spell.still, spell.since_start, spell.higher) == (7, 7, False, False, True)
    rest = np.arange(14) != 7
    assert spell.usual == proportion(int(counts[rest].sum()), int(totals[rest].sum()))


def test_a_fall_is_a_spell_too():
    """A rule that stopped firing may be broken as well."""
    spell = found(*series([0.3] * 9 + [0.02] * 5))[-1]
    assert (spell.first, spell.higher) == (9, False)


def test_few_null_series_have_a_spell():
    """Of 300 series of half a year without a change, at most one in five: the chart's limits alarm now and then."""
    rng = np.random.default_rng(17)
    totals = np.full(26, 300, dtype=np.int64)
    alarms = [bool(found(rng.binomial(totals, 0.25).astype(np.int64), totals)) for _ in range(300)]
    assert np.mean(alarms) <= 0.2


def test_weeks_without_calls_are_no_spell():
    """They have no rate; the others are judged without them."""
    counts, totals = series([0.2] * 8 + [0.5] * 6)
    gap = np.zeros(2, dtype=np.int64)
    with_gap = found(np.concatenate([counts[:4], gap, counts[4:]]), np.concatenate([totals[:4], gap, totals[4:]]))
    assert [(each.first, each.last) for each in with_gap] == [(0, 9), (10, 15)]


@pytest.mark.parametrize(("counts", "totals"), [([3, 4, 5], [9, 9, 9]), ([0] * 3, [0] * 3), ([], [])])
def test_too_few_weeks_are_refused(counts, totals):
    """In words."""
    answer = found(np.array(counts, dtype=np.int64), np.array(totals, dtype=np.int64))
    assert isinstance(answer, Refused)
    assert answer.reason


def test_a_count_above_its_total_is_an_error():
    """As everywhere."""
    with pytest.raises(ValueError, match="between 0 and total"):
        found(np.array([5] * 9), np.array([4] * 9))


def test_what_never_varies_has_no_spell():
    """Every call a card, each week."""
    totals = np.full(12, 50, dtype=np.int64)
    assert found(totals, totals) == ()


def test_a_spell_is_higher_or_lower_than_the_other_weeks():
    """By its rate alone."""
    low, high = proportion(1, 10), proportion(5, 10)
    assert Spell(0, 1, high, low, since_start=False, still=False).higher
    assert not Spell(0, 1, low, high, since_start=False, still=False).higher
