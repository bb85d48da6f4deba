"""What findings have beside numbers and their reasons: the items of scores, and what is left out where it is as usual.

A score that is the finding, or that stands beside a risk, is written without what its items rest on. Their facts are
columns with those of the attributions, because both rest on the same ones; so are the facts that are no numbers
(`Basis`), each of them once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields, replace
from itertools import islice
from math import isfinite
from operator import attrgetter
from typing import Any

from clinical.assessment import Basis, RiskAssessment, Score
from clinical.record import Observation
from oversight.dataclass_json import from_tree, members, to_tree

# Fields of a risk that are written only where they are not as usual: then an entry is no longer than one of before.
SOMETIMES = ("interval", "coverage", "unusual", "weak", "comparators", "others", "unanswered")

# The facts and the other facts that one attribution or one item rests on.
Behind = tuple[tuple[Observation, ...], tuple[Basis, ...]]

_sometimes: Callable[[RiskAssessment], tuple[Any, ...]] = attrgetter(*SOMETIMES)
_usual = {field.name: field.default for field in fields(RiskAssessment)}
_USUAL = tuple(_usual[name] for name in SOMETIMES)


def unusual_members(finding: RiskAssessment, mark: Callable[[str], str]) -> dict[str, Any]:
    """The trees of those fields of a risk that are not as usual. Raises what `score_members` raises."""
    values = _sometimes(finding)
    if values == _USUAL:
        return {}
    rest: dict[str, Any] = {}
    for name, its, usual in zip(SOMETIMES, values, _USUAL, strict=True):
        if its == usual:
            continue
        if name == "comparators":
            rest[name] = [score_members(score, mark) for score in finding.comparators]
        elif name == "unanswered":
            rest[name] = [_marked(members(one), mark) for one in finding.unanswered]
        else:
            rest[name] = to_tree(its)
    return rest


def score_members(score: Score, mark: Callable[[str], str], *, without: tuple[str, ...] = ()) -> dict[str, Any]:
    """The tree of a score without what its items rest on; `mark` veils references.

    Raises ValueError, TypeError or OverflowError for what is no finite number.
    """
    known = (each for each in (score.maximum, *(item.points for item in score.items)) if each is not None)
    if not all(map(isfinite, (score.value, score.highest, score.tier.at_least, *known))):
        raise ValueError("not a finite number")
    tree = members(score, without=("items", *without))
    tree["items"] = [members(item, without=("facts", "basis")) for item in score.items]
    return _marked(tree, mark)


def _marked(tree: dict[str, Any], mark: Callable[[str], str]) -> dict[str, Any]:
    """The tree of a finding with the references of its unused facts veiled."""
    for fact in tree["unused"]:
        fact["reference"] = mark(fact["reference"])
    return tree


def bases_of(bases: Sequence[tuple[Basis, ...]], mark: Callable[[str], str]) -> dict[str, Any]:
    """The facts that are no numbers, of each thing, as a member of the tree, or nothing where there are none.

    `each` has them, told apart by identity; `of` the place of a thing, and the places of what it rests on.
    """
    of_each = [(place, its) for place, its in enumerate(bases) if its]
    if not of_each:
        return {}
    known = {id(basis): basis for _, its in of_each for basis in its}
    places = {key: place for place, key in enumerate(known)}
    each = [to_tree(basis) | {"reference": mark(basis.reference)} for basis in known.values()]
    of = [(place, [places[id(basis)] for basis in its]) for place, its in of_each]
    return {"basis": {"each": each, "of": of}}


def bases_read(tree: Any, number: int, clear: Callable[[str], str]) -> list[tuple[Basis, ...]]:
    """What each of so many things rests on. Raises ValueError, TypeError or LookupError for another tree."""
    of_each: list[tuple[Basis, ...]] = [()] * number
    if tree is not None:
        each = [from_tree(Basis, one | {"reference": clear(one["reference"])}) for one in tree["each"]]
        for place, its in tree["of"]:
            of_each[place] = tuple(each[one] for one in its)
    return of_each


def with_items(score: Score, behind: Iterator[Behind]) -> Score:
    """The score with what its items rest on, which comes in their order. Raises ValueError where that is too little."""
    rows = zip(score.items, islice(behind, len(score.items)), strict=True)
    items = (replace(item, facts=facts, basis=basis) for item, (facts, basis) in rows)
    return replace(score, items=tuple(items))


def cleared(findings: Iterable[Any], clear: Callable[[str], str]) -> None:
    """Put the ids back into the trees of findings. Raises LookupError or TypeError for another tree."""
    for tree in findings:
        for fact in tree["unused"]:
            fact["reference"] = clear(fact["reference"])
