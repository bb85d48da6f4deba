"""Judged are the rows that would be answered, in their slices and groups."""

from __future__ import annotations

import numpy as np
import pytest

from models.training.evidence.scored import NOT_SAID, scored_of
from models.training.rows import EVERY_ROW, Rows


@pytest.fixture
def rows():
    """Six rows of three patients."""
    return Rows(
        features=np.zeros((6, 1), np.float32),
        outcome=np.array([0, 0, 1, 1, 0, 0], bool),
        answered=np.array([1, 1, 1, 1, 1, 0], bool),
        weight=np.ones(6),
        patient=np.array([1, 1, 2, 2, 3, 3]),
        slice=np.array(["hour 6", "hour 24"] * 3),
        hour=np.array([6.0, 24.0] * 3),
        period=np.array(["", "", "", "", "", ""]),
        groups={"sex": np.array(["female", "female", "", "", "male", "male"])},
    )


def test_what_is_not_answered_is_not_judged(rows):
    """The main slice comes first; a group that is not recorded is one of its own."""
    found = scored_of(rows, np.linspace(0.1, 0.6, 6), "hour 24", {"other": np.arange(6.0)})
    assert list(found.slices) == ["hour 24", "hour 6"]
    assert found.main.tolist() == [False, True, False, True, False, False]
    assert sorted(found.groups["sex"]) == ["female", "male", NOT_SAID]
    assert found.comparators["other"].tolist() == [0, 1, 2, 3, 4, 5]
    assert found.periods == {}


def test_all_rows_can_be_the_main_slice(rows):
    """A model that is asked every hour is judged on every hour; the other slices follow."""
    found = scored_of(rows, np.linspace(0.1, 0.6, 6), EVERY_ROW)
    assert list(found.slices) == [EVERY_ROW, "hour 6", "hour 24"]
    assert found.main.tolist() == rows.answered.tolist()


def test_a_slice_that_nobody_is_in_is_refused(rows):
    """No report about nobody."""
    with pytest.raises(ValueError, match="hour 48"):
        scored_of(rows, np.full(6, 0.5), "hour 48")


def test_rows_are_taken_with_all_that_stands_beside_them(rows):
    """By number or by flag; the groups go along."""
    some = rows.take(np.array([5, 0]))
    assert some.patient.tolist() == [3, 1]
    assert some.groups["sex"].tolist() == ["male", "female"]
    assert rows.take(rows.answered).hour.tolist() == [6.0, 24.0, 6.0, 24.0, 6.0]
