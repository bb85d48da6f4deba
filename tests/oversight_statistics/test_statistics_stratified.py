"""Tests within strata and over families, against independent implementations."""

from __future__ import annotations

import numpy as np
import pytest

from oversight.statistics.familywise import holm, simes
from oversight.statistics.stratified_test import by_stratum, ranks_p, stratified_p


def test_the_stratified_test_is_that_of_statsmodels() -> None:
    """To 1e-9, on tables of which some strata are thin."""
    from statsmodels.stats.contingency_tables import StratifiedTable

    rng = np.random.default_rng(3)
    stratum, group = rng.integers(0, 9, 400), rng.integers(0, 3, 400)
    cases = rng.random(400) < 0.2 + 0.05 * stratum + 0.1 * (group == 1)
    counted, rows = by_stratum(cases, group, 3, stratum, 9)
    assert rows.sum() == 400
    tables = np.array([
        [[counted[s, 1], rows[s, 1] - counted[s, 1]], [counted[s, 0], rows[s, 0] - counted[s, 0]]] for s in range(9)
    ])  # fmt: skip
    expected = StratifiedTable(np.moveaxis(tables, 0, -1)).test_null_odds(correction=False).pvalue
    assert stratified_p(counted, rows, 1, 0) == pytest.approx(expected, abs=1e-9)


def test_groups_that_share_no_stratum_cannot_be_told_apart() -> None:
    """P is 1."""
    assert stratified_p(np.array([[3.0, 0.0], [0.0, 2.0]]), np.array([[9.0, 0.0], [0.0, 9.0]]), 0, 1) == 1.0


def test_holm_is_that_of_statsmodels() -> None:
    """Step-down, whatever the order."""
    from statsmodels.stats.multitest import multipletests

    p = np.random.default_rng(1).random(40) ** 3
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1], abs=1e-12)


@pytest.mark.parametrize(("p", "expected"), [([0.04, 0.01, 0.5], 0.03), ([0.2], 0.2), ([], 1.0)])
def test_simes(p, expected) -> None:
    """The smallest of n·p(i)/i."""
    assert simes(p) == pytest.approx(expected)


def test_the_test_of_ranks_is_that_of_scipy_in_one_stratum() -> None:
    """And several strata that say the same are more certain."""
    from scipy.stats import ranksums

    rng = np.random.default_rng(4)
    values, first = rng.normal(size=200), rng.random(200) < 0.3
    order = np.argsort(values)
    expected = ranksums(values[first], values[~first]).pvalue
    assert ranks_p(first[order], np.zeros(200, dtype=np.int64)) == pytest.approx(expected, abs=1e-9)
    assert ranks_p(np.tile([False, True], 50), np.repeat(np.arange(50), 2)) < 1e-9
    assert ranks_p(np.array([], dtype=np.bool_), np.array([], dtype=np.int64)) == 1.0


def test_the_test_of_ranks_holds_its_level_in_thin_strata() -> None:
    """Of 2,000 samples without a difference, 4 to 6 % have a p below 5 %."""
    rng = np.random.default_rng(5)
    stratum = np.sort(rng.integers(0, 60, 200))
    low = [ranks_p(rng.random(200) < 0.2, stratum) < 0.05 for _ in range(2_000)]
    assert 0.04 <= np.mean(low) <= 0.06
