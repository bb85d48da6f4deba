"""Any rate by any group of patients and by all intersections of groups, with intervals, small groups hidden."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oversight.proportions import Proportion, proportion
from oversight.statistics import two_proportions
from oversight.statistics.equity_groups import Attribute, Cells, Floats, Group, cells
from oversight.statistics.estimate import Estimate
from oversight.statistics.refused import Refused
from oversight.statistics.suppression import HIDDEN, SMALLEST_SHOWN, mark, protect

Flags = npt.NDArray[np.bool_]

NOBODY = Refused("nobody in this group to whom the rate applies")
HIDDEN_GROUP = Refused(HIDDEN)


@dataclass(frozen=True, slots=True, eq=False)
class Rate:
    """Of the rows in `among`, those also in `cases`; both (rows,). None means all rows."""

    name: str
    cases: Flags
    among: Flags | None = None


@dataclass(frozen=True, slots=True)
class GroupRate:
    """A group's rate, and how it compares with the reference group of the same attributes.

    `reference` marks the reference group itself; it has no `difference` and no `ratio`, nor has a hidden group.
    """

    group: Group
    rate: Proportion | Refused
    reference: bool
    difference: Estimate | Refused | None
    ratio: Estimate | Refused | None


@dataclass(frozen=True, slots=True)
class Spread:
    """The largest differences and smallest ratios among the groups of the same attributes that are shown.

    As fairlearn's `MetricFrame`: between the largest and the smallest group rate, and against everybody. A ratio is
    never above 1; it is refused where the larger rate is 0.
    """

    attributes: tuple[str, ...]
    difference: float
    ratio: float | Refused
    difference_to_overall: float
    ratio_to_overall: float | Refused
    groups_hidden: int


@dataclass(frozen=True, slots=True)
class EquityReport:
    """One rate: for everybody, for every group, and how far groups lie apart. Empty groups are left out.

    `hidden_as` is what to print in place of every hidden count ("<11", or "hidden" where larger ones had to go too).
    """

    name: str
    hidden_as: str
    overall: GroupRate
    groups: tuple[GroupRate, ...]
    spreads: tuple[Spread, ...]


def equity(
    attributes: Sequence[Attribute],
    rates: Sequence[Rate],
    smallest: int = SMALLEST_SHOWN,
    hide_small_cases: bool = False,
) -> tuple[EquityReport, ...] | Refused:
    """Reports of several rates over the same rows.

    A group is hidden in all of them if any of its denominators is below `smallest`, because one rate's denominator
    often follows from another's. `hide_small_cases` also hides groups with so few cases, or so few others (for what
    leaves the house). Differences: Newcombe. Ratios: Katz. The reference group is the largest one that is shown.
    """
    table = cells(attributes)
    if isinstance(table, Refused):
        return table
    counted = [counts_of(table, rate) for rate in rates]
    hidden = hidden_groups(table, counted, smallest, hide_small_cases)
    return tuple(
        _report(rate.name, table, cases, among, hidden, smallest)
        for rate, (cases, among) in zip(rates, counted, strict=True)
    )


def counts_of(table: Cells, rate: Rate) -> tuple[Floats, Floats]:
    """Cases and denominator of every cell, in one pass."""
    among = np.ones(len(rate.cases), dtype=np.bool_) if rate.among is None else rate.among
    kind = table.row_cells * 3 + among + (among & rate.cases)
    finest = np.bincount(kind, minlength=3 * table.finest).reshape(table.finest, 3).astype(np.float64)
    return table.folded(finest[:, 2]), table.folded(finest[:, 1] + finest[:, 2])


def hidden_groups(
    table: Cells, counted: Sequence[tuple[Floats, Floats]], smallest: int, hide_small_cases: bool = False
) -> Flags:
    """Cells to hide in all rates: small in any, and those that would give such a cell away in any."""
    rows = table.count()
    small = _small(rows, smallest)
    for cases, among in counted:
        small |= _small(among, smallest)
        if hide_small_cases:
            small |= _small(cases, smallest) | _small(among - cases, smallest)
    protected = [rows, *(among for _, among in counted)]
    if hide_small_cases:
        protected += [each for cases, among in counted for each in (cases, among - cases)]
    hidden, before = small, ~small
    # What protects a cell in one rate's counts may be empty in another's, so they take turns until none adds a cell.
    while not bool(np.all(hidden == before)):
        before = hidden
        for each in protected:
            hidden = hidden | protect(each.astype(np.int64), small, table.lines, smallest, hidden)
    return hidden


def _small(counts: Floats, smallest: int) -> Flags:
    """Someone, but too few."""
    few: Flags = (counts > 0) & (counts < smallest)
    return few


def _report(name: str, table: Cells, cases: Floats, among: Floats, hidden: Flags, smallest: int) -> EquityReport:
    """All groups of one rate."""
    shares = [_share(int(c), int(n), bool(h)) for c, n, h in zip(cases, among, hidden, strict=True)]
    references = _references(table, among, hidden)
    groups = [
        _group_rate(table.groups[index], share, shares[reference], reference == index)
        for index, share in enumerate(shares)
        if (reference := references[index]) is not None
    ]
    occupied = [group for group in groups[1:] if group.rate is not NOBODY]
    printed = mark(among, hidden, smallest)
    return EquityReport(name, printed, groups[0], tuple(occupied), _spreads(table, shares))


def _share(cases: int, among: int, hidden: bool) -> Proportion | Refused:
    """A cell's rate, or why there is none."""
    return HIDDEN_GROUP if hidden else proportion(cases, among) or NOBODY


def _references(table: Cells, among: Floats, hidden: Flags) -> list[int]:
    """For each cell the largest shown cell of the same attributes (of equals the first)."""
    shown = np.where(hidden, -1.0, among)
    largest: dict[tuple[int, ...], int] = {}
    for index, subset in enumerate(table.subsets):
        if subset not in largest or shown[index] > shown[largest[subset]]:
            largest[subset] = index
    return [largest[subset] for subset in table.subsets]


def _group_rate(
    group: Group, share: Proportion | Refused, reference: Proportion | Refused, is_reference: bool
) -> GroupRate:
    """A group beside its reference."""
    if isinstance(share, Refused) or isinstance(reference, Refused) or is_reference:
        return GroupRate(group, share, is_reference and isinstance(share, Proportion), None, None)
    return GroupRate(
        group, share, False, two_proportions.difference(share, reference), two_proportions.ratio(share, reference)
    )


def _spreads(table: Cells, shares: Sequence[Proportion | Refused]) -> tuple[Spread, ...]:
    """One for each set of attributes that has at least one group shown."""
    overall = shares[0]
    members: dict[tuple[int, ...], list[int]] = {}
    for index, subset in enumerate(table.subsets):
        if subset:
            members.setdefault(subset, []).append(index)
    spreads = []
    for places in members.values():
        values = [share.value for place in places if isinstance(share := shares[place], Proportion)]
        if values and isinstance(overall, Proportion):
            names = tuple(name for name, _ in table.groups[places[0]])
            hidden = sum(shares[place] is HIDDEN_GROUP for place in places)
            spreads.append(_spread(names, values, overall.value, hidden))
    return tuple(spreads)


def _spread(names: tuple[str, ...], values: list[float], overall: float, hidden: int) -> Spread:
    """How far these rates lie apart."""
    low, high = min(values), max(values)
    return Spread(
        attributes=names,
        difference=high - low,
        ratio=low / high if high > 0 else Refused("nobody had it"),
        difference_to_overall=max(abs(value - overall) for value in values),
        ratio_to_overall=_to_overall(values, overall),
        groups_hidden=hidden,
    )


def _to_overall(values: list[float], overall: float) -> float | Refused:
    """The smallest of value/overall and overall/value."""
    if overall == 0:
        return Refused("nobody had it")
    return min(min(value, overall) / max(value, overall) for value in values)
