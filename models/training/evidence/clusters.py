"""Rows of one patient resemble each other: how many they are worth, and a draw of as many as people."""

from __future__ import annotations

import numpy as np

from models.training.fit import Flags
from models.training.ranked import Numbers

SEED = 20191119


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


def drawn(rows: Flags, patient: Numbers) -> Flags:
    """Of these rows (n,) as many as there are patients, drawn by a fixed seed; all, where each patient has one.

    They are rows and not people: some patients are drawn several times, others never. So a table that is fitted on them
    is about as uncertain as one of so many people, and the draw still looks like the rows. One row of each patient
    would not: who comes often, or stays long, has more rows and another risk.
    """
    places = np.random.default_rng(SEED).permutation(np.flatnonzero(rows))
    chosen = np.zeros(len(rows), dtype=np.bool_)
    chosen[places[: len(np.unique(patient[places]))]] = True
    return chosen
