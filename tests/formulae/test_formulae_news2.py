"""NEWS2: every band edge on both sides, both SpO2 scales, the tiers (RCP 2017, charts 1 and 2)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from models.formulae import news2
from models.formulae.worked import Line, Worked

Find = Callable[[Worked, str], Line]
WELL = {
    "respiratory_rate": 16.0,
    "oxygen_saturation": 98.0,
    "supplemental_oxygen": 0.0,
    "systolic_pressure": 120.0,
    "pulse": 70.0,
    "not_alert": 0.0,
    "temperature": 37.0,
    "hypercapnic": 0.0,
}
EDGES = [
    ("respiratory_rate", [(8, 3), (9, 1), (11, 1), (12, 0), (20, 0), (21, 2), (24, 2), (25, 3)]),
    ("oxygen_saturation", [(91, 3), (92, 2), (93, 2), (94, 1), (95, 1), (96, 0), (100, 0)]),
    ("systolic_pressure", [(90, 3), (91, 2), (100, 2), (101, 1), (110, 1), (111, 0), (219, 0), (220, 3)]),
    ("pulse", [(40, 3), (41, 1), (50, 1), (51, 0), (90, 0), (91, 1), (110, 1), (111, 2), (130, 2), (131, 3)]),
    ("temperature", [(35.0, 3), (35.1, 1), (36.0, 1), (36.1, 0), (38.0, 0), (38.1, 1), (39.0, 1), (39.1, 2)]),
    ("supplemental_oxygen", [(0, 0), (1, 2)]),
    ("not_alert", [(0, 0), (1, 3)]),
]


@pytest.mark.parametrize(
    ("name", "value", "points"), [(name, value, points) for name, pairs in EDGES for value, points in pairs]
)
def test_every_edge_of_chart_1(name: str, value: float, points: float, line: Find) -> None:
    """On both sides, and nothing else changes."""
    found = news2.work({**WELL, name: value})
    assert line(found, name).points == points
    assert found.value == found.highest == points


@pytest.mark.parametrize(
    ("value", "on_air", "on_oxygen"),
    [
        (83, 3, 3),
        (84, 2, 2),
        (85, 2, 2),
        (86, 1, 1),
        (87, 1, 1),
        (88, 0, 0),
        (92, 0, 0),
        (93, 0, 1),
        (94, 0, 1),
        (95, 0, 2),
        (96, 0, 2),
        (97, 0, 3),
        (100, 0, 3),
    ],
)
def test_scale_2_depends_on_oxygen_from_93(value: float, on_air: float, on_oxygen: float, line: Find) -> None:
    """Too much oxygen is dangerous in hypercapnic failure; the same saturation on air is not."""
    given = {**WELL, "hypercapnic": 1.0, "oxygen_saturation": value}
    assert line(news2.work(given), "oxygen_saturation").points == on_air
    found = news2.work({**given, "supplemental_oxygen": 1.0})
    assert line(found, "oxygen_saturation").points == on_oxygen
    assert found.value == found.highest == on_oxygen + 2


@pytest.mark.parametrize(("value", "gain"), [(92, 0), (93, 1), (95, 2), (97, 3)])
def test_scale_2_with_oxygen_unknown_counts_the_least(value: float, gain: float) -> None:
    """The most is that the patient is on oxygen: its 2 points and those of the saturation."""
    found = news2.work({**WELL, "hypercapnic": 1.0, "oxygen_saturation": value, "supplemental_oxygen": None})
    assert found.value == 0
    assert found.highest == 2 + gain


def test_scale_2_without_a_saturation_is_a_missing_line() -> None:
    """3 points for it and 2 for oxygen are open, no more."""
    found = news2.work({**WELL, "hypercapnic": 1.0, "oxygen_saturation": None, "supplemental_oxygen": None})
    assert (found.value, found.highest) == (0, 5)


def test_scale_2_is_used_only_where_it_was_chosen(line: Find) -> None:
    """Without the decision of a clinician, 88 % is 3 points."""
    found = news2.work({**WELL, "oxygen_saturation": 88.0, "hypercapnic": 0.0})
    assert line(found, "oxygen_saturation").points == 3
    assert line(found, "oxygen_saturation").rule == "scale 1: 91 or less"


@pytest.mark.parametrize(
    ("saturation", "oxygen", "points", "gain"),
    [(88, 1.0, 3, 0), (94, 1.0, 1, 0), (95, 1.0, 1, 1), (97, 1.0, 0, 3), (97, 0.0, 0, 0), (97, None, 0, 3)],
)
def test_where_nobody_can_say_which_scale_the_range_covers_both(
    saturation: float, oxygen: float | None, points: float, gain: float, line: Find
) -> None:
    """Scale 1 counts, as without a decision; the most is what the other would give, and the line says so."""
    given = {**WELL, "oxygen_saturation": saturation, "supplemental_oxygen": oxygen}
    found = news2.work({**given, "hypercapnic": None})
    of_oxygen = {None: (0.0, 2.0), 0.0: (0.0, 0.0), 1.0: (2.0, 2.0)}[oxygen]
    assert (found.value, found.highest) == (points + of_oxygen[0], points + of_oxygen[1] + gain)
    assert line(found, "oxygen_saturation").rule.endswith("the scale is not known")
    assert line(found, "oxygen_saturation").unsettled == (gain > 0)


@pytest.mark.parametrize(
    ("changes", "value", "tier"),
    [
        ({}, 0, "none"),
        ({"pulse": 91}, 1, "low"),
        ({"respiratory_rate": 21, "pulse": 111}, 4, "low"),
        ({"pulse": 131}, 3, "low-medium"),
        ({"pulse": 131, "temperature": 38.5}, 4, "low-medium"),
        ({"respiratory_rate": 21, "pulse": 111, "temperature": 38.5}, 5, "medium"),
        ({"pulse": 131, "supplemental_oxygen": 1}, 5, "medium"),
        ({"respiratory_rate": 21, "pulse": 111, "supplemental_oxygen": 1}, 6, "medium"),
        ({"respiratory_rate": 21, "pulse": 111, "supplemental_oxygen": 1, "temperature": 38.5}, 7, "high"),
    ],
)
def test_tiers(changes: dict[str, float], value: float, tier: str) -> None:
    """0; 1-4 low; a single 3 lifts to low-medium; 5-6 medium; 7 high."""
    found = news2.work({**WELL, **changes})
    assert (found.value, found.band) == (value, tier)


def test_the_worst_is_twenty(line: Find) -> None:
    """All lines at their most."""
    found = news2.work(
        {
            "respiratory_rate": 30,
            "oxygen_saturation": 80,
            "supplemental_oxygen": 1,
            "systolic_pressure": 80,
            "pulse": 140,
            "not_alert": 1,
            "temperature": 34.0,
        }
    )
    assert found.value == found.highest == found.maximum == 20
    assert line(found, "temperature").most == 3


@pytest.mark.parametrize(
    ("name", "value", "points"),
    [
        ("temperature", 38.04, 0),
        ("temperature", 38.05, 1),
        ("respiratory_rate", 20.4, 0),
        ("respiratory_rate", 20.5, 2),
    ],
)
def test_values_between_the_numbers_of_the_chart(name: str, value: float, points: float, line: Find) -> None:
    """Are rounded half up to the chart's resolution first."""
    assert line(news2.work({**WELL, name: value}), name).points == points


def test_a_missing_line_is_open_and_not_normal(line: Find) -> None:
    """A missing temperature adds nothing to the least and 3 to the most."""
    found = news2.work({**WELL, "pulse": 95.0, "temperature": None})
    assert line(found, "temperature") == Line("temperature", None, 3, "")
    assert (found.value, found.highest) == (1, 4)


def test_the_rule_is_said_in_words(line: Find) -> None:
    """As on the chart."""
    assert line(news2.work({**WELL, "pulse": 112.0}), "pulse").rule == "111 to 130"
