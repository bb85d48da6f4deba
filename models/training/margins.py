"""The out-of-fold margins that a training keeps, so that reports can be worked out anew without fitting again.

Before them stand two numbers for each column, which say what the features were: how many values were known, and a sum
of them with weights that differ from row to row. Margins of other features would make a report about a model that there
is not. A hash would do, if all processors gave the same last digit.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from models.training.cases import WrongData
from models.training.fit import Features, Floats

MARGINS_FILE = "out_of_fold.f32"
# How far sums may lie apart, as a share of the sum of the sizes: last digits of single values stay far below.
_TOLERANCE = 1e-7
_SEED = 20261122


def as_kept(margins: Floats) -> Floats:
    """The margins with the digits that are kept: figures from kept ones must not differ."""
    return margins.astype("<f4").astype(np.float64)


def write_margins(folder: Path, margins: Floats, features: Features) -> None:
    """Write the sums of the features (n, m), little-endian floats of 8 bytes, and then the margins (n,), of 4.

    Both are in the order of the training rows.
    """
    content = _sums(features)[0].astype("<f8").tobytes() + margins.astype("<f4").tobytes()
    (folder / MARGINS_FILE).write_bytes(content)


def read_margins(folder: Path, features: Features) -> Floats:
    """The margins (n,) of these rows (n, m).

    Raises `WrongData` where they are not there, or are those of other rows or of other features.
    """
    path = folder / MARGINS_FILE
    try:
        content = path.read_bytes()
    except OSError as error:
        raise WrongData(f"{path} cannot be read ({type(error).__name__}); train the model anew") from error
    rows, columns = features.shape
    end = 2 * 8 * columns
    if len(content) != end + 4 * rows:
        raise WrongData(f"{path} is not that of these {rows:,} rows of {columns} columns; train the model anew")
    found, sizes = _sums(features)
    if not (np.abs(np.frombuffer(content[:end], dtype="<f8") - found) <= _TOLERANCE * sizes).all():
        raise WrongData(f"{path} is that of other features than those that are worked out now; train the model anew")
    return np.frombuffer(content[end:], dtype="<f4").astype(np.float64)


def _sums(features: Features) -> tuple[Floats, Floats]:
    """What tells features (n, m) from others, shape (2 m,), and the size of what was added up for it.

    A count of known values has size 0: it is the same, or it is not.
    """
    weights = np.random.default_rng(_SEED).uniform(0.5, 1.5, len(features))
    counts, sums, sizes = [], [], []
    for column in features.T:
        known = ~np.isnan(column)
        values = column[known].astype(np.float64)
        counts.append(float(known.sum()))
        sums.append(float(weights[known] @ values))
        sizes.append(float(weights[known] @ np.abs(values)))
    return np.array([*counts, *sums]), np.array([*np.zeros(len(counts)), *sizes])
