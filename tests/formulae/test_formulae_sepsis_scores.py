"""qSOFA (Singer 2016), SIRS (Bone 1992) and SOFA (Vincent 1996): edges, alternatives, what is missing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from models.formulae import qsofa, sirs, sofa
from models.formulae.worked import Line, Worked

Find = Callable[[Worked, str], Line]
CALM = {"respiratory_rate": 16.0, "systolic_pressure": 120.0, "gcs": 15.0}
WELL = {"temperature": 37.0, "heart_rate": 70.0, "respiratory_rate": 16.0, "white_cells": 7.0}
SOUND = {
    "pf_ratio": 450.0,
    "ventilated": 0.0,
    "platelets": 250.0,
    "bilirubin": 0.6,
    "mean_pressure": 85.0,
    "dopamine": 0.0,
    "dobutamine": 0.0,
    "epinephrine": 0.0,
    "norepinephrine": 0.0,
    "gcs": 15.0,
    "creatinine": 0.8,
    "urine": 1500.0,
}


@pytest.mark.parametrize(
    ("name", "value", "points"),
    [
        ("respiratory_rate", 21, 0),
        ("respiratory_rate", 22, 1),
        ("systolic_pressure", 101, 0),
        ("systolic_pressure", 100, 1),
        ("gcs", 15, 0),
        ("gcs", 14, 1),
    ],
)
def test_every_edge_of_qsofa(name: str, value: float, points: float) -> None:
    """At least 22, at most 100, below 15."""
    assert qsofa.work({**CALM, name: value}).value == points


def test_qsofa_is_positive_with_two() -> None:
    """One criterion is not enough."""
    assert qsofa.work({**CALM, "gcs": 13}).band == "negative"
    assert qsofa.work({**CALM, "gcs": 13, "respiratory_rate": 25}).band == "positive"
    assert qsofa.work({"gcs": 3, "respiratory_rate": 25, "systolic_pressure": 80}).value == 3


@pytest.mark.parametrize(
    ("gcs", "altered", "points"),
    [(None, None, None), (15, None, 0), (None, 0, 0), (None, 1, 1), (14, 0, 1), (15, 1, 1), (14, None, 1)],
)
def test_mentation_by_scale_or_flag(gcs: float | None, altered: float | None, points: float | None, line: Find) -> None:
    """Either gives the point; the line is missing only without both."""
    found = qsofa.work({**CALM, "gcs": gcs, "altered_mentation": altered})
    assert line(found, "altered_mentation").points == points
    assert found.highest == (1 if points is None else points)


@pytest.mark.parametrize("gcs", [2.0, 16.0])
def test_no_coma_scale_outside_3_to_15(gcs: float) -> None:
    """Refused, not clamped."""
    for score in (qsofa, sofa):
        with pytest.raises(ValueError, match="3 to 15"):
            score.work({"gcs": gcs})


@pytest.mark.parametrize(
    ("name", "value", "points"),
    [
        ("temperature", 35.9, 1),
        ("temperature", 36.0, 0),
        ("temperature", 38.0, 0),
        ("temperature", 38.1, 1),
        ("temperature", (100.4 - 32) / 1.8, 0),
        ("heart_rate", 90, 0),
        ("heart_rate", 90.1, 1),
        ("respiratory_rate", 20, 0),
        ("respiratory_rate", 20.1, 1),
        ("paco2", 31.9, 1),
        ("paco2", 32.0, 0),
        ("white_cells", 3.9, 1),
        ("white_cells", 4.0, 0),
        ("white_cells", 12.0, 0),
        ("white_cells", 12.1, 1),
        ("bands", 10.0, 0),
        ("bands", 10.1, 1),
    ],
)
def test_every_edge_of_sirs(name: str, value: float, points: float) -> None:
    """All limits are beyond, none is at."""
    found = sirs.work({**WELL, name: value})
    assert found.value == found.highest == points


def test_sirs_counts_four_criteria_and_is_positive_with_two(line: Find) -> None:
    """Two alternatives of one line are still one criterion."""
    both = sirs.work({**WELL, "respiratory_rate": 30, "paco2": 25})
    assert (both.value, both.band) == (1, "negative")
    assert line(both, "respiration").rule == "respiratory rate above 20 and PaCO2 below 32"
    assert sirs.work({**WELL, "respiratory_rate": 30, "temperature": 39}).band == "positive"
    assert sirs.work({"temperature": 39, "heart_rate": 120, "paco2": 25, "bands": 20}).value == 4


def test_a_sirs_line_is_missing_only_without_both_alternatives(line: Find) -> None:
    """A blood gas is not needed where breaths were counted, and stands in where they were not."""
    assert line(sirs.work({"respiratory_rate": 16}), "respiration").points == 0
    assert line(sirs.work({"paco2": 40}), "respiration").points == 0
    assert line(sirs.work({"paco2": 30}), "respiration").points == 1
    assert line(sirs.work({"temperature": 37}), "respiration").points is None


def doses(**given: float) -> dict[str, float]:
    """Doses in ug/kg/min, beside a pressure that would give no point."""
    return given


SOFA_EDGES: list[tuple[str, dict[str, float], float]] = [
    ("respiration", {"pf_ratio": 400}, 0),
    ("respiration", {"pf_ratio": 399}, 1),
    ("respiration", {"pf_ratio": 300}, 1),
    ("respiration", {"pf_ratio": 299}, 2),
    ("respiration", {"pf_ratio": 200, "ventilated": 1}, 2),
    ("respiration", {"pf_ratio": 199, "ventilated": 1}, 3),
    ("respiration", {"pf_ratio": 100, "ventilated": 1}, 3),
    ("respiration", {"pf_ratio": 99, "ventilated": 1}, 4),
    ("respiration", {"pf_ratio": 199}, 2),
    ("respiration", {"pf_ratio": 99}, 2),
    ("coagulation", {"platelets": 150}, 0),
    ("coagulation", {"platelets": 149}, 1),
    ("coagulation", {"platelets": 100}, 1),
    ("coagulation", {"platelets": 99}, 2),
    ("coagulation", {"platelets": 50}, 2),
    ("coagulation", {"platelets": 49}, 3),
    ("coagulation", {"platelets": 20}, 3),
    ("coagulation", {"platelets": 19}, 4),
    ("liver", {"bilirubin": 1.1}, 0),
    ("liver", {"bilirubin": 1.2}, 1),
    ("liver", {"bilirubin": 1.9}, 1),
    ("liver", {"bilirubin": 2.0}, 2),
    ("liver", {"bilirubin": 5.9}, 2),
    ("liver", {"bilirubin": 6.0}, 3),
    ("liver", {"bilirubin": 11.9}, 3),
    ("liver", {"bilirubin": 12.0}, 4),
    ("circulation", {"mean_pressure": 70}, 0),
    ("circulation", {"mean_pressure": 69}, 1),
    ("circulation", doses(dopamine=0.5), 2),
    ("circulation", doses(dopamine=5), 2),
    ("circulation", doses(dobutamine=0.5), 2),
    ("circulation", doses(dobutamine=20), 2),
    ("circulation", doses(dopamine=5.1), 3),
    ("circulation", doses(dopamine=15), 3),
    ("circulation", doses(dopamine=15.1), 4),
    ("circulation", doses(epinephrine=0.01), 3),
    ("circulation", doses(epinephrine=0.1), 3),
    ("circulation", doses(epinephrine=0.11), 4),
    ("circulation", doses(norepinephrine=0.01), 3),
    ("circulation", doses(norepinephrine=0.1), 3),
    ("circulation", doses(norepinephrine=0.11), 4),
    ("circulation", doses(dobutamine=5, norepinephrine=0.2), 4),
    ("consciousness", {"gcs": 15}, 0),
    ("consciousness", {"gcs": 14}, 1),
    ("consciousness", {"gcs": 13}, 1),
    ("consciousness", {"gcs": 12}, 2),
    ("consciousness", {"gcs": 10}, 2),
    ("consciousness", {"gcs": 9}, 3),
    ("consciousness", {"gcs": 6}, 3),
    ("consciousness", {"gcs": 5}, 4),
    ("consciousness", {"gcs": 3}, 4),
    ("kidneys", {"creatinine": 1.1}, 0),
    ("kidneys", {"creatinine": 1.2}, 1),
    ("kidneys", {"creatinine": 1.9}, 1),
    ("kidneys", {"creatinine": 2.0}, 2),
    ("kidneys", {"creatinine": 3.4}, 2),
    ("kidneys", {"creatinine": 3.5}, 3),
    ("kidneys", {"creatinine": 4.9}, 3),
    ("kidneys", {"creatinine": 5.0}, 4),
    ("kidneys", {"urine": 500}, 0),
    ("kidneys", {"urine": 499}, 3),
    ("kidneys", {"urine": 200}, 3),
    ("kidneys", {"urine": 199}, 4),
    ("kidneys", {"urine": 300, "creatinine": 6.0}, 4),
    ("kidneys", {"urine": 300, "creatinine": 1.5}, 3),
]


@pytest.mark.parametrize(("name", "changes", "points"), SOFA_EDGES)
def test_every_edge_of_sofa(name: str, changes: dict[str, float], points: float, line: Find) -> None:
    """On both sides; with everything known, the least is the most."""
    found = sofa.work({**SOUND, **changes})
    assert line(found, name).points == points
    assert found.value == found.highest == points
    assert found.band == ("organ dysfunction" if points >= 2 else "no organ dysfunction")


def test_support_that_nobody_looked_up_leaves_the_line_open(line: Find) -> None:
    """Below 200 the points depend on it; above they do not."""
    found = sofa.work({**SOUND, "pf_ratio": 90, "ventilated": None})
    assert (line(found, "respiration").points, found.value, found.highest) == (2, 2, 4)
    assert line(found, "respiration").rule.endswith("support not known")
    assert sofa.work({**SOUND, "pf_ratio": 150, "ventilated": None}).highest == 3
    settled = sofa.work({**SOUND, "pf_ratio": 350, "ventilated": None})
    assert settled.value == settled.highest == 1


def test_doses_that_nobody_looked_up_leave_the_line_open(line: Find) -> None:
    """Pressure alone gives the least; a dose that is known to be 0 settles."""
    open_ = sofa.work({**SOUND, "dopamine": None, "dobutamine": None, "epinephrine": None, "norepinephrine": None})
    assert (open_.value, open_.highest) == (0, 4)
    assert line(open_, "circulation").points == 0
    one = sofa.work({**SOUND, "dobutamine": None})
    assert (one.value, one.highest) == (0, 2)
    worst = sofa.work({**SOUND, "norepinephrine": 0.3, "dopamine": None, "mean_pressure": None})
    assert worst.value == worst.highest == 4
    low = sofa.work({**SOUND, "mean_pressure": None})
    assert (low.value, low.highest) == (0, 1)


def test_sofa_kidneys_need_only_one_of_two(line: Find) -> None:
    """The other is an alternative."""
    assert line(sofa.work({"creatinine": 2.5}), "kidneys").points == 2
    assert line(sofa.work({"urine": 100}), "kidneys").points == 4
    assert line(sofa.work({"platelets": 90}), "kidneys").points is None


def test_the_worst_sofa_is_twenty_four() -> None:
    """Six organs, four points each."""
    worst = {
        "pf_ratio": 60,
        "ventilated": 1,
        "platelets": 10,
        "bilirubin": 20,
        "norepinephrine": 1,
        "gcs": 3,
        "urine": 50,
    }
    found = sofa.work(worst)
    assert found.value == found.highest == found.maximum == 24
