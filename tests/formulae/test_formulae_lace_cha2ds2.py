"""LACE (van Walraven 2010) and CHA2DS2-VASc (Lip 2010): every edge, and all flags enumerated."""

from __future__ import annotations

from itertools import product

import pytest

from models.formulae import cha2ds2_vasc, lace

HOME = {"days": 0.0, "acute": 0.0, "comorbidity": 0.0, "emergency_visits": 0.0}
POINTS = {"heart_failure": 1, "hypertension": 1, "diabetes": 1, "stroke": 2, "vascular_disease": 1, "female": 1}


@pytest.mark.parametrize(
    ("name", "value", "points"),
    [
        ("days", 0, 0),
        ("days", 0.9, 0),
        ("days", 1, 1),
        ("days", 1.9, 1),
        ("days", 2, 2),
        ("days", 3, 3),
        ("days", 3.99, 3),
        ("days", 4, 4),
        ("days", 6, 4),
        ("days", 7, 5),
        ("days", 13, 5),
        ("days", 13.9, 5),
        ("days", 14, 7),
        ("days", 90, 7),
        ("acute", 0, 0),
        ("acute", 1, 3),
        ("comorbidity", 1, 1),
        ("comorbidity", 2, 2),
        ("comorbidity", 3, 3),
        ("comorbidity", 4, 5),
        ("comorbidity", 9, 5),
        ("emergency_visits", 1, 1),
        ("emergency_visits", 2, 2),
        ("emergency_visits", 3, 3),
        ("emergency_visits", 4, 4),
        ("emergency_visits", 12, 4),
    ],
)
def test_every_edge_of_lace(name: str, value: float, points: float) -> None:
    """Six points for a stay do not exist, nor four for comorbidity."""
    found = lace.work({**HOME, name: value})
    assert found.value == found.highest == points


@pytest.mark.parametrize(
    ("changes", "value", "band"),
    [
        ({"days": 4}, 4, "low"),
        ({"days": 7}, 5, "moderate"),
        ({"days": 7, "acute": 1, "comorbidity": 1}, 9, "moderate"),
        ({"days": 7, "acute": 1, "comorbidity": 2}, 10, "high"),
        ({"days": 20, "acute": 1, "comorbidity": 8, "emergency_visits": 5}, 19, "high"),
    ],
)
def test_groups_of_lace(changes: dict[str, float], value: float, band: str) -> None:
    """Low to 4, moderate to 9, high from 10."""
    found = lace.work({**HOME, **changes})
    assert (found.value, found.band) == (value, band)


@pytest.mark.parametrize(("age", "points"), [(64, 0), (64.99, 0), (65, 1), (74, 1), (74.99, 1), (75, 2), (99, 2)])
def test_every_combination_of_cha2ds2_vasc(age: float, points: int) -> None:
    """The sum of its parts for all 64 sets of flags, and the groups 0, 1, 2 or more."""
    for flags in product((0.0, 1.0), repeat=len(POINTS)):
        given = dict(zip(POINTS, flags, strict=True))
        expected = points + sum(POINTS[name] for name, flag in given.items() if flag)
        found = cha2ds2_vasc.work({**given, "age": age})
        assert found.value == found.highest == expected
        assert found.band == {0: "low", 1: "intermediate"}.get(expected, "high")


def test_the_highest_cha2ds2_vasc_is_nine() -> None:
    """Age gives 2 at the most, not 3."""
    assert cha2ds2_vasc.work({**dict.fromkeys(POINTS, 1.0), "age": 80.0}).value == 9
