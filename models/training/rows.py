"""Rows for fitting and judging, one for each moment of each case, made by the code that serves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from models.runtime.features import Vector
from models.training.cases import Case, Moment, Sight, WrongData
from models.training.fit import Features, Flags, Floats

Names = npt.NDArray[np.str_]
# The slice of all rows.
EVERY_ROW = "every row"
_BY_NAME = ("groups", "beside")


@dataclass(frozen=True, slots=True)
class Rows:
    """Aligned arrays of length n. `features` has shape (n, m); `answered` says whether the model would answer.

    What a member is fitted on may have outcomes between 0 and 1; what is judged is 0 or 1. `groups` are by
    attribute; "" where a case does not say. `beside` are scores of the data, NaN where there is none.
    """

    features: Features
    outcome: Flags
    answered: Flags
    weight: Floats
    patient: npt.NDArray[np.int64]
    slice: Names
    hour: Floats
    period: Names
    groups: Mapping[str, Names]
    beside: Mapping[str, Floats] = field(default_factory=dict)

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.outcome)

    def take(self, chosen: npt.NDArray[Any]) -> Rows:
        """Some of the rows, by number or by flag."""
        arrays = {one.name: getattr(self, one.name)[chosen] for one in fields(self) if one.name not in _BY_NAME}
        groups = {name: values[chosen] for name, values in self.groups.items()}
        return Rows(**arrays, groups=groups, beside={name: values[chosen] for name, values in self.beside.items()})


@dataclass(frozen=True, slots=True)
class _Row:
    """A row on its way into the arrays. The record is not among it: thousands of them would fill the memory."""

    values: Vector
    answered: bool
    moment: Moment
    patient: int
    period: str
    groups: Mapping[str, str]
    beside: Mapping[str, float]


def make_rows(cases: Iterable[Case], sight: Sight, progress: Callable[[int], None] = lambda _: None) -> Rows:
    """All rows of the patients in the population. `progress` is told the number of cases done.

    Raises `WrongData` where there is none.
    """
    found: list[_Row] = []
    for done, case in enumerate(cases, start=1):
        moments = [moment.as_of for moment in case.moments]
        for moment, seen in zip(case.moments, sight.see(case.record, moments), strict=True):
            if seen is not None:
                found.append(
                    _Row(seen.values, seen.answered, moment, case.patient, case.period, case.groups, case.beside)
                )
        progress(done)
    if not found:
        raise WrongData("no patient of these files is in the population")
    attributes = dict.fromkeys(name for row in found for name in row.groups)
    scores = dict.fromkeys(name for row in found for name in row.beside)
    return Rows(
        features=np.stack([row.values for row in found]),
        outcome=np.array([row.moment.outcome for row in found], dtype=np.bool_),
        answered=np.array([row.answered for row in found], dtype=np.bool_),
        weight=np.array([row.moment.weight for row in found], dtype=np.float64),
        patient=np.array([row.patient for row in found], dtype=np.int64),
        slice=np.array([row.moment.slice for row in found]),
        hour=np.array([row.moment.hour for row in found], dtype=np.float64),
        period=np.array([row.period for row in found]),
        groups={name: np.array([row.groups.get(name, "") for row in found]) for name in attributes},
        beside={name: np.array([row.beside.get(name, np.nan) for row in found]) for name in scores},
    )
