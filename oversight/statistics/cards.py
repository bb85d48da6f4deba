"""Answered cards of two periods or versions, and their counts by unit, risk stratum and clinician.

A million cards are counted once; everything after works on the counts, of which there are some thousands.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class AnsweredCards:
    """Arrays of equal length, one entry for each card that was accepted or overridden.

    `overridden` and `later` are 0 or 1 (`later`: the second period or version); `unit`, `stratum` (of risk) and
    `clinician` are codes from 0 on, whose names the caller keeps. Raises ValueError otherwise.
    """

    overridden: Codes
    later: Codes
    unit: Codes
    stratum: Codes
    clinician: Codes

    def __post_init__(self) -> None:
        """Check lengths and codes."""
        arrays = (self.overridden, self.later, self.unit, self.stratum, self.clinician)
        if len({array.shape for array in arrays}) != 1 or self.overridden.ndim != 1:
            raise ValueError("one entry per card in every array")
        if any(array.dtype.kind not in "iub" or (array.size and int(array.min()) < 0) for array in arrays):
            raise ValueError("codes are whole numbers from 0 on")
        if any(array.size and int(array.max()) > 1 for array in (self.overridden, self.later)):
            raise ValueError("overridden and later are 0 or 1")


@dataclass(frozen=True, slots=True)
class CardTable:
    """Counts of cards, one row for each combination that occurs. Codes are those of the cards."""

    unit: Codes
    stratum: Codes
    clinician: Codes
    later: Codes
    answered: Codes
    overridden: Codes

    def where(self, keep: npt.NDArray[np.bool_]) -> CardTable:
        """The rows that are true in `keep`."""
        columns = (self.unit, self.stratum, self.clinician, self.later, self.answered, self.overridden)
        return CardTable(*(column[keep] for column in columns))


def tabulate(cards: AnsweredCards) -> CardTable:
    """Count the cards."""
    units, unit = compact(cards.unit)
    strata, stratum = compact(cards.stratum)
    clinicians, clinician = compact(cards.clinician)
    key = ((clinician * strata.size + stratum) * units.size + unit) * 2 + cards.later.astype(np.int64)
    found, row = compact(key)
    rest, later = np.divmod(found, 2)
    rest, unit = np.divmod(rest, max(units.size, 1))
    clinician, stratum = np.divmod(rest, max(strata.size, 1))
    return CardTable(
        unit=units[unit],
        stratum=strata[stratum],
        clinician=clinicians[clinician],
        later=later,
        answered=np.bincount(row, minlength=found.size),
        overridden=np.bincount(row[cards.overridden == 1], minlength=found.size),
    )


def compact(codes: Codes) -> tuple[Codes, Codes]:
    """The codes that occur, in order, and for each entry the place of its code among them."""
    codes = codes.astype(np.int64)
    if codes.size and int(codes.max()) < 4 * codes.size:
        # Counting is several times as fast as sorting.
        present = np.bincount(codes) > 0
        return np.flatnonzero(present), (np.cumsum(present) - 1)[codes]
    found, place = np.unique(codes, return_inverse=True)
    return found, place
