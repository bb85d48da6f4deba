"""Override rates of two periods or versions, crude and standardised over unit × risk stratum.

Direct standardisation (Keiding and Clayton 2014, Stat Sci 29:529-558): in each cell (a unit and a risk stratum) the
rates of both arms are weighted by the cell's share of the standard population, which is the pooled one: all answered
cards of both arms in the cells used. A difference then cannot come from cards having moved between units or risks.
Intervals are clustered by clinician (linearised sums per clinician, weights taken as fixed).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oversight.proportions import Proportion, wilson
from oversight.statistics.cards import CardTable, Codes, compact
from oversight.statistics.estimate import Estimate
from oversight.statistics.refused import Refused
from oversight.statistics.sampling_error import clustered_estimate

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

# With a card or two in an arm, a cell's rate is 0 or 1 and looks as if it had no error.
MINIMUM_IN_ARM = 5
MINIMUM_OVERLAP = 0.5
# Fewer clusters give no variance worth the name, whatever the correction.
MINIMUM_CLINICIANS = 10


@dataclass(frozen=True, slots=True)
class Arms:
    """Two rates, their difference (second - first), and how far each clinician's cards pull it.

    `pulls` has a row for each arm and a column for each clinician; each row sums to 0.
    """

    rates: tuple[float, float]
    pulls: Floats

    @property
    def difference(self) -> float:
        """Second minus first."""
        return self.rates[1] - self.rates[0]


@dataclass(frozen=True, slots=True)
class Crude:
    """Rates as they are counted, with Wilson intervals.

    `difference` has the interval that takes every card as independent (Newcombe 1998, Stat Med 17:873-890, method 10),
    `clustered` the one by clinician.
    """

    first: Proportion
    second: Proportion
    difference: Estimate
    clustered: Estimate | Refused


@dataclass(frozen=True, slots=True)
class LeftOutCell:
    """A cell with fewer than `MINIMUM_IN_ARM` cards in an arm: `first` and `second` are its cards in each."""

    unit: int
    stratum: int
    first: int
    second: int


@dataclass(frozen=True, slots=True)
class Standardised:
    """Rates of both arms in the pooled population of `cells` cells, and their difference. All are shares.

    `gap` is crude difference minus standardised difference: what comes from where the cards were shown.
    """

    first: Estimate
    second: Estimate
    difference: Estimate
    gap: Estimate
    cells: int
    cards: int
    clinicians: int
    left_out: tuple[LeftOutCell, ...]

    @property
    def cards_left_out(self) -> int:
        """Cards in the cells that are left out."""
        return sum(cell.first + cell.second for cell in self.left_out)


def crude(table: CardTable) -> Crude | Refused:
    """The crude comparison; refused where an arm has no answered card."""
    answered, overridden = _by_arm(table.later, table.answered), _by_arm(table.later, table.overridden)
    if not all(answered):
        return Refused("One of the two periods has no answered card.")
    first, second = (
        Proportion(count, total, *wilson(count, total)) for count, total in zip(overridden, answered, strict=True)
    )
    arms = _arms(table, np.zeros(table.unit.size, np.int64), np.ones(1))
    return Crude(first, second, _newcombe(first, second), _difference(arms))


def standardised(table: CardTable, minimum_in_arm: int = MINIMUM_IN_ARM) -> Standardised | Refused:
    """The standardised comparison.

    Refused where less than half of the cards of an arm lie in cells that have both arms, or clinicians are too few.
    """
    if not all(_by_arm(table.later, table.answered)):
        return Refused("One of the two periods has no answered card.")
    cell, units, strata = _cells(table)
    totals = np.stack([np.bincount(cell[arm], table.answered[arm], units.size) for arm in _arm_rows(table)])
    kept: Flags = np.all(totals >= max(minimum_in_arm, 1), axis=0)
    overlap = float((totals[:, kept].sum(axis=1) / totals.sum(axis=1)).min())
    if overlap < MINIMUM_OVERLAP:
        return Refused(
            f"Only {overlap:.0%} of the cards of one period were shown in units and risk strata where the other "
            f"period has at least {minimum_in_arm} too, so there is little to compare."
        )
    inside = table.where(kept[cell])
    weights = totals[:, kept].sum(axis=0) / totals[:, kept].sum()
    arms = _arms(inside, compact(cell[kept[cell]])[1], weights)
    left_out = tuple(
        LeftOutCell(int(units[each]), int(strata[each]), int(totals[0, each]), int(totals[1, each]))
        for each in np.flatnonzero(~kept)
    )
    return _standardised(table, inside, arms, left_out, int(kept.sum()))


def _standardised(
    table: CardTable, inside: CardTable, arms: Arms, left_out: tuple[LeftOutCell, ...], cells: int
) -> Standardised | Refused:
    """Intervals around the rates."""
    difference = _difference(arms)
    if isinstance(difference, Refused):
        return difference
    first, second = (
        clustered_estimate(rate, float(np.square(pull).sum()), pull.size)
        for rate, pull in zip(arms.rates, arms.pulls, strict=True)
    )
    return Standardised(
        first=first,
        second=second,
        difference=difference,
        gap=_gap(table, inside, arms),
        cells=cells,
        cards=int(inside.answered.sum()),
        clinicians=arms.pulls.shape[1],
        left_out=left_out,
    )


def _gap(table: CardTable, inside: CardTable, arms: Arms) -> Estimate:
    """Crude minus standardised difference; both come from the same cards, so their pulls are subtracted first."""
    whole = _arms(table, np.zeros(table.unit.size, np.int64), np.ones(1))
    pull = whole.pulls[1] - whole.pulls[0]
    everybody = compact(table.clinician)[0]
    pull[np.searchsorted(everybody, compact(inside.clinician)[0])] -= arms.pulls[1] - arms.pulls[0]
    return clustered_estimate(whole.difference - arms.difference, float(np.square(pull).sum()), pull.size)


def _arms(table: CardTable, cell: Codes, weights: Floats) -> Arms:
    """Weighted rates over the cells. Every cell has cards in both arms."""
    who = compact(table.clinician)[1]
    rates, pulls = [], []
    for rows in _arm_rows(table):
        total = np.bincount(cell[rows], table.answered[rows], weights.size)
        rate = np.bincount(cell[rows], table.overridden[rows], weights.size) / total
        surprise = table.overridden[rows] - table.answered[rows] * rate[cell[rows]]
        rates.append(float(weights @ rate))
        pulls.append(np.bincount(who[rows], (weights / total)[cell[rows]] * surprise, int(who.max()) + 1))
    return Arms((rates[0], rates[1]), np.stack(pulls))


def _difference(arms: Arms) -> Estimate | Refused:
    """The difference with its interval by clinician."""
    pull = arms.pulls[1] - arms.pulls[0]
    if pull.size < MINIMUM_CLINICIANS:
        return Refused(f"Too few clinicians answered; an interval by clinician needs at least {MINIMUM_CLINICIANS}.")
    squares = float(np.square(pull).sum())
    if squares < 1e-24:
        return Refused("No rate varies between clinicians, so there is no interval.")
    return clustered_estimate(arms.difference, squares, pull.size)


def _newcombe(first: Proportion, second: Proportion) -> Estimate:
    """Difference of two independent shares from their Wilson intervals."""
    value = second.value - first.value
    low = value - math.hypot(second.value - second.low, first.high - first.value)
    return Estimate(value, low, value + math.hypot(second.high - second.value, first.value - first.low))


def _cells(table: CardTable) -> tuple[Codes, Codes, Codes]:
    """For each row its cell, and for each cell its unit and stratum."""
    strata, stratum = compact(table.stratum)
    units, unit = compact(table.unit)
    found, cell = compact(unit * strata.size + stratum)
    return cell, units[found // strata.size], strata[found % strata.size]


def _arm_rows(table: CardTable) -> tuple[Flags, Flags]:
    """Which rows belong to the first arm, and which to the second."""
    return table.later == 0, table.later == 1


def _by_arm(later: Codes, counts: Codes) -> tuple[int, int]:
    """Sums of both arms."""
    return int(counts[later == 0].sum()), int(counts[later == 1].sum())
