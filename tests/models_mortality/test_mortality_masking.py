"""What the members are fitted on: whole rows, and the same with panels left out as a record would lack them."""

from __future__ import annotations

import numpy as np
import pytest

from models.mortality_10y.training.mask import CHEMISTRY, PANELS, PARTS, Features, Masking
from models.training.rows import EVERY_ROW, Rows

PEOPLE = 4000


@pytest.fixture
def masking(names: tuple[str, ...]) -> Masking:
    """For the rows of this model."""
    return Masking(names)


@pytest.fixture
def features(names: tuple[str, ...]) -> Features:
    """Rows in which everything was measured."""
    return np.random.default_rng(5).normal(50, 5, (PEOPLE, len(names))).astype(np.float32)


def rows_of(features: Features) -> Rows:
    """People with these values."""
    number = np.arange(len(features))
    words = np.full(len(features), EVERY_ROW)
    return Rows(
        features=features,
        outcome=number % 7 == 0,
        answered=number >= 0,
        weight=np.ones(len(features)),
        patient=number,
        slice=words,
        hour=np.zeros(len(features)),
        period=words,
        groups={"sex": words},
    )


def test_every_column_is_in_a_panel_or_follows_from_one(names: tuple[str, ...]) -> None:
    """A new signal cannot be forgotten."""
    panelled = {name for _, signals in PANELS.values() for name in signals}
    assert {name.removesuffix(".last") for name in names} == panelled | set(PARTS) | {"age", "sex"}


def test_each_row_stands_three_times_with_a_third_of_the_weight(masking: Masking, features: Features) -> None:
    """First as it is; masked copies hold no value that was not there."""
    made = masking(rows_of(features), np.random.default_rng([1, 0]))
    assert len(made) == 3 * PEOPLE
    assert made.weight.sum() == pytest.approx(PEOPLE)
    np.testing.assert_array_equal(made.features[:PEOPLE], features)
    for copy in (made.features[PEOPLE : 2 * PEOPLE], made.features[2 * PEOPLE :]):
        np.testing.assert_array_equal(np.where(np.isnan(copy), features, copy), features)
    assert made.patient.tolist() == 3 * list(range(PEOPLE))
    assert made.outcome.tolist() == 3 * rows_of(features).outcome.tolist()


def test_panels_go_as_often_as_they_should(masking: Masking, features: Features, names: tuple[str, ...]) -> None:
    """Age and sex stay; waist goes in 62 % of the rows (its share, and single values), albumin with the blood too."""
    gone = np.isnan(masking.masked(features, np.random.default_rng(2))).mean(axis=0)
    share = dict(zip(names, gone, strict=True))
    assert share["age"] == share["sex"] == 0
    assert share["Waist.last"] == pytest.approx(1 - 0.4 * 0.95, abs=0.03)
    assert share["Albumin.last"] == pytest.approx(1 - 0.92 * 0.6 * 0.95, abs=0.03)


def test_nothing_rests_on_what_is_left_out(masking: Masking, features: Features, names: tuple[str, ...]) -> None:
    """As in a record: without creatinine there is no eGFR and no ratio."""
    masked = masking.masked(features, np.random.default_rng(3))
    known = {name.removesuffix(".last"): ~np.isnan(masked[:, i]) for i, name in enumerate(names)}
    for name, parts in PARTS.items():
        assert not (known[name] & ~np.all([known[part] for part in parts], axis=0)).any()


def test_rows_that_teach_a_wrong_meaning_of_missing_are_not_fitted(
    masking: Masking, features: Features, names: tuple[str, ...]
) -> None:
    """No blood, one value of a panel removed; a whole panel that is missing stays. Without body mass index: once."""
    creatinine = names.index("Creatinine.last")
    features[0, 2:] = np.nan
    features[1, creatinine] = np.nan
    features[2, [names.index(f"{name}.last") for name in CHEMISTRY]] = np.nan
    features[3, names.index("BMI.last")] = np.nan
    made = masking(rows_of(features), np.random.default_rng(1))
    assert set(range(5)) - set(made.patient.tolist()) == {0, 1}
    assert [(made.patient == number).sum() for number in (2, 3, 4)] == [3, 1, 3]
    assert set(made.weight.tolist()) == {1 / 3}


def test_the_same_generator_gives_the_same_rows(masking: Masking, features: Features) -> None:
    """Training is reproducible; another seed masks otherwise."""
    one, same, other = (masking(rows_of(features), np.random.default_rng([seed, 0])).features for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other, equal_nan=True)
