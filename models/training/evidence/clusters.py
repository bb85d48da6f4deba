"""Rows of one patient resemble each other: how many they are worth, and a draw of as many as people."""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist

import numpy as np

from models.training.fit import Flags
from models.training.ranked import Numbers

SEED = 20191119
_Z = NormalDist().inv_cdf(0.975)


def effective(outcome: Flags, patient: Numbers) -> float:
    """How many independent rows give a share of the outcome (n,) as exact as these rows of patients (n,) do.

    From the variance between patients (the linearised ratio estimator; Donner & Klar 2000, "design effect"). Never more
    than there are rows; as many as patients where all rows of a patient agree.
    """
    share = outcome.mean()
    people, whose = np.unique(patient, return_inverse=True)
    if len(people) == len(outcome) or not 0 < share < 1:
        return float(len(people))
    totals = np.bincount(whose, weights=outcome - share)
    variance = float(np.square(totals).sum()) / len(outcome) ** 2
    return float(min(share * (1 - share) / variance, len(outcome)))


def wilson_share(share: float, number: float) -> tuple[float, float]:
    """The 95 % score interval of a share of so many independent rows (Brown, Cai & DasGupta 2001, Stat Sci 16:101)."""
    spread = _Z * _Z / number
    centre = share + spread / 2
    half = sqrt(share * (1 - share) * spread + spread * spread / 4)
    return max((centre - half) / (1 + spread), 0.0), min((centre + half) / (1 + spread), 1.0)


def drawn(rows: Flags, patient: Numbers) -> Flags:
    """Of these rows (n,) as many as there are patients, drawn by a fixed seed; all, where each patient has one.

    So an interval counts people, and the draw still looks like the rows. One row of each patient would not: who comes
    often, or stays long, has more rows and another risk.
    """
    places = np.random.default_rng(SEED).permutation(np.flatnonzero(rows))
    chosen = np.zeros(len(rows), dtype=np.bool_)
    chosen[places[: len(np.unique(patient[places]))]] = True
    return chosen
