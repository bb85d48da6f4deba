"""What holds for every point score and every patient: bounds, monotonicity, and what a missing value may do."""

from __future__ import annotations

from math import fsum
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.formulae import cha2ds2_vasc, charlson, lace, news2, qsofa, sirs, sofa
from models.formulae.charlson import ORIGINAL, UPDATED
from models.formulae.worked import FLAG, Worked

RANGES = {
    news2: {
        "respiratory_rate": (0, 60),
        "oxygen_saturation": (50, 100),
        "systolic_pressure": (40, 260),
        "pulse": (20, 220),
        "temperature": (30, 43),
    },
    qsofa: {"respiratory_rate": (0, 60), "systolic_pressure": (40, 260), "gcs": (3, 15)},
    sirs: {
        "temperature": (30, 43),
        "heart_rate": (20, 220),
        "respiratory_rate": (0, 60),
        "paco2": (10, 90),
        "white_cells": (0, 60),
        "bands": (0, 60),
    },
    sofa: {
        "pf_ratio": (40, 600),
        "platelets": (0, 500),
        "bilirubin": (0, 30),
        "mean_pressure": (20, 140),
        "dopamine": (0, 25),
        "dobutamine": (0, 25),
        "epinephrine": (0, 1),
        "norepinephrine": (0, 1),
        "gcs": (3, 15),
        "creatinine": (0, 12),
        "urine": (0, 4000),
    },
    lace: {"days": (0, 60), "comorbidity": (0, 20), "emergency_visits": (0, 20)},
    cha2ds2_vasc: {"age": (18, 110)},
    charlson: {},
}
# Inputs that are alternatives of one line go missing together: each of them settles the line (see the docstrings).
TOGETHER = {
    qsofa: [("gcs", "altered_mentation")],
    sirs: [("respiratory_rate", "paco2"), ("white_cells", "bands")],
    sofa: [("creatinine", "urine")],
}
CHOICES = {"hypercapnic"}  # it chooses between two scales; where it is not known, the range covers both
SCORES = list(RANGES)


def patients(score: Any, *, whole: bool = False) -> st.SearchStrategy[dict[str, float | None]]:
    """Inputs of a score, each of which may be missing unless the patient is to be whole."""
    values: dict[str, st.SearchStrategy[float]] = {
        name: st.sampled_from([0.0, 1.0]) if unit == FLAG else st.floats(*RANGES[score][name])
        for name, unit in score.INPUTS.items()
    }
    return st.fixed_dictionaries({name: value if whole else st.none() | value for name, value in values.items()})


def units(score: Any) -> list[tuple[str, ...]]:
    """Inputs that go missing together, the others alone."""
    tied = TOGETHER.get(score, [])
    return [*tied, *((name,) for name in score.INPUTS if name not in {n for pair in tied for n in pair} | CHOICES)]


def coherent(found: Worked) -> None:
    """What each answer owes."""
    assert 0 <= found.value <= found.highest <= (found.maximum or 0)
    assert found.value == fsum(line.points or 0 for line in found.lines)
    assert all(line.points is None or 0 <= line.points <= line.most for line in found.lines)
    assert all((line.rule == "") == (line.points is None) for line in found.lines)


@pytest.mark.parametrize("score", SCORES, ids=lambda module: module.__name__.rsplit(".", 1)[-1])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_missing_value_opens_the_range_and_never_closes_it(score: Any, data: st.DataObject) -> None:
    """The least does not rise, the most does not fall, and both stay within the score."""
    patient = data.draw(patients(score))
    lost = data.draw(st.sampled_from(units(score)))
    before = score.work(patient)
    after = score.work({**patient, **dict.fromkeys(lost)})
    coherent(before)
    coherent(after)
    assert after.value <= before.value
    assert after.highest >= before.highest


@pytest.mark.parametrize("score", SCORES, ids=lambda module: module.__name__.rsplit(".", 1)[-1])
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_a_line_is_always_as_long(score: Any, data: st.DataObject) -> None:
    """Its name and its most do not depend on the patient, and all lines together make the maximum."""
    found = score.work(data.draw(patients(score)))
    shape = [(line.name, line.most) for line in score.work({}).lines]
    assert [(line.name, line.most) for line in found.lines] == shape
    if score is not charlson:  # there, milder forms do not count beside the severer
        assert fsum(most for _, most in shape) == found.maximum


@pytest.mark.parametrize("score", SCORES, ids=lambda module: module.__name__.rsplit(".", 1)[-1])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_the_range_holds_whatever_is_found_later(score: Any, data: st.DataObject) -> None:
    """Nobody who is missing a value can turn out outside least and most."""
    whole = data.draw(patients(score, whole=True))
    gone = data.draw(st.lists(st.sampled_from(units(score)), unique=True))
    found = score.work({**whole, **{name: None for lost in gone for name in lost}})
    truth = score.work(whole)
    assert truth.value == truth.highest
    assert found.value <= truth.value <= found.highest


# name → whether more of it is worse
WORSE = [
    (sofa, "bilirubin", True),
    (sofa, "creatinine", True),
    (sofa, "platelets", False),
    (sofa, "gcs", False),
    (sofa, "pf_ratio", False),
    (sofa, "mean_pressure", False),
    (sofa, "urine", False),
    (sofa, "dopamine", True),
    (sofa, "dobutamine", True),
    (sofa, "epinephrine", True),
    (sofa, "norepinephrine", True),
    (sofa, "ventilated", True),
    (qsofa, "respiratory_rate", True),
    (qsofa, "systolic_pressure", False),
    (qsofa, "gcs", False),
    (sirs, "heart_rate", True),
    (sirs, "respiratory_rate", True),
    (sirs, "paco2", False),
    (sirs, "bands", True),
    (lace, "days", True),
    (lace, "comorbidity", True),
    (lace, "emergency_visits", True),
    (cha2ds2_vasc, "age", True),
    (cha2ds2_vasc, "stroke", True),
    (news2, "not_alert", True),
    (news2, "supplemental_oxygen", True),
]


@pytest.mark.parametrize(("score", "name", "rises"), WORSE)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_what_is_worse_never_lowers_the_score(score: Any, name: str, rises: bool, data: st.DataObject) -> None:
    """Where the score is monotone."""
    low, high = RANGES[score].get(name, (0, 1))
    two = st.sampled_from([0.0, 1.0]) if score.INPUTS[name] == FLAG else st.floats(low, high)
    less, more = sorted((data.draw(two), data.draw(two)))
    better, worse = (less, more) if rises else (more, less)
    patient = data.draw(patients(score))
    assert score.work({**patient, name: better}).value <= score.work({**patient, name: worse}).value


@settings(max_examples=60, deadline=None)
@given(patients(charlson), st.sampled_from(list(charlson.INPUTS)), st.sampled_from([ORIGINAL, UPDATED]))
def test_a_further_disease_never_lowers_the_index(patient: dict[str, float | None], group: str, weights: Any) -> None:
    """Because no milder form weighs more than its severer one."""
    without = charlson.work({**patient, group: 0.0}, weights)
    with_ = charlson.work({**patient, group: 1.0}, weights)
    assert without.value <= with_.value
    assert without.highest <= with_.highest <= (with_.maximum or 0)
