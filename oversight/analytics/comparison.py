"""The answered cards of two periods or versions, compared in a way that survives Simpson's paradox."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from oversight.analytics.selection import Selection
from oversight.mart.mart import Questions
from oversight.proportions import Proportion, proportion
from oversight.statistics.cards import AnsweredCards, CardTable
from oversight.statistics.refused import Refused
from oversight.statistics.sampling_error import direction
from oversight.statistics.simpson import Comparison, compare
from oversight.statistics.standardise import Standardised, standardised

# Bands of risk that a reader knows, finer where most patients are. Scores have their tiers.
BANDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
_CASES = " ".join(f"WHEN probability < {end} THEN 'risk {100 * start:g} to {100 * end:g} %'"
                  for start, end in zip((0.0, *BANDS), BANDS, strict=False))  # fmt: skip
_BAND = (
    f"CASE WHEN probability IS NULL THEN 'tier ' || coalesce(CAST(tier AS VARCHAR), 'none') {_CASES} "
    f"ELSE 'risk {100 * BANDS[-1]:g} to 100 %' END"
)
# Names are handed over once each, and counts by number: there may be a hundred thousand of them.
_CELLS = f"""
WITH answered AS (SELECT CAST(unit_name AS VARCHAR) AS unit, service || ', ' || {_BAND} AS stratum, clinician, outcome
  FROM event WHERE card AND outcome IN ('accepted', 'overridden') AND {{where}})
"""  # noqa: S608 (our words)
_COUNTS = f"""{_CELLS}
SELECT hash(unit) AS unit, hash(stratum) AS stratum, hash(clinician) AS clinician, count(*) AS answered,
  count(*) FILTER (outcome = 'overridden') AS overridden FROM answered GROUP BY ALL
"""  # noqa: S608 (our words)
_NAMES = f"{_CELLS} SELECT DISTINCT unit, stratum, hash(unit), hash(stratum) FROM answered"  # noqa: S608 (our words)


@dataclass(frozen=True, slots=True)
class UnitRates:
    """The override rates of one unit in both arms; None where nothing was answered."""

    unit: str
    first: Proportion | None
    second: Proportion | None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A unit and risk stratum with too few cards in one arm, by name."""

    unit: str
    stratum: str
    first: int
    second: int


@dataclass(frozen=True, slots=True)
class TwoArms:
    """The second selection against the first. `units` are by name, with all their answered cards.

    `in_units` is standardised over units alone: what it leaves of the crude difference lies within units.
    """

    comparison: Comparison | Refused
    in_units: Standardised | Refused
    units: tuple[UnitRates, ...]
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, slots=True)
class _Counted:
    """Counts of answered cards by unit, stratum, clinician and arm, as arrays of equal length."""

    unit: npt.NDArray[np.int64]
    stratum: npt.NDArray[np.int64]
    clinician: npt.NDArray[np.int64]
    later: npt.NDArray[np.int64]
    answered: npt.NDArray[np.int64]
    overridden: npt.NDArray[np.int64]
    units: tuple[str, ...]
    strata: tuple[str, ...]


def two_arms(mart: Questions, first: Selection, second: Selection) -> TwoArms:
    """Compare the override rates of two selections."""
    counted = _counted(mart, first, second)
    result = compare(_cards(counted))
    return TwoArms(result, _in_units(counted), _units(counted), _left_out(result, counted))


def meaning(result: Comparison | Refused) -> str:
    """What to make of it, in two sentences."""
    if isinstance(result, Refused):
        return "There is nothing to compare. Choose another period or other versions."
    others = [
        found
        for found in (
            None if isinstance(result.standardised, Refused) else result.standardised.difference,
            None if isinstance(result.adjusted, Refused) else result.adjusted.log_odds,
        )
        if found is not None
    ]
    if not others:
        return (
            "Only the crude rates can be compared, and they mix a change in behaviour with a change in where cards "
            "were shown. Do not judge the second by them."
        )
    return _TWO_SENTENCES[_finding([direction(each) for each in others], result.reversal)]


def _finding(signs: list[int], reversal: bool) -> str:
    """What the figures that compare like with like say together."""
    if reversal:
        return "reversal"
    if {-1, 1} <= set(signs):
        return "disagree"
    return {-1: "fell", 0: "noise", 1: "rose"}[(sum(signs) > 0) - (sum(signs) < 0)]


_TWO_SENTENCES = {
    "reversal": "The crude rates tell the opposite of what happened in comparable units at comparable risk. Judge the "
    "second by the standardised difference, and ask why its cards were shown elsewhere.",
    "disagree": "The two figures that compare like with like point in different directions. Look at the units one by "
    "one before you decide anything.",
    "fell": "In the same units and at the same risk, clinicians overrode less in the second. That is a change in what "
    "was done with the cards, though not yet a reason for it.",
    "rose": "In the same units and at the same risk, clinicians overrode more in the second. That is a change in what "
    "was done with the cards, though not yet a reason for it.",
    "noise": "In the same units and at the same risk, no difference can be told from chance. That does not show that "
    "there is none: see how wide the interval is.",
}


def _counted(mart: Questions, first: Selection, second: Selection) -> _Counted:
    """Two questions for each arm."""
    columns: list[dict[str, npt.NDArray[Any]]] = []
    units: dict[int, str] = {}
    strata: dict[int, str] = {}
    for selection in (first, second):
        where, values = selection.where()
        columns.append(mart.arrays(_COUNTS.format(where=where), values))
        for unit, stratum, unit_code, stratum_code in mart.rows(_NAMES.format(where=where), values):
            units[unit_code], strata[stratum_code] = unit, stratum
    later = np.repeat(np.array([0, 1]), [len(each["answered"]) for each in columns])
    both = {name: np.concatenate([each[name] for each in columns]) for name in columns[0]}
    (unit_codes, unit), (stratum_codes, stratum), (_, clinician) = (
        np.unique(both[name], return_inverse=True) for name in ("unit", "stratum", "clinician")
    )
    return _Counted(
        unit.astype(np.int64),
        stratum.astype(np.int64),
        clinician.astype(np.int64),
        later.astype(np.int64),
        both["answered"].astype(np.int64),
        both["overridden"].astype(np.int64),
        tuple(units[code] for code in unit_codes.tolist()),
        tuple(strata[code] for code in stratum_codes.tolist()),
    )


def _cards(counted: _Counted) -> AnsweredCards:
    """One entry for each card, the overridden ones first within a count."""
    kept = counted.answered - counted.overridden
    numbers = np.concatenate([counted.overridden, kept])
    flags = np.repeat(np.array([1, 0]), [counted.overridden.sum(), kept.sum()])
    columns = (counted.later, counted.unit, counted.stratum, counted.clinician)
    return AnsweredCards(flags, *(np.repeat(np.tile(column, 2), numbers) for column in columns))


def _in_units(counted: _Counted) -> Standardised | Refused:
    """As if every card were of one risk."""
    one = np.zeros_like(counted.unit)
    return standardised(
        CardTable(counted.unit, one, counted.clinician, counted.later, counted.answered, counted.overridden)
    )


def _units(counted: _Counted) -> tuple[UnitRates, ...]:
    """By unit."""
    found = []
    for code, name in enumerate(counted.units):
        rates = []
        for arm in (0, 1):
            inside = (counted.unit == code) & (counted.later == arm)
            rates.append(proportion(int(counted.overridden[inside].sum()), int(counted.answered[inside].sum())))
        found.append(UnitRates(name, *rates))
    return tuple(sorted(found, key=lambda unit: unit.unit))


def _left_out(result: Comparison | Refused, counted: _Counted) -> tuple[LeftOut, ...]:
    """The cells that the standardised difference leaves out, the largest first."""
    if isinstance(result, Refused) or isinstance(result.standardised, Refused):
        return ()
    cells = sorted(result.standardised.left_out, key=lambda cell: -(cell.first + cell.second))
    return tuple(
        LeftOut(counted.units[cell.unit], counted.strata[cell.stratum], cell.first, cell.second) for cell in cells
    )
