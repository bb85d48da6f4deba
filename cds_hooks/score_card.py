"""The card of a published score: how high, which of its items count, one action. A score is no probability."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import tzinfo

from cds_hooks.card_parts import (
    LONG,
    SUMMARY_LIMIT,
    bases,
    consider,
    gaps,
    gfm_table,
    joined,
    measured_at,
    newest,
    not_used,
    signature,
    when,
)
from cds_hooks.words import cut, escape, few
from clinical import wording
from clinical.assessment import Abstention, Score, ScoreItem

MOST_ROWS = 8
MOST_NAMES = 10
MOST_REASONS = 3
# A line break in Markdown, and still two things where the screen shows none.
SEPARATE_LINES = ";  \n"
_NAME, _VALUE, _BAND = 40, 24, 50
_SAID_BY_SIGNATURE = "Supports clinical judgement, does not replace it. "


def summary(found: Score) -> str:
    """What and how high; then what counts most, or what is not known, as far as there is room."""
    name, band = cut(short_name(found), _NAME), cut(found.band, _BAND)
    if found.whole:
        front = f"{name} {_of_maximum(found)}: {band}"
        return cut(f"{front}{_reasons(found, SUMMARY_LIMIT - len(front))}", SUMMARY_LIMIT)
    front, back = f"{name} at least {_value(found)} (up to {wording.number(found.highest)}", f"): {band}"
    return cut(f"{front}{_unknown(found, SUMMARY_LIMIT - len(front) - len(back))}{back}", SUMMARY_LIMIT)


def _reasons(found: Score, room: int) -> str:
    """` (Breathing 3, Pulse 2)`: the items that add most, as many as there is room for, or nothing."""
    texts = [f"{item.label} {wording.number(item.points or 0.0)}" for item in _counting(found)[:MOST_REASONS]]
    told = (f" ({', '.join(texts[:number])})" for number in range(len(texts), 0, -1))
    return next((text for text in told if len(text) <= room), "")


def _unknown(found: Score, room: int) -> str:
    """`: Consciousness not known`, or how many items are not, or nothing."""
    labels = _not_known(found)
    told = (f": {', '.join(labels)} not known", f": {len(labels)} {'item' if len(labels) == 1 else 'items'} not known")
    return next((text for text in told if labels and len(text) <= room), "")


def detail(found: Score, zone: tzinfo) -> str:
    """The items in Markdown, most useful lines first."""
    return joined(
        [
            _headline(found),
            _items(found, zone),
            _without_points(found),
            consider(found),
            when(found, zone),
            gaps(found, () if found.whole else _not_known(found)),
            " ".join(part for part in (signature(found), escape(found.model.validation, LONG)) if part),
            escape(found.model.intended_use.removeprefix(_SAID_BY_SIGNATURE), LONG),
        ]
    )


def beside(scores: Sequence[Score], unanswered: Sequence[Abstention] = ()) -> str:
    """Scores that stand beside a risk, each on a line of its own; then those that could not be worked out, and why."""
    told = [f"{_title(score)} {_height(score)} ({escape(score.band)}){_lacks(score)}" for score in scores]
    told += [f"{_title(one)}: not worked out, because {_because(one)}{_lacks(one)}" for one in unanswered]
    return f"Beside it: {SEPARATE_LINES.join(told)}." if told else ""


def _title(found: Score | Abstention) -> str:
    """The short name, escaped."""
    return escape(short_name(found))


def _because(found: Abstention) -> str:
    """Why there is no answer."""
    return escape(found.text.rstrip("."), LONG)


def _lacks(found: Score | Abstention) -> str:
    """What was read only in part for a score that stands beside a risk, and what it could not use."""
    parts = [gap.partition(":")[0] for gap in found.incomplete]
    texts = [f"read only in part: {', '.join(map(escape, parts))}"] if parts else []
    texts += [f"read but not used: {not_used(found.unused)}"] if found.unused else []
    return "".join(f"; {text}" for text in texts)


def short_name(found: Score | Abstention) -> str:
    """`NEWS2` of "NEWS2 (early warning score)"."""
    return found.model.title.partition(" (")[0] or found.model.title


def _height(found: Score) -> str:
    """`7`, or `at least 5`."""
    return escape(
        wording.scored(found.value, found.unit)
        if found.whole
        else f"at least {wording.scored(found.value, found.unit)}"
    )


def _value(found: Score) -> str:
    """The value with its unit; an overlong unit is cut."""
    return cut(wording.scored(found.value, found.unit), _VALUE)


def _of_maximum(found: Score) -> str:
    """`7 of 20`, where the score has a highest value."""
    return _value(found) if found.maximum is None else f"{_value(found)} of {wording.number(found.maximum)}"


def _not_known(found: Score) -> list[str]:
    """Labels of items for which nothing was found, and what else the score says is missing.

    Not "not recorded": of a diagnosis that cannot be read, that would say that there is none.
    """
    labels = (item.label for item in found.items if not _is_found(item))
    return list(dict.fromkeys((*labels, *found.missing)))


def _is_found(item: ScoreItem) -> bool:
    """Whether there was anything. The items of an equation have no points."""
    return item.points is not None or bool(item.found)


def adds_up(found: Score) -> bool:
    """Whether the value is the sum of the items' points; in an equation they are no points at all."""
    points = [item.points for item in found.items if item.points is not None]
    return bool(points) and math.isclose(math.fsum(points), found.value, abs_tol=1e-6)


def _counting(found: Score) -> list[ScoreItem]:
    """The items that add points, most first."""
    if not adds_up(found):
        return []
    return sorted((item for item in found.items if item.points), key=lambda item: -abs(item.points or 0.0))


def _headline(found: Score) -> str:
    """What and how high, and where the bands are from."""
    source = f" Band as in {escape(found.tier.source)}." if found.tier.source else ""
    title = escape(found.model.title)
    if found.whole:
        return f"**{title} {escape(_of_maximum(found))}: {escape(found.band)}.**{source}"
    labels = ", ".join(map(escape, _not_known(found)))
    between = f"{wording.number(found.value)} and {wording.number(found.highest)}"
    unknown = f" With what is not known ({labels}) it lies between {between}." if labels else ""
    return f"**{title} at least {escape(_value(found))}: {escape(found.band)}.**{unknown}{source}"


def _items(found: Score, zone: tzinfo) -> str:
    """Items with what was found, points and time: of a sum those that add to it, of an equation all."""
    counting = _counting(found)
    shown = counting or ([] if adds_up(found) else list(found.items))
    heads = ("Item", "Found", "Points", "Measured") if counting else ("Item", "Found", "Measured")
    text = gfm_table(heads, [_row(item, found, zone, points=bool(counting)) for item in shown[:MOST_ROWS]])
    more = len(shown) - MOST_ROWS
    return f"{text}\n\n{more} more {'item' if more == 1 else 'items'} on the page." if more > 0 else text


def _row(item: ScoreItem, found: Score, zone: tzinfo, *, points: bool) -> tuple[str, ...]:
    """One item."""
    front = (escape(item.label), _found(item))
    number = (f"{wording.number(item.points or 0.0)}{_rule(item)}",) if points else ()
    return (*front, *number, measured_at(newest(item.facts, item.basis), found.as_of, zone))


def _rule(item: ScoreItem) -> str:
    """` (scale 1: 91 or less)`: the band that gave the points, by which a reader can check them."""
    return f" ({escape(item.rule, 60)})" if item.rule else ""


def _found(item: ScoreItem) -> str:
    """What was found, and the diagnoses or medicines behind it. A plain "yes" says no more than these."""
    if not _is_found(item):
        return "not known"
    behind, said = bases(item.basis), escape(item.found, 80)
    if behind and said in ("", "yes"):
        return behind
    return f"{said} ({behind})" if behind else said or "–"


def _without_points(found: Score) -> str:
    """The items of a sum that were found and add nothing."""
    names = [f"{escape(item.label)}{_table(item)}" for item in _zeros(found.items)] if adds_up(found) else []
    return f"**No points for:** {few(names, MOST_NAMES)}." if names else ""


def _table(item: ScoreItem) -> str:
    """By which of several tables an item has no points, where its rule names one: ` (scale 2: 88 to 92)`."""
    return _rule(item) if ":" in item.rule or ";" in item.rule else ""


def _zeros(items: Iterable[ScoreItem]) -> Iterable[ScoreItem]:
    """Items that were found and have no points."""
    return (item for item in items if item.points == 0)
