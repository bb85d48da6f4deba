"""What a review says: how far reviewers agree, and how many of all cards were answered appropriately.

The estimates stand for all cards of the plan, not for those reviewed: each verdict is weighed by how many cards of its
stratum it stands for (n of N with a verdict that stands). Cards that nobody could judge have a share of their own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oversight.reviews.plan import Kind
from oversight.reviews.population import OTHERS
from oversight.reviews.sheet import REVIEWERS, Item, Sheet
from oversight.statistics.adjudication import State, Verdict, verdict_table
from oversight.statistics.estimate import Estimate
from oversight.statistics.kappa import Agreement, kappa
from oversight.statistics.refused import Refused
from oversight.statistics.review_share import ReviewShare, as_reviewed, review_share
from oversight.statistics.suppression import SMALLEST_SHOWN, Line, mark, protect

Flags = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]

# Strata without any verdict are not spoken for; with more than this of the cards in them there is no estimate.
LEAST_COVERED = 0.9
PICKED = Refused("these cards were picked, not drawn at random; they stand for nothing but themselves")


@dataclass(frozen=True, slots=True)
class Group:
    """The cards with one word of a grouping. `hidden` where there are so few that nothing of it is shown."""

    name: str
    population: int
    drawn: int
    finished: int
    share: ReviewShare | Refused
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Groups:
    """All groups of one grouping, and what stands in the place of hidden ones."""

    grouping: str
    groups: tuple[Group, ...]
    mark: str


@dataclass(frozen=True, slots=True)
class Results:
    """What came of a plan.

    `share` is the weighted share of appropriate answers among cards that could be judged, `unclear` that of cards that
    could not, `bounds` the least and the most that `share` could be had those been judged. `counts` are plain counts
    of verdicts that stand, by verdict. `people` gave verdicts; `pairs` cards have two.
    """

    population: int
    people: int
    pairs: int
    agreement: Agreement | Refused
    counts: dict[Verdict, int]
    share: ReviewShare | Refused
    unclear: Estimate | Refused
    bounds: tuple[float, float] | None
    by: tuple[Groups, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Weighed:
    """The items as arrays: the stratum of each, and its verdict; and how many cards each stratum has."""

    strata: Integers
    labels: tuple[tuple[str, ...], ...]
    sizes: Integers
    appropriate: Flags
    inappropriate: Flags
    finished: Flags


def results(sheet: Sheet) -> Results:
    """Weigh a sheet."""
    pairs = [item for item in sheet.items if len(item.judgements) >= REVIEWERS]
    counts = {verdict: sum(item.verdict is verdict for item in sheet.items) for verdict in Verdict}
    people = len({each.reviewer for item in sheet.items for each in item.judgements})
    agreement = kappa(verdict_table(_verdicts(pairs)))
    if sheet.plan.kind is Kind.PICKED:
        return Results(len(sheet.items), people, len(pairs), agreement, counts, PICKED, PICKED, None, ())
    weighed = _weighed(sheet)
    every = np.ones(len(weighed.sizes), dtype=bool)
    settled = not sheet.count(State.TO_ADJUDICATE)
    share = _share(weighed, every) if settled else _unsettled(sheet)
    unclear = _unclear(weighed) if settled else _unsettled(sheet)
    return Results(
        population=int(weighed.sizes.sum()),
        people=people,
        pairs=len(pairs),
        agreement=agreement,
        counts=counts,
        share=share,
        unclear=unclear.share if isinstance(unclear, ReviewShare) else unclear,
        bounds=_bounds(weighed) if isinstance(unclear, ReviewShare) else None,
        by=tuple(
            _groups(weighed, grouping.value, place, settled) for place, grouping in enumerate(sheet.plan.groupings)
        ),
    )


def _verdicts(pairs: list[Item]) -> list[tuple[Verdict, Verdict]]:
    """Two verdicts of each item; of two people throughout, always in the order of the same two."""
    people = {each.reviewer for item in pairs for each in item.judgements[:REVIEWERS]}
    firsts = [item.judgements[:REVIEWERS] for item in pairs]
    if len(people) == REVIEWERS:
        firsts = [tuple(sorted(two, key=lambda each: each.reviewer)) for two in firsts]
    return [(first.verdict, second.verdict) for first, second in firsts]


def _weighed(sheet: Sheet) -> _Weighed:
    """The arrays. How many cards a stratum has follows from how many were drawn with which probability."""
    labels = tuple(sorted({item.stratum for item in sheet.items}))
    places = {label: place for place, label in enumerate(labels)}
    strata = np.array([places[item.stratum] for item in sheet.items], dtype=np.int64)
    weights = np.array([1 / item.probability for item in sheet.items])
    given = [item.verdict for item in sheet.items]
    return _Weighed(
        strata,
        labels,
        np.rint(np.bincount(strata, weights)).astype(np.int64),
        np.array([each is Verdict.APPROPRIATE for each in given]),
        np.array([each is Verdict.INAPPROPRIATE for each in given]),
        np.array([each is not None for each in given]),
    )


def _share(weighed: _Weighed, chosen: Flags) -> ReviewShare | Refused:
    """The share among cards of the chosen strata that could be judged."""
    judged = weighed.appropriate | weighed.inappropriate
    return _weigh(weighed, chosen, weighed.appropriate, judged)


def _unclear(weighed: _Weighed) -> ReviewShare | Refused:
    """The share of cards that could not be judged."""
    every = np.ones(len(weighed.sizes), dtype=bool)
    unclear = weighed.finished & ~weighed.appropriate & ~weighed.inappropriate
    return _weigh(weighed, every, unclear, weighed.finished)


def _bounds(weighed: _Weighed) -> tuple[float, float] | None:
    """The share if no card that could not be judged was appropriate, and if all were."""
    every = np.ones(len(weighed.sizes), dtype=bool)
    both = [_weigh(weighed, every, flags, weighed.finished) for flags in (weighed.appropriate, weighed.inappropriate)]
    good, bad = both
    if isinstance(good, Refused) or isinstance(bad, Refused):
        return None
    return good.share.value, 1 - bad.share.value


def _weigh(weighed: _Weighed, chosen: Flags, flags: Flags, among: Flags) -> ReviewShare | Refused:
    """A share of `flags` in `among`, of the chosen strata; `among` are part of the finished ones."""
    finished = weighed.finished & chosen[weighed.strata]
    if not finished.any():
        return Refused("no verdict stands yet")
    population = int(weighed.sizes[chosen].sum())
    spoken_for = np.bincount(weighed.strata[finished], minlength=len(weighed.sizes)) > 0
    covered = int(weighed.sizes[chosen & spoken_for].sum()) / population if population else 0.0
    if covered < LEAST_COVERED:
        return Refused(f"only {100 * covered:.0f} % of the cards are in groups of which any has a verdict that stands")
    used = among & finished
    chances = np.zeros(len(weighed.strata))
    chances[finished] = as_reviewed(weighed.strata[finished], weighed.sizes)
    return review_share(flags[used], chances[used], weighed.strata[used], population)


def _unsettled(sheet: Sheet) -> Refused:
    """Why there is no estimate yet."""
    number = sheet.count(State.TO_ADJUDICATE)
    return Refused(
        f"{number} {'card waits' if number == 1 else 'cards wait'} for a third verdict; without the hard ones a share "
        "would be of the easy ones"
    )


def _groups(weighed: _Weighed, grouping: str, place: int, settled: bool) -> Groups:
    """The estimates by one word of the strata; few cards are hidden, and what would give them away."""
    names = sorted({label[place] for label in weighed.labels}, key=_place)
    found = [_group(weighed, name, place, settled) for name in names]
    finished = np.array([each.finished for each in found], dtype=np.int64)
    populations = np.array([each.population for each in found], dtype=np.int64)
    small = (populations < SMALLEST_SHOWN) | ((finished > 0) & (finished < SMALLEST_SHOWN))
    hidden = _hidden(finished, small) | _hidden(populations, small)
    made = tuple(
        Group(each.name, each.population, each.drawn, each.finished, each.share, bool(hide))
        for each, hide in zip(found, hidden, strict=True)
    )
    return Groups(grouping, made, mark(finished.astype(np.float64), hidden) if hidden.any() else "")


def _place(name: str) -> tuple[int, str]:
    """Risks from low to high, words by the alphabet, what was put together last."""
    ends = {"risk below": 0, "risk from": 2}
    return 3 if name == OTHERS else next((place for end, place in ends.items() if name.startswith(end)), 1), name


def _hidden(counts: Integers, small: Flags) -> Flags:
    """Small ones, and others so that the total gives none away."""
    whole = np.append(counts, counts.sum())
    flags: Flags = protect(whole, np.append(small, False), [Line(np.arange(counts.size), counts.size)])[:-1]
    return flags


def _group(weighed: _Weighed, name: str, place: int, settled: bool) -> Group:
    """One group."""
    chosen = np.array([label[place] == name for label in weighed.labels])
    mine = chosen[weighed.strata]
    share = _share(weighed, chosen) if settled else Refused("disagreements wait to be settled")
    return Group(
        name,
        int(weighed.sizes[chosen].sum()),
        int(mine.sum()),
        int((mine & weighed.finished).sum()),
        share,
    )
