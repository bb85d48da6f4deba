"""Rows for fitting and judging, one for each moment of each case, made by the code that serves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.runtime.features import Vector
from models.training.cases import Case, Moment, Sight
from models.training.fit import Features, Flags, Floats

Names = npt.NDArray[np.str_]


@dataclass(frozen=True, slots=True)
class Rows:
    """Aligned arrays of length n. `features` has shape (n, m); `answered` says whether the model would answer.

    `groups` are by attribute; "" where a case does not say.
    """

    features: Features
    outcome: Flags
    answered: Flags
    weight: Floats
    patient: npt.NDArray[np.int64]
    slice: Names
    period: Names
    groups: Mapping[str, Names]

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.outcome)


@dataclass(frozen=True, slots=True)
class _Row:
    """A row on its way into the arrays. The record is not among it: thousands of them would fill the memory."""

    values: Vector
    answered: bool
    moment: Moment
    patient: int
    period: str
    groups: Mapping[str, str]


def make_rows(cases: Iterable[Case], sight: Sight, progress: Callable[[int], None] = lambda _: None) -> Rows:
    """All rows of the patients in the population. `progress` is told the number of cases done.

    Raises ValueError where there is none.
    """
    found: list[_Row] = []
    for done, case in enumerate(cases, start=1):
        for moment in case.moments:
            seen = sight.see(case.record, moment.as_of)
            if seen is not None:
                found.append(_Row(seen.values, seen.answered, moment, case.patient, case.period, case.groups))
        progress(done)
    if not found:
        raise ValueError("no patient of these files is in the population")
    attributes = dict.fromkeys(name for row in found for name in row.groups)
    return Rows(
        features=np.stack([row.values for row in found]),
        outcome=np.array([row.moment.outcome for row in found], dtype=np.bool_),
        answered=np.array([row.answered for row in found], dtype=np.bool_),
        weight=np.array([row.moment.weight for row in found], dtype=np.float64),
        patient=np.array([row.patient for row in found], dtype=np.int64),
        slice=np.array([row.moment.slice for row in found]),
        period=np.array([row.period for row in found]),
        groups={name: np.array([row.groups.get(name, "") for row in found]) for name in attributes},
    )
