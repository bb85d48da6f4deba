"""Charlson: which code belongs to which group (Quan 2005), the weights of 1987 and 2011, and LACE's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from models.formulae import charlson, lace
from models.formulae.charlson import ORIGINAL, UPDATED
from models.formulae.charlson_codes import GROUPS, SYSTEMS, Icd, groups, groups_of
from models.formulae.worked import Line, Worked

Find = Callable[[Worked, str], Line]
NONE = dict.fromkeys(GROUPS, 0.0)

# One code of each group and classification, written as hospitals write it.
EXAMPLES = [
    ("myocardial_infarction", "I21.4", "410.71"),
    ("heart_failure", "I50.23", "428.0"),
    ("peripheral_vascular", "I70.213", "440.21"),
    ("cerebrovascular", "I63.9", "434.91"),
    ("dementia", "F03.90", "290.0"),
    ("chronic_pulmonary", "J44.1", "491.21"),
    ("rheumatic", "M05.79", "714.0"),
    ("peptic_ulcer", "K25.4", "531.40"),
    ("mild_liver", "K74.60", "571.5"),
    ("diabetes", "E11.9", "250.00"),
    ("diabetes_complicated", "E11.22", "250.40"),
    ("hemiplegia", "G81.94", "342.90"),
    ("renal", "N18.31", "585.3"),
    ("cancer", "C50.911", "174.9"),
    ("severe_liver", "K76.6", "572.3"),
    ("metastatic_cancer", "C78.7", "197.7"),
    ("aids", "B20", "042"),
]


@pytest.mark.parametrize(("group", "icd10", "icd9"), EXAMPLES)
def test_every_group_in_both_classifications(group: str, icd10: str, icd9: str) -> None:
    """With and without dot, in either case, with blanks around."""
    for code, system in ((icd10, Icd.ICD10), (icd9, Icd.ICD9CM)):
        for written in (code, code.replace(".", ""), code.lower(), f" {code} "):
            assert groups_of(written, system) == {group}, written


def test_the_examples_name_all_seventeen_groups() -> None:
    """None is left out."""
    assert tuple(group for group, _, _ in EXAMPLES) == GROUPS == tuple(charlson.INPUTS)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("E11", set()),  # a category above both kinds of diabetes
        ("E11.6", {"diabetes"}),
        ("E11.65", {"diabetes"}),
        ("E11.5", {"diabetes_complicated"}),
        ("E10.1", {"diabetes"}),  # misprinted "E10l" in public lists
        ("K70", set()),
        ("K70.3", {"mild_liver"}),
        ("K70.4", {"severe_liver"}),
        ("K72.0", set()),
        ("K72.90", {"severe_liver"}),
        ("K76.5", {"severe_liver"}),
        ("K76.4", {"mild_liver"}),
        ("I85.9", {"severe_liver"}),
        ("I25.2", {"myocardial_infarction"}),
        ("I25.10", set()),
        ("I25.5", {"heart_failure"}),
        ("I42.0", {"heart_failure"}),
        ("I42.1", set()),
        ("I13.0", {"heart_failure"}),
        ("I13.1", {"renal"}),
        ("I13.2", {"heart_failure"}),
        ("I27.8", {"chronic_pulmonary"}),
        ("I27.0", set()),
        ("C76.0", {"cancer"}),
        ("C77.0", {"metastatic_cancer"}),
        ("C80.1", {"metastatic_cancer"}),
        ("C81.90", {"cancer"}),
        ("C44.9", set()),  # skin
        ("C4A.9", set()),  # added later, outside the categories of the list
        ("C7A.00", set()),
        ("B23", set()),
        ("B24", {"aids"}),
        ("I98.2*", {"severe_liver"}),
        ("I21.A1", {"myocardial_infarction"}),
    ],
)
def test_icd10_neighbours(code: str, expected: set[str]) -> None:
    """A prefix decides, and the nearest other group starts one digit away."""
    assert groups_of(code, Icd.ICD10) == expected
    assert groups_of(code.replace(".", "").lower(), Icd.ICD10) == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("250", set()),
        ("250.3", {"diabetes"}),
        ("250.43", {"diabetes_complicated"}),
        ("250.70", {"diabetes_complicated"}),
        ("250.80", {"diabetes"}),
        ("404.03", {"heart_failure", "renal"}),
        ("404.02", {"renal"}),
        ("404.01", {"heart_failure"}),
        ("404.00", set()),
        ("425.3", set()),
        ("425.4", {"heart_failure"}),
        ("173.9", set()),
        ("172.9", {"cancer"}),
        ("185", {"cancer"}),
        ("179", {"cancer"}),
        ("195.8", {"cancer"}),
        ("196.9", {"metastatic_cancer"}),
        ("199.1", {"metastatic_cancer"}),
        ("200.00", {"cancer"}),
        ("238.6", {"cancer"}),
        ("238.7", set()),
        ("070.22", {"mild_liver"}),
        ("070.20", set()),
        ("456.1", {"severe_liver"}),
        ("456.3", set()),
        ("V42.0", {"renal"}),
        ("V42.7", {"mild_liver"}),
        ("V43.4", {"peripheral_vascular"}),
        ("506.4", {"chronic_pulmonary"}),
        ("506.3", set()),
        ("583.7", {"renal"}),
        ("583.8", set()),
        ("714.8", {"rheumatic"}),
        ("714.3", set()),
    ],
)
def test_icd9_neighbours(code: str, expected: set[str]) -> None:
    """404.03 is the one that stands in two lists."""
    assert groups_of(code, Icd.ICD9CM) == expected
    assert groups_of(code.replace(".", "").lower(), Icd.ICD9CM) == expected


@pytest.mark.parametrize("code", ["", ".", "41.0", "4100000", "42", "E", "XYZ", "410.717", "Diabetes", "4 10"])
def test_what_is_no_icd9_code_belongs_to_no_group(code: str) -> None:
    """41.0 with a lost dot would be a heart attack."""
    assert groups_of(code, Icd.ICD9CM) == frozenset()


@pytest.mark.parametrize("code", ["", "I2", "I214.0", "21.4", "I21..4", "I21.4.1", "ÄB1", "I21.40000"])
def test_what_is_no_icd10_code_belongs_to_no_group(code: str) -> None:
    """Malformed codes are not guessed."""
    assert groups_of(code, Icd.ICD10) == frozenset()


def test_a_code_is_read_in_its_own_classification() -> None:
    """V42.0: a kidney transplant, or a car occupant injured in a collision."""
    assert groups_of("V42.0", Icd.ICD9CM) == {"renal"}
    assert groups_of("V42.0", Icd.ICD10) == frozenset()
    assert set(SYSTEMS.values()) == set(Icd)


def test_codes_together() -> None:
    """Both classifications may stand in one record."""
    assert groups([("I50.9", Icd.ICD10), ("585.6", Icd.ICD9CM), ("Z00.0", Icd.ICD10)]) == {"heart_failure", "renal"}
    assert groups([]) == frozenset()


@pytest.mark.parametrize("group", GROUPS)
def test_each_group_alone_gives_its_weight(group: str) -> None:
    """1987 and 2011."""
    assert charlson.work({**NONE, group: 1.0}).value == ORIGINAL[group]
    assert charlson.work({**NONE, group: 1.0}, UPDATED).value == UPDATED[group]


def test_the_published_maxima() -> None:
    """29 with 17 groups and their hierarchy; 24 as in Quan 2011."""
    everything = dict.fromkeys(GROUPS, 1.0)
    assert charlson.work(everything).value == charlson.work(everything).maximum == 29
    assert charlson.work(everything, UPDATED).value == charlson.work(everything, UPDATED).maximum == 24


@pytest.mark.parametrize(
    ("mild", "severe"),
    [("mild_liver", "severe_liver"), ("diabetes", "diabetes_complicated"), ("cancer", "metastatic_cancer")],
)
def test_the_severer_form_counts_alone(mild: str, severe: str, line: Find) -> None:
    """And the line of the milder says so; unknown, the severer form can still add the difference."""
    for weights in (ORIGINAL, UPDATED):
        both = charlson.work({**NONE, mild: 1.0, severe: 1.0}, weights)
        assert both.value == both.highest == weights[severe]
        assert line(both, mild).points == 0
        open_ = charlson.work({**NONE, mild: 1.0, severe: None}, weights)
        assert (open_.value, open_.highest) == (weights[mild], weights[severe])
        settled = charlson.work({**NONE, mild: None, severe: 1.0}, weights)
        assert settled.value == settled.highest == weights[severe]


@pytest.mark.parametrize(
    ("flags", "value", "band"),
    [
        ((), 0, "0"),
        (("renal",), 2, "1 to 2"),
        (("renal", "dementia"), 3, "3 to 4"),
        (("renal", "dementia", "diabetes"), 4, "3 to 4"),
        (("renal", "dementia", "diabetes", "peptic_ulcer"), 5, "5 or more"),
    ],
)
def test_the_groups_of_1987(flags: tuple[str, ...], value: float, band: str) -> None:
    """The updated weights have none."""
    given = {**NONE, **dict.fromkeys(flags, 1.0)}
    assert (charlson.work(given).value, charlson.work(given).band) == (value, band)
    assert charlson.work(given, UPDATED).band == ""


@pytest.mark.parametrize(
    ("found", "points"),
    [
        (set(), 0),
        ({"myocardial_infarction", "diabetes"}, 2),
        ({"heart_failure", "dementia"}, 5),
        ({"diabetes", "diabetes_complicated"}, 2),
        ({"mild_liver", "severe_liver"}, 4),
        ({"cancer", "metastatic_cancer"}, 6),
        ({"peptic_ulcer", "hemiplegia"}, 0),
        ({"renal"}, 2),
    ],
)
def test_lace_adds_comorbidities_with_the_severer_form_alone(found: set[str], points: float) -> None:
    """Heart failure 2, dementia 3: not the weights of 1987."""
    assert lace.comorbidity_points(found) == points


@pytest.mark.parametrize(
    ("weight", "names"),
    [
        (1, ("myocardial_infarction", "peripheral_vascular", "cerebrovascular", "diabetes")),
        (2, ("heart_failure", "chronic_pulmonary", "mild_liver", "diabetes_complicated", "renal", "cancer")),
        (3, ("dementia", "rheumatic")),
        (4, ("severe_liver", "aids")),
        (6, ("metastatic_cancer",)),
        (0, ("peptic_ulcer", "hemiplegia")),
    ],
)
def test_lace_has_comorbidity_weights_of_its_own(weight: float, names: tuple[str, ...]) -> None:
    """Each group alone (Wang 2014, table 1)."""
    assert [lace.comorbidity_points({name}) for name in names] == [weight] * len(names)
    assert set(lace.COMORBIDITY_WEIGHTS) | {"peptic_ulcer", "hemiplegia"} == set(GROUPS)


def test_the_weights_as_published() -> None:
    """By weight, as the tables of 1987 and 2011 list them."""
    lost = {"myocardial_infarction", "peripheral_vascular", "cerebrovascular", "peptic_ulcer", "diabetes"}
    kept = {"heart_failure", "dementia", "chronic_pulmonary", "rheumatic", "mild_liver"}
    assert by_weight(ORIGINAL) == {
        1: lost | kept,
        2: {"diabetes_complicated", "hemiplegia", "renal", "cancer"},
        3: {"severe_liver"},
        6: {"metastatic_cancer", "aids"},
    }
    assert by_weight(UPDATED) == {
        0: lost,
        1: {"chronic_pulmonary", "rheumatic", "diabetes_complicated", "renal"},
        2: {"heart_failure", "dementia", "mild_liver", "hemiplegia", "cancer"},
        4: {"severe_liver", "aids"},
        6: {"metastatic_cancer"},
    }


def by_weight(weights: Mapping[str, int]) -> dict[int, set[str]]:
    """The groups of each weight."""
    return {weight: {group for group in GROUPS if weights[group] == weight} for weight in set(weights.values())}
