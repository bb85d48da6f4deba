"""Families of rates and intersections of many attributes: what is hidden in one place is given away by no other."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from oversight.proportions import Proportion
from oversight.statistics.equity import Family, Rate, equity, equity_families
from oversight.statistics.equity_groups import Attribute, attribute, cells
from oversight.statistics.equity_pairs import MOST_LINKED, PairCells, pair_cells
from oversight.statistics.refused import Refused

# What a row is: no card, a card, a card that was given again.
KINDS = 3
_NOTHING, _CARD, _AGAIN = range(KINDS)


def _rows(counts: np.ndarray) -> tuple[list[Attribute], np.ndarray]:
    """Rows with these counts, shape (attributes' labels ..., kinds), and the kind of each."""
    codes = np.unravel_index(np.repeat(np.arange(counts.size), counts.ravel()), counts.shape)
    attributes = [
        Attribute(name, tuple(f"{name}{each}" for each in range(size)), code.astype(np.int64))
        for name, size, code in zip("abc", counts.shape[:-1], codes[:-1], strict=False)
    ]
    return attributes, codes[-1]


def _told(attributes: list[Attribute], kind: np.ndarray) -> tuple[PairCells, np.ndarray, np.ndarray]:
    """The table, and what an export hides of assessments and cards, and of cards that are repeats."""
    table = pair_cells(attributes)
    assert isinstance(table, PairCells)
    families = (Family((Rate("cards", kind > _NOTHING),)), Family((Rate("again", kind == _AGAIN, kind > _NOTHING),)))
    core, again = equity_families(table, families, hide_small_cases=True)
    return table, core.hidden, again.hidden


def _members(table: PairCells, attributes: list[Attribute], shape: tuple[int, ...]) -> np.ndarray:
    """Which finest cells each cell of the table is the sum of, shape (cells, finest)."""
    finest = list(product(*(range(size) for size in shape)))
    label = {each.name: each.labels for each in attributes}
    place = {each.name: number for number, each in enumerate(attributes)}
    return np.array(
        [[all(label[name][cell[place[name]]] == said for name, said in group) for cell in finest]
         for group in table.groups], dtype=float,
    )  # fmt: skip


class _Adversary:
    """Knows each count that is shown and that people are whole, in the finest cells that nobody publishes too."""

    def __init__(self, members: np.ndarray, truth: np.ndarray, core: np.ndarray, again: np.ndarray) -> None:
        """`truth`: shape (finest, kinds)."""
        self.cells, self.finest = members.shape
        self.known: list[tuple[np.ndarray, float]] = []
        self.positive: list[np.ndarray] = []
        counts = members @ truth
        for cell in range(self.cells):
            nothing, card, repeated = (self.sums(members, cell, kind) for kind in range(KINDS))
            told = [] if core[cell] else [(nothing, counts[cell, 0]), (card + repeated, counts[cell, 1:].sum())]
            told += [] if again[cell] else [(card, counts[cell, 1]), (repeated, counts[cell, 2])]
            self.known += told
            if core[cell] and counts[cell].sum():
                self.positive.append(nothing + card + repeated)

    def sums(self, members: np.ndarray, cell: int, kind: int) -> np.ndarray:
        """A count as a sum of unknowns."""
        weights = np.zeros((self.finest, KINDS))
        weights[:, kind] = members[cell]
        return weights.ravel()

    def spread(self, aim: np.ndarray) -> float:
        """Between the largest and the smallest value that a count may have."""
        ends = [
            linprog(
                sign * aim,
                A_eq=np.array([row for row, _ in self.known]) if self.known else None,
                b_eq=np.array([value for _, value in self.known]) if self.known else None,
                A_ub=-np.array(self.positive) if self.positive else None,
                b_ub=-np.ones(len(self.positive)) if self.positive else None,
                bounds=(0, 1e5),
            )
            for sign in (1, -1)
        ]
        assert [end.status for end in ends] == [0, 0]
        return float(-ends[1].fun - ends[0].fun)


_COUNTS = st.one_of(st.just(0), st.integers(1, 15), st.integers(11, 300))
# Of three bands of age the first two are one band of a coarser attribute.
_COARSE = np.array([[1, 0], [1, 0], [0, 1]])[:, :, None, None]


def _given_away(counts: np.ndarray, *, protected: bool) -> list[float]:
    """Small counts that the adversary works out; without protection of what is hidden only because it is small."""
    shape, truth = counts.shape[:-1], counts.reshape(-1, KINDS)
    attributes, kind = _rows(counts)
    table, core, again = _told(attributes, kind)
    members = _members(table, attributes, shape)
    assert not np.any(core & ~again)
    if not protected:
        every = np.hstack([members @ truth, (members @ truth)[:, 1:].sum(axis=1, keepdims=True)])
        few = (every > 0) & (every < 11)
        core, again = few[:, [0, 3]].any(axis=1), few.any(axis=1)
    adversary = _Adversary(members, truth, core, again)
    found = []
    for cell in range(len(table.groups)):
        parts = [adversary.sums(members, cell, each) for each in range(KINDS)]
        for aim in (*parts, parts[1] + parts[2], parts[0] + parts[1] + parts[2]):
            if 0 < aim @ truth.ravel() < 11 and adversary.spread(aim) < 0.5:
                found.append(float(aim @ truth.ravel()))
    return found


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.sampled_from([(2, 3), (2, 2, 2), (3, 2, 2)]), st.booleans(), st.data())
def test_no_small_count_can_be_worked_out_over_families_and_intersections(shape, coarse, data):
    """Single attributes, intersections and two families side by side, against all that is shown anywhere."""
    size = int(np.prod(shape)) * KINDS
    counts = np.array(data.draw(st.lists(_COUNTS, min_size=size, max_size=size))).reshape(*shape, KINDS)
    counts = counts * _COARSE if coarse and shape == (3, 2, 2) else counts
    assume(counts.sum() > 0)
    assert _given_away(counts, protected=True) == []


def test_the_adversary_finds_what_only_its_smallness_hides():
    """Three repeats in one group of four: without protection all others and the sum tell them."""
    counts = np.array([[[40, 30, 3], [40, 30, 25]], [[40, 30, 25], [40, 30, 25]]])
    assert 3.0 in _given_away(counts, protected=False)
    assert _given_away(counts, protected=True) == []


def test_a_rate_among_few_hides_nothing_else():
    """Few overrides were quick in a group: its cards are told all the same, and its quick ones are not."""
    group = attribute("unit", ["a"] * 200 + ["b"] * 200 + ["c"] * 200)
    card = np.ones(600, dtype=bool)
    quick = np.concatenate([np.arange(200) < few for few in (3, 60, 80)])
    table = cells([group])
    assert not isinstance(table, Refused)
    core, few = equity_families(
        table, [Family((Rate("cards", card),)), Family((Rate("quick", quick, card),))], hide_small_cases=True
    )
    assert not core.hidden.any()
    assert [isinstance(each.rate, Proportion) for each in few.reports[0].groups] == [False, False, True]
    (one,) = equity([group], [Rate("quick", quick, card)], hide_small_cases=True)
    assert one == few.reports[0]


def test_what_the_core_hides_every_family_hides():
    """Nine cards in a group: what is told of it elsewhere would be a bound of them."""
    group = attribute("unit", ["a"] * 200 + ["b"] * 200 + ["c"] * 200)
    card = np.concatenate([np.arange(200) < few for few in (9, 100, 120)])
    table = cells([group])
    assert not isinstance(table, Refused)
    core, asked = equity_families(table, [Family((Rate("cards", card),)), Family((Rate("asked", ~card),))], 11, True)
    assert core.hidden.sum() == 2
    assert not np.any(core.hidden & ~asked.hidden)


def test_what_is_left_between_two_families_is_protected():
    """Of 200 cards 197 are judged: the three that are not would follow from both."""
    group = attribute("unit", ["a"] * 200 + ["b"] * 200 + ["c"] * 200)
    card = np.ones(600, dtype=bool)
    judged = np.concatenate([np.arange(200) < some for some in (197, 100, 100)])
    event = judged & (np.arange(600) % 2 == 0)
    table = cells([group])
    assert not isinstance(table, Refused)
    model = Rate("events", event, judged)
    for left, shown in (((), 3), ((Rate("", judged, card),), 1)):
        _, found = equity_families(table, [Family((Rate("cards", card),)), Family((model,), left)], 11, True)
        assert sum(isinstance(each.rate, Proportion) for each in found.reports[0].groups) == shown
        assert [each.name for each in found.reports] == ["events"]


def test_intersections_count_what_the_single_tables_count():
    """Every cell of all pairs of three attributes, and a group that stands in two of them is one cell."""
    rng = np.random.default_rng(3)
    attributes = [attribute(name, rng.choice(list("xyz"[:size]), 900).tolist()) for name, size in
                  (("a", 2), ("b", 3), ("c", 3))]  # fmt: skip
    table = pair_cells(attributes)
    assert isinstance(table, PairCells)
    assert table.pairs == ((0, 1), (0, 2), (1, 2))
    assert len(set(table.groups)) == len(table.groups) == 1 + 8 + 6 + 6 + 9
    weights = rng.random(900)
    place = {each.name: each for each in attributes}
    kind = rng.integers(0, 3, 900)
    kinds = table.count_kinds(kind, 3)
    for index, group in enumerate(table.groups):
        here = np.ones(900, dtype=bool)
        for name, label in group:
            here &= place[name].codes == place[name].labels.index(label)
        assert table.count()[index] == here.sum()
        assert table.count(weights)[index] == pytest.approx(weights[here].sum())
        assert kinds[:, index].tolist() == np.bincount(kind[here], minlength=3).tolist()
    for line in table.lines:
        assert table.count()[line.parts].sum() == table.count()[line.total]


def test_an_attribute_that_another_one_tells_is_crossed_with_no_third():
    """Bands of five years within bands of ten: the difference of the two in each sex would be a finer band."""
    rng = np.random.default_rng(4)
    five = rng.integers(0, 4, 600)
    named = {"five": five, "ten": five // 2, "sex": rng.integers(0, 2, 600)}
    table = pair_cells([attribute(name, [str(each) for each in codes]) for name, codes in named.items()])
    assert isinstance(table, PairCells)
    assert table.pairs == ((0, 1), (0, 2))
    assert table.uncrossed == ("ten is crossed with no third attribute: five tells part of it",)


def test_not_more_is_crossed_than_can_be_protected():
    """Many labels: single groups all the same, and it is said."""
    rng = np.random.default_rng(5)
    table = pair_cells([attribute(name, [str(each) for each in rng.integers(0, 20, 5000)]) for name in "abcd"])
    assert isinstance(table, PairCells)
    assert table.pairs == ()
    assert table.uncrossed == (f"not all attributes are crossed: more than {MOST_LINKED} groups",)
    assert len(table.groups) == 81
    assert isinstance(pair_cells([attribute("a", [])]), Refused)
    with pytest.raises(ValueError, match="same rows"):
        pair_cells([])
