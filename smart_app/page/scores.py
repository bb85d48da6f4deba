"""A published score in words: its number, and its items as a table. A score is no probability."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, tzinfo

from clinical import wording
from clinical.assessment import Abstention, Score, ScoreItem
from smart_app.words import Behind, behind, data_span, moment_of


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a score. `points` is empty where it has none, or where nothing was found."""

    label: str
    found: str
    points: str
    rule: str
    time: str
    age: str
    references: tuple[str, ...]
    behind: tuple[Behind, ...]
    known: bool


@dataclass(frozen=True, slots=True)
class NoScore:
    """A score beside a risk that was not worked out, and why; `lacking` as in `ScoreView`."""

    title: str
    because: str
    lacking: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ScoreView:
    """A score. `number` is its value, `unit` and `of` what stands behind it; `least` is true where it may be more.

    `between` and `unknown` say what it may be and for want of what; `total` is the sum of the points, where the value
    is that sum. `lacking` says, of a score beside a risk, what was read only in part for it and what it could not use.
    """

    name: str
    title: str
    number: str
    unit: str
    of: str
    least: bool
    between: str
    unknown: tuple[str, ...]
    band: str
    source: str
    indicator: str
    situation: str
    data_span: str
    items: tuple[Item, ...]
    with_points: bool
    with_rules: bool
    total: str
    lacking: tuple[str, ...]


def lay_out_score(found: Score, zone: tzinfo) -> ScoreView:
    """Everything that the page shows of a score."""
    adds_up = _adds_up(found)
    number, _, unit = wording.scored(found.value, found.unit).partition(" ")
    return ScoreView(
        name=found.model.title.partition(" (")[0] or found.model.title,
        title=found.model.title,
        number=number,
        unit=unit,
        of="" if found.maximum is None else wording.number(found.maximum),
        least=not found.whole,
        between="" if found.whole else f"between {number} and {wording.number(found.highest)}",
        unknown=() if found.whole else _unknown(found),
        band=found.band,
        source=found.tier.source,
        indicator=found.tier.indicator.value,
        situation=found.situation,
        data_span=data_span(found, zone),
        items=tuple(_item(item, found.as_of, zone) for item in found.items),
        with_points=any(item.points is not None for item in found.items),
        with_rules=any(item.rule for item in found.items),
        total=wording.number(found.value) if adds_up else "",
        lacking=_lacking(found),
    )


def lay_out_none(found: Abstention) -> NoScore:
    """A score beside a risk that was not worked out."""
    return NoScore(found.model.title, found.text.rstrip("."), _lacking(found))


def _lacking(found: Score | Abstention) -> tuple[str, ...]:
    """What was read only in part, and what was read and could not be used."""
    kinds = Counter((not item.decides, item.detail) for item in found.unused)
    first = sorted(kinds.items(), key=lambda kind: (kind[0][0], -kind[1]))
    return (
        *(f"read only in part: {gap}" for gap in found.incomplete),
        *(f"read but not used: {number} × {detail}" for (_, detail), number in first),
    )


def _unknown(found: Score) -> tuple[str, ...]:
    """Labels of items for which nothing was found, and what else the score says is missing."""
    labels = (item.label for item in found.items if not _is_known(item))
    return tuple(dict.fromkeys((*labels, *found.missing)))


def _is_known(item: ScoreItem) -> bool:
    """Whether there was anything. The items of an equation have no points."""
    return item.points is not None or bool(item.found)


def _adds_up(found: Score) -> bool:
    """Whether the value is the sum of the items' points; in an equation they are no points at all."""
    points = [item.points for item in found.items if item.points is not None]
    return bool(points) and math.isclose(math.fsum(points), found.value, abs_tol=1e-6)


def _item(item: ScoreItem, as_of: datetime, zone: tzinfo) -> Item:
    """One line."""
    known = _is_known(item)
    newest = max((fact.time for fact in item.facts), default=None)
    return Item(
        label=item.label,
        found=(item.found or "–") if known else "not known",
        points="" if item.points is None else wording.number(item.points),
        rule=item.rule,
        time=moment_of(newest, zone),
        age="" if newest is None else wording.age(as_of - newest),
        references=tuple(dict.fromkeys(fact.reference for fact in item.facts)),
        behind=behind(item.basis, zone),
        known=known,
    )
