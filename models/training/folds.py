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


def alike_across(features: npt.NDArray[np.float32], patients: npt.NDArray[np.int64], fold: Numbers) -> int:
    """How many rows (n, m) look, by their hash, like a row of another patient in another fold (n,).

    That happens by chance: two people of whom nothing is known but age and sex are alike. Raises `LeakingSplit` where a
    patient stands in two folds.
    """
    pairs = np.unique(np.column_stack([patients, fold]), axis=0)
    if len(np.unique(pairs[:, 0])) < len(pairs):
        raise LeakingSplit("A patient stands on both sides of the split.")
    folds_of: dict[bytes, set[int]] = {}
    digests = [_digest(row) for row in features]
    for digest, number in zip(digests, fold.tolist(), strict=True):
        folds_of.setdefault(digest, set()).add(number)
    return sum(len(folds_of[digest]) > 1 for digest in digests)


def _digest(row: npt.NDArray[np.float32]) -> bytes:
    """The same 16 bytes for the same row; all NaN are alike."""
    return hashlib.blake2b(np.where(np.isnan(row), np.float32(np.nan), row).tobytes(), digest_size=16).digest()
