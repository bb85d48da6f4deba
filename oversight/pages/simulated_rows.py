"""Columns and rows of the simulator: what each threshold brings, over all and by unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from oversight.analytics.live_threshold import in_words
from oversight.analytics.past_assessments import Past
from oversight.analytics.side_by_side import Figure, as_estimate
from oversight.analytics.simulated import BothWorths, Cards
from oversight.statistics.estimate import Estimate
from oversight.statistics.hidden_parts import hidden_parts
from oversight.statistics.refused import Refused
from oversight.statistics.suppression import SMALLEST_SHOWN, Integers
from oversight.statistics.thresholds import Worth

_NOT_WEIGHTED = Refused("not weighted")
_NO_OUTCOMES = Refused("no known outcome")
_CARDS_HIDDEN = Refused(f"hidden: fewer than {SMALLEST_SHOWN} cards or withheld ones, or it would give few away")
_HIDDEN = Refused(f"hidden: fewer than {SMALLEST_SHOWN} stays, or it would give few away")


@dataclass(frozen=True, slots=True)
class WorthRow:
    """PPV, number needed, sensitivity, net benefit of one kind."""

    ppv: Figure
    needed: Figure
    sensitivity: Figure
    net_benefit: Figure


@dataclass(frozen=True, slots=True)
class Column:
    """One threshold: `withheld` by repeat, stay and clinician, and the cards left, as texts that hide small counts.

    `hidden`: what stands in the place of the cards, and of all that would tell them; nothing where they are shown.
    """

    name: str
    threshold: float
    cards: Cards
    per_day: Figure
    withheld: tuple[str, str, str, str]
    minutes_per_day: float
    naive: WorthRow
    aware: WorthRow
    worth: BothWorths | None
    hidden: str


@dataclass(frozen=True, slots=True)
class UnitRow:
    """Cards a day in each column, as texts, and what the last threshold is worth there."""

    unit: str
    per_day: tuple[str, ...]
    naive: WorthRow
    aware: WorthRow


def column(name: str, cards: Cards, worth: BothWorths | None, minutes: float, *, plain: bool = False) -> Column:
    """One threshold in words and figures. `plain`: for who may see single clinicians, no count of the whole is hidden.

    With cards a day, and the days, go the cards: where those are hidden, so is what tells them.
    """
    parts = np.array([cards.by_repeat, cards.by_stay, cards.by_clinician, cards.cards], dtype=np.int64)
    flags, word = (np.zeros(parts.size, dtype=bool), "") if plain else hidden_parts(parts, _few(parts))
    texts = [word if flag else f"{count:,}" for count, flag in zip(parts.tolist(), flags, strict=True)]
    return Column(
        name, cards.rules.threshold, cards, _CARDS_HIDDEN if flags[-1] else cards.per_day,
        (texts[0], texts[1], texts[2], texts[3]),
        minutes * cards.cards / cards.days,
        _worth(worth.naive if worth else None, _NO_OUTCOMES),
        _worth(worth.aware if worth else None, _NOT_WEIGHTED if worth else _NO_OUTCOMES), worth,
        texts[3] if flags[-1] else "",
    )  # fmt: skip


def _worth(found: Worth | None, otherwise: Refused) -> WorthRow:
    """The four figures, or why there are none."""
    if found is None:
        return WorthRow(otherwise, otherwise, otherwise, otherwise)
    ppv = as_estimate(found.card_ppv)
    needed: Figure = ppv
    if isinstance(ppv, Estimate):
        none = Refused("no card was followed by the event")
        needed = Estimate(1 / ppv.value, 1 / ppv.high, 1 / ppv.low) if ppv.low > 0 else none
    return WorthRow(ppv, needed, as_estimate(found.sensitivity), found.net_benefit)


def unit_rows(past: Past, columns: Sequence[Column]) -> tuple[UnitRow, ...]:
    """By unit; of few cards or stays only that they are hidden. Units add up to all cards: hidden with them."""
    texts = [
        [each.hidden] * len(past.units) if each.hidden else _per_day(each.cards.by_unit, past.days) for each in columns
    ]
    worth = columns[-1].worth
    stays = np.array(worth.unit_cards if worth else [0] * len(past.units), dtype=np.int64)
    events = np.array(worth.unit_events if worth else [0] * len(past.units), dtype=np.int64)
    hidden, hidden_events = (hidden_parts(counts, _few(counts))[0] for counts in (stays, events))
    rows = []
    for place, unit in enumerate(past.units):
        per_day = tuple(each[place] for each in texts)
        pair = worth.units[place] if worth else None
        kinds = (
            _unit_worth(each, otherwise, few=bool(hidden[place]), few_events=bool(hidden_events[place]))
            for each, otherwise in zip(
                pair or (None, None), (_NO_OUTCOMES, _NOT_WEIGHTED if pair else _NO_OUTCOMES), strict=True
            )
        )
        rows.append(UnitRow(unit or "not told", per_day, *kinds))
    return tuple(rows)


def _unit_worth(found: Worth | None, otherwise: Refused, *, few: bool, few_events: bool) -> WorthRow:
    """The figures of one unit. With PPV, sensitivity and net benefit tell how many had the event: hidden together."""
    if found is None:
        return _worth(None, otherwise)
    if few:
        return _worth(None, _HIDDEN)
    made = _worth(found, otherwise)
    return replace(made, sensitivity=_HIDDEN, net_benefit=_HIDDEN) if few_events else made


def _per_day(counts: Integers, days: int) -> list[str]:
    """Cards a day of each unit."""
    flags, word = hidden_parts(counts, _few(counts))
    return [word if flag else f"{count / days:,.2f}" for count, flag in zip(counts.tolist(), flags, strict=True)]


def _few(counts: Integers) -> np.typing.NDArray[np.bool_]:
    """Which counts are small."""
    return np.asarray((counts > 0) & (counts < SMALLEST_SHOWN), dtype=np.bool_)


def headline(columns: Sequence[Column], days: int) -> str:
    """What the choice would change, in a sentence."""
    live, chosen = columns[0], columns[-1]
    if len(columns) == 1:
        given = "how many cards a day these rules give is hidden: few were given, or withheld by one of them"
        if not live.hidden:
            given = f"these rules give {live.cards.cards / days:.1f} cards a day"
        return (
            f"At the live threshold of {in_words(live.threshold)}, on all of these days, {given}. "
            "Choose another threshold to see what it would change."
        )
    said = _change(live, chosen, days)
    kind, one, other = ("feedback-aware", chosen.aware, live.aware)
    if isinstance(one.ppv, Refused) or isinstance(other.ppv, Refused):
        kind, one, other = ("as outcomes came, which flatters no card that was heeded", chosen.naive, live.naive)
    if isinstance(one.ppv, Refused) or isinstance(other.ppv, Refused):
        return f"{said}. What they would be worth cannot be said."
    cards = "the cards" if live.hidden or chosen.hidden else "them"
    said += f"; {100 * one.ppv.value:.0f} % of {cards} instead of {100 * other.ppv.value:.0f} % followed by the event"
    if isinstance(one.sensitivity, Estimate) and isinstance(other.sensitivity, Estimate):
        said += f", and {100 * one.sensitivity.value:.0f} % instead of {100 * other.sensitivity.value:.0f} % of events"
        said += " with a card at the first assessment"
    return f"{said} ({kind}).{_below_zero(one.net_benefit)}"


def _change(live: Column, chosen: Column, days: int) -> str:
    """Cards a day at the chosen threshold instead of the live one."""
    at = in_words(chosen.threshold)
    if live.hidden or chosen.hidden:
        return f"How many cards a day there would be at {at} is hidden: few were given, or withheld by a rule"
    before, after = live.cards.cards / days, chosen.cards.cards / days
    change = f" ({100 * (after / before - 1):+.0f} %)" if before else ""
    return f"At {at} there would be {after:.1f} cards a day instead of {before:.1f}{change}"


def _below_zero(net_benefit: Figure) -> str:
    """What a net benefit below 0 means, as a sentence; nothing above."""
    if isinstance(net_benefit, Refused) or net_benefit.value >= 0:
        return ""
    return " Its net benefit is below 0: at the exchange rate of this threshold, worse than no card at all."
