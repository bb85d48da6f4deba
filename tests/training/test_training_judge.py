"""Judged are the rows that would be answered, in their slices and groups."""

from __future__ import annotations

import numpy as np
import pytest

from models.training.judge import NOT_SAID, scored
from models.training.rows import Rows


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
        period=np.array(["", "", "", "", "", ""]),
        groups={"sex": np.array(["female", "female", "", "", "male", "male"])},
    )


def test_what_is_not_answered_is_not_judged(rows):
    """The main slice comes first; a group that is not recorded is one of its own."""
    found = scored(rows, np.linspace(0.1, 0.6, 6), "hour 24", {"other": np.arange(6.0)})
    assert found.probability.tolist() == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5])
    assert list(found.slices) == ["hour 24", "hour 6"]
    assert found.main.tolist() == [False, True, False, True, False]
    assert list(found.groups["sex"]) == ["female", NOT_SAID, "male"]
    assert found.comparators["other"].tolist() == [0, 1, 2, 3, 4]
    assert found.periods == {}


def test_a_slice_that_nobody_is_in_is_refused(rows):
    """No report about nobody."""
    with pytest.raises(ValueError, match="hour 48"):
        scored(rows, np.full(6, 0.5), "hour 48")
