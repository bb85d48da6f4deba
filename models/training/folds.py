"""Splits by patient: no patient stands on both sides, and no row of one side stands on the other."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


class LeakingSplit(Exception):
    """A row or a patient stands on both sides of a split."""


def folds_by_patient(patients: npt.NDArray[np.int64], folds: int, seed: int) -> Numbers:
    """A fold for every row, shape (n,); all rows of a patient share one."""
    unique, position = np.unique(patients, return_inverse=True)
    of_patient = np.random.default_rng(seed).permutation(len(unique)) % folds
    numbers: Numbers = of_patient[position].astype(np.int64)
    return numbers


def held_out(fold: Numbers) -> Iterator[Flags]:
    """For each fold in turn, which rows are held out."""
    for number in np.unique(fold):
        yield fold == number


def check_apart(features: npt.NDArray[np.float32], patients: npt.NDArray[np.int64], held: Flags) -> int:
    """Compare both sides by patient and by the hash of each row, shape (n, m).

    Returns how many rows of the held-out side stand, by chance, on the other with another patient: two people of whom
    nothing is known but age and sex may look alike. Raises `LeakingSplit` where a patient stands on both sides.
    """
    if set(patients[held].tolist()) & set(patients[~held].tolist()):
        raise LeakingSplit("A patient stands on both sides of the split.")
    seen = {_digest(row) for row in features[~held]}
    return sum(_digest(row) in seen for row in features[held])


def _digest(row: npt.NDArray[np.float32]) -> bytes:
    """The same 16 bytes for the same row; all NaN are alike."""
    return hashlib.blake2b(np.where(np.isnan(row), np.float32(np.nan), row).tobytes(), digest_size=16).digest()
