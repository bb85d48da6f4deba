"""The out-of-fold margins that a training keeps, so that reports can be worked out anew without fitting again."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from models.training.cases import WrongData
from models.training.fit import Floats

MARGINS_FILE = "out_of_fold.f32"


def as_kept(margins: Floats) -> Floats:
    """The margins with the digits that are kept: figures from kept ones must not differ."""
    return margins.astype("<f4").astype(np.float64)


def write_margins(folder: Path, margins: Floats) -> None:
    """Write the margins (n,) in the order of the training rows, as little-endian floats of 4 bytes and nothing else."""
    (folder / MARGINS_FILE).write_bytes(margins.astype("<f4").tobytes())


def read_margins(folder: Path, rows: int) -> Floats:
    """Read them. Raises `WrongData` where they are not there, or are those of other rows."""
    path = folder / MARGINS_FILE
    try:
        content = path.read_bytes()
    except OSError as error:
        raise WrongData(f"{path} cannot be read ({type(error).__name__}); train the model anew") from error
    if len(content) != 4 * rows:
        raise WrongData(f"{path} is not that of these {rows:,} rows; train the model anew")
    return np.frombuffer(content, dtype="<f4").astype(np.float64)
