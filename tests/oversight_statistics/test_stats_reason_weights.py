"""How much of the explanations changed hands: exact where it can be counted, and quiet where nothing moved."""

from __future__ import annotations

import numpy as np
import pytest

from oversight.statistics.reason_weights import LEAST_ROWS, reason_weights
from oversight.statistics.refused import Refused

NAMES = ("glucose", "lactate", "creatinine", "albumin", "pulse")
SIZES = np.array([0.9, 0.7, 0.5, 0.3, 0.1])


def effects(rows: int, seed: int, sizes=SIZES) -> np.ndarray:
    """Log-odds by row and concept; whoever is sicker has larger ones of all."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(rows, len(sizes))) * sizes * np.exp(0.5 * rng.normal(size=(rows, 1)))


def test_the_share_that_moved_is_counted_exactly() -> None:
    """Half of all |SHAP| was of the first concept, a quarter is: a quarter went to the others."""
    before = np.tile([[2.0, -1.0, 1.0], [-2.0, 1.0, -1.0]], (40, 1))
    now = np.tile([[1.0, 1.0, 2.0], [-1.0, -1.0, -2.0]], (40, 1))
    found = reason_weights(("a", "b", "c"), before, now)
    assert found.moved == pytest.approx(0.25)
    assert [(each.concept, each.before, each.now) for each in found.moves] == [
        ("a", pytest.approx(0.5), pytest.approx(0.25)),
        ("c", pytest.approx(0.25), pytest.approx(0.5)),
        ("b", pytest.approx(0.25), pytest.approx(0.25)),
    ]
    # Every row has the same sizes, so there is no chance in it.
    assert (found.chance, found.p) == (pytest.approx(0.0, abs=1e-12), pytest.approx(0.0, abs=1e-12))


def test_the_same_reasons_have_not_moved() -> None:
    """Nor have those that are all twice as strong: shares are of the whole."""
    rows = effects(200, 1)
    for factor in (1.0, 2.0):
        found = reason_weights(NAMES, rows, factor * rows)
        assert found.moved == pytest.approx(0.0, abs=1e-12)
        assert found.p == pytest.approx(1.0)


def test_a_concept_that_takes_over_is_named_first() -> None:
    """With its share before and now, and no doubt about it."""
    found = reason_weights(NAMES, effects(3_000, 2), effects(200, 3, SIZES * [1, 1, 1, 1, 8]))
    assert found.moves[0].concept == "pulse"
    assert found.moves[0].now > 4 * found.moves[0].before
    assert found.moved - found.chance > 0.15
    assert found.p < 1e-9


def test_p_and_chance_are_those_of_no_change() -> None:
    """Of 600 pairs in which nothing moved, p is at most u in about u or fewer, and what moved is chance on average."""
    found = [reason_weights(NAMES, effects(1_000, 2 * seed), effects(150, 2 * seed + 1)) for seed in range(600)]
    p = np.array([each.p for each in found])
    for u in (0.01, 0.05, 0.2):
        assert np.mean(p <= u) <= u + 3 * np.sqrt(u * (1 - u) / len(p))
    assert np.mean(p <= 0.2) > 0.1
    assert np.mean([each.moved for each in found]) == pytest.approx(np.mean([each.chance for each in found]), rel=0.1)


@pytest.mark.parametrize(
    ("names", "before", "now", "why"),
    [
        (NAMES, effects(LEAST_ROWS - 1, 4), effects(200, 5), "fewer than 50 assessments"),
        (NAMES, effects(200, 4), effects(LEAST_ROWS - 1, 5), "fewer than 50 assessments"),
        (NAMES[:1], effects(200, 4, SIZES[:1]), effects(200, 5, SIZES[:1]), "fewer than two concepts"),
        (NAMES, np.zeros((60, 5)), effects(60, 5), "explains nothing"),
        (NAMES, effects(60, 5), np.zeros((60, 5)), "explains nothing"),
    ],
)
def test_what_cannot_be_compared_is_refused(names, before, now, why) -> None:
    """With the reason."""
    found = reason_weights(names, before, now)
    assert isinstance(found, Refused)
    assert why in found.reason
