"""Any rate by any group of patients and by all intersections of groups, with intervals, small groups hidden."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oversight.proportions import Proportion, proportion
from oversight.statistics import two_proportions
from oversight.statistics.equity_groups import Attribute, Floats, Group, Table, cells
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


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """Rates that hide the same groups. `unprinted` ones hide groups too, and are not told.

    These stand for counts that follow from the rates of this family beside those of another one.
    """

    rates: tuple[Rate, ...]
    unprinted: tuple[Rate, ...] = ()


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
    everybody = Rate("", np.ones(len(table.row_cells), dtype=np.bool_))
    return equity_families(table, [Family(tuple(rates), (everybody,))], smallest, hide_small_cases)[0].reports


@dataclass(frozen=True, slots=True, eq=False)
class FamilyReport:
    """The reports of a family in its order, and which cells of the table it hides, shape (cells,)."""

    reports: tuple[EquityReport, ...]
    hidden: Flags


def equity_families(
    table: Table, families: Sequence[Family], smallest: int = SMALLEST_SHOWN, hide_small_cases: bool = False
) -> tuple[FamilyReport, ...]:
    """Reports of several families of rates over the rows of a table.

    The first family is of what nearly everybody has, as assessments and cards. What it hides, all hide; of the others
    each hides more by itself, so that a rate among few (quick ones among the overrides) hides no group in all rates.

    Why nothing can be worked out by putting families together: a group that the first one hides is hidden in each, so
    that no other tells a bound of its counts. A group that only another family hides has known counts in the first;
    what is not known of it are the counts of that other family, which add up with those of other groups only, and
    these lines are protected there. It must not happen that the counts of two such families add up to one that is
    known: rates with that kinship belong in one family (as the reasons of overrides), or its `unprinted` has what is
    left of the known count.
    """
    found: list[FamilyReport] = []
    for family in families:
        counted = [counts_of(table, rate) for rate in (*family.rates, *family.unprinted)]
        hidden = _protected(table, counted, smallest, hide_small_cases, found[0].hidden if found else None)
        reports = tuple(
            _report(rate.name, table, cases, among, hidden, smallest)
            for rate, (cases, among) in zip(family.rates, counted, strict=False)
        )
        found.append(FamilyReport(reports, hidden))
    return tuple(found)


def counts_of(table: Table, rate: Rate) -> tuple[Floats, Floats]:
    """Cases and denominator of every cell, in one pass for each table that it is made of."""
    among = np.ones(len(rate.cases), dtype=np.bool_) if rate.among is None else rate.among
    _, others, cases = table.count_kinds(among.astype(np.int8) + (among & rate.cases), 3)
    return cases, others + cases


def hidden_groups(
    table: Table, counted: Sequence[tuple[Floats, Floats]], smallest: int, hide_small_cases: bool = False
) -> Flags:
    """Cells to hide in all rates: small in any, or with few rows, and those that would give such a cell away in any."""
    rows = table.count()
    return _protected(table, [(rows, rows), *counted], smallest, hide_small_cases, None)


def _protected(
    table: Table,
    counted: Sequence[tuple[Floats, Floats]],
    smallest: int,
    hide_small_cases: bool,
    already: Flags | None,
) -> Flags:
    """Cells to hide; `already` are those that are hidden whatever is counted."""
    counts = [among for _, among in counted]
    if hide_small_cases:
        counts += [each for cases, among in counted for each in (cases, among - cases)]
    different = list({each.tobytes(): each for each in counts}.values())
    small = np.zeros(len(table.groups), dtype=np.bool_)
    for each in different:
        small |= _small(each, smallest)
    hidden = small if already is None else small | already
    # What protects a cell in one rate's counts may be empty in another's, so they take turns until none adds a cell.
    safe: dict[int, Flags] = {}
    while any(place not in safe or bool(np.any(safe[place] != hidden)) for place in range(len(different))):
        for place, each in enumerate(different):
            if place not in safe or bool(np.any(safe[place] != hidden)):
                hidden = hidden | protect(each.astype(np.int64), small, table.lines, smallest, hidden)
                safe[place] = hidden
    return hidden


def _small(counts: Floats, smallest: int) -> Flags:
    """Someone, but too few."""
    few: Flags = (counts > 0) & (counts < smallest)
    return few


def _report(name: str, table: Table, cases: Floats, among: Floats, hidden: Flags, smallest: int) -> EquityReport:
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


def _references(table: Table, among: Floats, hidden: Flags) -> list[int]:
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


def _spreads(table: Table, shares: Sequence[Proportion | Refused]) -> tuple[Spread, ...]:
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
