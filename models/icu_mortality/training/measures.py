"""How good a set of probabilities is, with 95 % intervals."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from models.training.fit import Flags, Floats, fit_platt

BINS = 10
RESAMPLES = 300
SEED = 20120802
_Z = NormalDist().inv_cdf(0.975)


def calibration_slope(died: Flags, p: Floats) -> float:
    """Slope of the outcome's log-odds on the predicted log-odds; 1 is ideal (Cox 1958)."""
    return fit_platt(np.log(p / (1 - p)), died)[0]


def expected_calibration_error(died: Flags, p: Floats) -> float:
    """Mean distance of observed from predicted over ten equally large groups."""
    groups = np.array_split(np.argsort(p, kind="stable"), BINS)
    return float(sum(len(g) * abs(died[g].mean() - p[g].mean()) for g in groups) / len(p))


def observed_per_expected(died: Flags, p: Floats) -> float:
    """Observed deaths over expected deaths; 1 is ideal."""
    return float(died.sum() / p.sum())


def wilson(events: int, patients: int) -> tuple[float, float]:
    """The 95 % score interval of a share (Wilson 1927; formula in Brown, Cai & DasGupta 2001, Stat Sci 16:101)."""
    share, spread = events / patients, _Z * _Z / patients
    centre = share + spread / 2
    half = sqrt(share * (1 - share) * spread + spread * spread / 4)
    return (centre - half) / (1 + spread), (centre + half) / (1 + spread)


MEASURES: dict[str, Callable[[Flags, Floats], float]] = {
    "auroc": roc_auc_score,
    "auprc": average_precision_score,
    "brier": brier_score_loss,
    "slope": calibration_slope,
    "ece": expected_calibration_error,
    "observed_per_expected": observed_per_expected,
}


def measure(died: Flags, p: Floats, names: tuple[str, ...] = tuple(MEASURES)) -> dict[str, object]:
    """Each measure as [value, low, high]: percentile bootstrap over rows, one row per stay."""
    draws = _draws(died)
    result: dict[str, object] = {"stays": len(died), "deaths": int(died.sum())}
    for name in names:
        function = MEASURES[name]
        spread = [function(died[draw], p[draw]) for draw in draws]
        low, high = np.percentile(spread, [2.5, 97.5])
        result[name] = [round(float(x), 4) for x in (function(died, p), low, high)]
    return result


def _draws(died: Flags) -> list[npt.NDArray[np.int64]]:
    """Bootstrap samples of row numbers; a sample without both outcomes has no AUROC and is drawn again."""
    rng = np.random.default_rng(SEED)
    draws: list[npt.NDArray[np.int64]] = []
    while len(draws) < RESAMPLES:
        draw = rng.integers(0, len(died), len(died))
        if 0 < died[draw].sum() < len(draw):
            draws.append(draw)
    return draws
