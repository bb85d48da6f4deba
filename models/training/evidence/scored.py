"""Predictions with what happened, and the ways in which people will want to look at them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from models.training.fit import Flags, Floats
from models.training.rows import EVERY_ROW, Names, Rows

NOT_SAID = "not recorded"


@dataclass(frozen=True, slots=True)
class Scored:
    """Arrays of length n, one entry per row, all of patients whom the model had not seen.

    `patient` says which rows belong together. `slices` are the subsets that are reported on their own ("hour 24"), the
    first of them the one that thresholds were set for. `groups` are for audit: by attribute ("sex"), by value, who
    belongs. `comparators` hold what other scores gave, NaN where they gave nothing. `periods` follow each other in
    time. `answered` marks the rows that the model would answer; without it, all are. `interval` holds the lower and the
    upper ends of the model's own ranges, worked out without the row.
    """

    outcome: Flags
    probability: Floats
    patient: npt.NDArray[np.int64]
    slices: Mapping[str, Flags]
    groups: Mapping[str, Mapping[str, Flags]] = field(default_factory=dict)
    comparators: Mapping[str, Floats] = field(default_factory=dict)
    periods: Mapping[str, Flags] = field(default_factory=dict)
    answered: Flags | None = None
    interval: tuple[Floats, Floats] | None = None

    def __post_init__(self) -> None:
        """Raise ValueError where lengths differ, a probability is none, or there is no slice."""
        number = len(self.outcome)
        masks = [*self.slices.values(), *self.periods.values(), *(m for g in self.groups.values() for m in g.values())]
        arrays = [self.probability, self.patient, self.judged, *self.comparators.values(), *masks, *self.ends]
        if any(len(array) != number for array in arrays):
            raise ValueError("the arrays differ in length")
        if not ((self.probability >= 0) & (self.probability <= 1)).all():
            raise ValueError("a probability lies outside 0 to 1, or is missing")
        if not self.slices:
            raise ValueError("there is no slice to report on")

    @property
    def ends(self) -> tuple[Floats, ...]:
        """The ends of the ranges, if there are any."""
        return self.interval or ()

    @property
    def judged(self) -> Flags:
        """The rows that the model would answer."""
        return np.ones(len(self.outcome), dtype=np.bool_) if self.answered is None else self.answered

    @property
    def name(self) -> str:
        """The name of the first slice."""
        return next(iter(self.slices))

    @property
    def main(self) -> Flags:
        """The rows of the first slice that the model would answer."""
        rows: Flags = self.slices[self.name] & self.judged
        return rows

    def answered_slices(self) -> Iterator[tuple[str, Flags]]:
        """Each slice with its rows that the model would answer."""
        for name, rows in self.slices.items():
            yield name, rows & self.judged


def scored_of(
    rows: Rows,
    probabilities: Floats,
    main: str,
    comparators: Mapping[str, Floats] | None = None,
    interval: tuple[Floats, Floats] | None = None,
) -> Scored:
    """All rows with their predictions (n,); `main` names the slice to report first.

    Raises ValueError where no row that the model would answer is in that slice.
    """
    found = _members(rows.slice)
    if main == EVERY_ROW:
        found = {main: np.ones(len(rows), dtype=np.bool_)} | found
    if main not in found or not (found[main] & rows.answered).any():
        raise ValueError(f"no row that the model answers is in {main!r}")
    return Scored(
        outcome=rows.outcome.astype(np.bool_),
        probability=probabilities,
        patient=rows.patient,
        slices={main: found.pop(main)} | found,
        groups={name: _members(values) for name, values in rows.groups.items()},
        comparators=comparators or {},
        periods=_members(rows.period) if len(set(rows.period.tolist())) > 1 else {},
        answered=rows.answered,
        interval=interval,
    )


def _members(values: Names) -> dict[str, Flags]:
    """Who has each value, in the order of the alphabet, but "hour 6" before "hour 12"."""
    known = sorted(set(values.tolist()), key=_order)
    return {value or NOT_SAID: np.asarray(values == value) for value in known}


def _order(value: str) -> list[tuple[bool, float, str]]:
    """A key that puts `hour 6` before `hour 12`, and nothing said last."""
    words = value.split() or ["\uffff"]
    return [(not word.isdecimal(), float(word) if word.isdecimal() else 0.0, word) for word in words]
