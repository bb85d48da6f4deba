"""Attributions as columns: whatever is asked of them, they answer as the tuple of objects does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinical.assessment import Attribution, Attributions, Basis, Explanation
from findings import attribution, observation

FACTS = (observation("2524-7", 2.0, "mmol/L", 300), observation("2160-0", 1.1, "mg/dL", 10))
BASES = (Basis("Condition/1", "COPD"),)
ONE = st.builds(
    lambda concept, effect, facts, value, basis, flags: replace(
        attribution(concept, effect, None), facts=facts, value=value, basis=basis, derived=flags[0], lead=flags[1]
    ),
    st.sampled_from("abcde"),
    st.floats(-5, 5),
    st.sampled_from([(), FACTS[:1], FACTS]),
    st.none() | st.floats(-100, 100),
    st.sampled_from([(), BASES]),
    st.tuples(st.booleans(), st.booleans()),
)
SOME = st.lists(ONE, max_size=12).map(tuple)


def columns(each: tuple[Attribution, ...]) -> Attributions:
    """Columns that have made no object yet."""
    known = Attributions.of(each)
    return Attributions(known.words, known.log_odds, known.values, known.facts, known.bases)


@given(SOME, st.floats(-5, 5))
def test_columns_are_the_tuple(each: tuple[Attribution, ...], base: float) -> None:
    """Equal both ways, with one hash and one text, member by member and in slices; so are explanations and drivers."""
    assert columns(each) == each
    assert each == columns(each)
    assert columns(each) == columns(each)
    assert (hash(columns(each)), repr(columns(each)), len(columns(each))) == (hash(each), repr(each), len(each))
    assert (*columns(each),) == each
    assert columns(each)[1:] == each[1:]
    assert [columns(each).one(place) for place in range(len(each))] == list(each)
    plain, quick = Explanation(base, each), Explanation(base, columns(each))
    assert plain == quick
    assert hash(plain) == hash(quick)
    assert plain.drivers() == quick.drivers()
    assert plain.log_odds == quick.log_odds
    assert quick.columns is quick.attributions


@given(SOME, SOME)
def test_other_attributions_are_not_equal(some: tuple[Attribution, ...], others: tuple[Attribution, ...]) -> None:
    """As tuples are; and a list is no tuple."""
    assert (columns(some) == columns(others)) is (some == others)
    assert (columns(some) == others) is (some == others)
    assert columns(some) != list(some)


def test_an_object_is_made_once() -> None:
    """Whoever asks twice gets the same ones, and those that there were stay the same."""
    each = (attribution("a", 0.5, None), attribution("b", -0.5, FACTS[0]))
    made = columns(each)
    assert made[0] is made[0]
    assert Attributions.of(each)[1] is each[1]
    assert Attributions.of(made) is made


@pytest.mark.parametrize("short", range(5))
def test_columns_of_different_length_are_refused(short: int) -> None:
    """A value beside the wrong words would be another patient's reason."""
    known = Attributions.of((attribution("a", 0.5, None), attribution("b", -0.5, None)))
    parts: list[Any] = [known.words, known.log_odds, known.values, known.facts, known.bases]
    parts[short] = parts[short][:1]
    with pytest.raises(ValueError, match="equally long"):
        Attributions(*parts)
