"""How often the intervals of equity hold the truth: gaps, ratios, observed over expected, areas and medians."""

from __future__ import annotations

import numpy as np
import pytest

from oversight.proportions import proportion
from oversight.statistics import two_proportions
from oversight.statistics.equity_groups import attribute, cells
from oversight.statistics.equity_models import ModelEquity, model_equity, observed_expected
from oversight.statistics.equity_responses import median_equity
from oversight.statistics.estimate import Estimate
from oversight.statistics.refused import Refused


def test_the_interval_of_observed_over_expected_covers_the_truth():
    """In 94 to 96 of 100 samples, where risks are too low; the truth is that of four million."""
    rng = np.random.default_rng(1)

    def drawn(rows: int) -> tuple[np.ndarray, np.ndarray]:
        """Risks, and how likely the event is."""
        risk = rng.beta(2, 6, rows)
        return risk, 1 / (1 + np.exp(-(np.log(risk / (1 - risk)) + 0.4)))

    risk, likely = drawn(4_000_000)
    truth, held = likely.mean() / risk.mean(), 0
    table = cells([attribute("half", ["a", "b"] * 75)])
    assert not isinstance(table, Refused)
    for _ in range(3000):
        risk, likely = drawn(150)
        figure = observed_expected(table, rng.random(150) < likely, risk, np.zeros(3, dtype=bool))[0].figure
        assert isinstance(figure, Estimate)
        held += figure.low <= truth <= figure.high
    assert 0.94 <= held / 3000 <= 0.96


@pytest.mark.parametrize(("few", "many"), [(80, 2000), (150, 600), (60, 90)])
def test_the_intervals_of_a_models_figures_hold_the_truth(few: int, many: int) -> None:
    """O:E and AUROC of a small group, and how both compare with a larger one's: 94 to 96 % of 2000 samples.

    An interval of equal reach held the difference of areas of the first two groups in 92 %.
    """
    rng = np.random.default_rng(4)
    groups = [attribute("group", ["a"] * few + ["b"] * many)]
    (area, ratio), (other_area, other_ratio) = _true_figures(-1.0), _true_figures(-0.5)
    want = [ratio, ratio / other_ratio, area, area - other_area]
    held = np.zeros(4)
    for _ in range(2000):
        log_odds = rng.normal(np.repeat([-1.0, -0.5], [few, many]), 1.2)
        outcome = rng.random(few + many) < 1 / (1 + np.exp(-log_odds - 0.3))
        risk = 1 / (1 + np.exp(-log_odds))
        result = model_equity(groups, outcome, risk >= 0.3, risk, smallest=0)
        assert isinstance(result, ModelEquity)
        for place, figures in ((0, result.observed_expected), (2, result.auroc)):
            (found,) = (each for each in figures if each.group == (("group", "a"),))
            assert isinstance(found.figure, Estimate)
            assert isinstance(found.compared, Estimate)
            held[place] += found.figure.low <= want[place] <= found.figure.high
            held[place + 1] += found.compared.low <= want[place + 1] <= found.compared.high
    assert np.all((held / 2000 >= 0.94) & (held / 2000 <= 0.96)), held / 2000


def _true_figures(centre: float) -> tuple[float, float]:
    """AUROC and O:E of log-odds that are normal (1.2) and too low by .3, by summing over a fine grid."""
    log_odds = np.linspace(centre - 9, centre + 9, 200_001)
    rows = np.exp(-(((log_odds - centre) / 1.2) ** 2) / 2)
    likely = rows / (1 + np.exp(-log_odds - 0.3))
    others = rows - likely
    area = likely @ (np.cumsum(others) - others / 2) / likely.sum() / others.sum()
    return float(area), float(likely.sum() / (rows / (1 + np.exp(-log_odds))).sum())


@pytest.mark.parametrize(
    ("rows", "share", "reference_rows", "reference_share"),
    [(40, 0.3, 200, 0.4), (120, 0.3, 800, 0.4), (25, 0.5, 40, 0.5), (1000, 0.05, 5000, 0.04)],
)
def test_the_intervals_of_a_gap_hold_the_truth(
    rows: int, share: float, reference_rows: int, reference_share: float
) -> None:
    """Difference and ratio of the shares of two groups, small and large, common and rare: 94 to 96 % of 4000."""
    rng = np.random.default_rng(3)
    held = np.zeros(2)
    drawn = zip(rng.binomial(rows, share, 4000), rng.binomial(reference_rows, reference_share, 4000), strict=True)
    for count, other in drawn:
        one, reference = proportion(int(count), rows), proportion(int(other), reference_rows)
        assert one is not None
        assert reference is not None
        gap, times = two_proportions.difference(one, reference), two_proportions.ratio(one, reference)
        assert isinstance(times, Estimate)
        held += [gap.low <= share - reference_share <= gap.high, times.low <= share / reference_share <= times.high]
    assert np.all((held / 4000 >= 0.94) & (held / 4000 <= 0.96)), held / 4000


@pytest.mark.parametrize(("rows", "strata"), [(60, 1), (60, 3), (200, 1), (200, 3)])
def test_the_interval_of_a_median_holds_the_truth(rows: int, strata: int) -> None:
    """Lognormal times of 60 and of 200 answers, with and without strata: 94 to 96 % of 3000."""
    rng = np.random.default_rng(7)
    attributes = [attribute("group", ["a"] * rows)]
    held = 0
    for _ in range(3000):
        level = rng.integers(0, strata, rows)
        _, group = median_equity(attributes, rng.lognormal(2, 1, rows), level, strata)
        assert isinstance(group.median, Estimate)
        held += group.median.low <= np.exp(2) <= group.median.high
    assert 0.94 <= held / 3000 <= 0.96, held / 3000
