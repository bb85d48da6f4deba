"""From which risk on cards are given, as the latest entries show it: the ledger does not hold the clients' wishes.

An entry that was withheld as too low tells that the threshold lay above its risk; one that became a card, or was high
enough for one and withheld by another rule, that it did not. Read back from the last entry of a client, entries that
agree with one threshold are a stretch, and its risks close that threshold in. Asked of entries that `lay_out` has laid
out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import numpy as np

from oversight.analytics.judged_elsewhere import NONE_ELSEWHERE, TELLS, JudgedElsewhere, judged_elsewhere
from oversight.analytics.selection import Selection
from oversight.analytics.threshold_stretch import (
    ENOUGH,
    RECENT_DAYS,
    Entries,
    Stretch,
    agree,
    latest_long,
    most_agree,
    value_of,
)
from oversight.mart.mart import Questions

# More clients are not compared by name; what they gave below the threshold is counted all the same.
MOST_CLIENTS = 10
# What no entry was, where the threshold is closed in from one side only.
HIGH, LOW = "high enough", "too low"
_EPOCH = date(1970, 1, 1)

# Which client speaks for a service is asked of the days up to its last entry: who left before does so only where nobody
# else ever gave a card.
_CLIENTS = f"""
WITH telling AS NOT MATERIALIZED (SELECT client, day, withheld FROM event WHERE {TELLS} AND {{where}})
SELECT CAST(client AS VARCHAR), count(*) FILTER (day > (SELECT max(day) FROM telling) - {RECENT_DAYS}) AS latest,
  count(*) FILTER (withheld IS DISTINCT FROM 'below-threshold') FROM telling GROUP BY 1 ORDER BY 2 DESC, 1
"""  # noqa: S608 (our words)
_ENTRIES = f"""
SELECT day, probability AS risk, coalesce(withheld = 'below-threshold', false) AS low, tier_at_least AS tier
FROM event WHERE {TELLS} AND client = $of AND {{where}} ORDER BY sequence
"""  # noqa: S608 (our words)


@dataclass(frozen=True, slots=True)
class LiveThreshold:
    """`value`: from which risk on; `agreed` False where the latest entries do not agree on one.

    It is that of `client` at the end of the period: of those with a card the one with most of the latest entries.
    `instead`: the client that has most of them, where it gave no card to read it from.

    `since`: the day of the first entry at it, where some of the period before have another one; None else. `later`: the
    day of the first entry after those at it; there are fewer than `ENOUGH`, at another one. `few`: there are fewer than
    `ENOUGH` in all. `never`: `HIGH` or `LOW` where no entry was that. `others`: clients with another threshold, and
    theirs in words. `elsewhere`: what was judged at another threshold, of all clients and days.
    """

    value: float
    agreed: bool
    client: str = ""
    instead: str = ""
    since: date | None = None
    later: date | None = None
    few: bool = False
    never: str = ""
    others: tuple[tuple[str, str], ...] = ()
    elsewhere: JudgedElsewhere = NONE_ELSEWHERE

    @property
    def doubts(self) -> str:
        """What a figure at this threshold does not say, as sentences; nothing where all entries of the period agree."""
        if not self.client:
            stands_in = in_words(self.value)
            return f"No entry was high enough for a card, so nothing tells the threshold; {stands_in} stands in for it."
        told = (self._whose(), *self._over_time(), self._open_end(), self._beside(), *self.elsewhere.sentences())
        return " ".join(each for each in told if each)

    def _over_time(self) -> Iterator[str]:
        """Where it is not that of all entries of the client."""
        if self.few:
            yield f"It is read from fewer than {ENOUGH} entries, so it may lie some way off."
        if self.since is not None:
            yield f"It holds since about {self.since}; some entries of the period before that had another one."
        if self.later is not None:
            yield f"Some entries since {self.later} had another one again, but fewer than {ENOUGH}: too few to go by."

    def _open_end(self) -> str:
        """Where entries close it in from one side, or not at all."""
        if self.never:
            where = "higher" if self.never == HIGH else "lower"
            return f"No entry at it was {self.never} for a card, so it may be {where}."
        if self.agreed:
            return ""
        return "The latest entries do not agree on one; this is the one that most of them agree with."

    def _whose(self) -> str:
        """Of which client, where that is a question."""
        if self.instead:
            no_card = f"Most of the latest entries are of {self.instead}, which gave no card in these days."
            return f"It is that of {self.client}. {no_card}"
        return f"It is that of {self.client}, which has most of the latest entries." if self.others else ""

    def _beside(self) -> str:
        """The other clients."""
        each = ", ".join(f"{name} {threshold}" for name, threshold in self.others)
        return each and f"Other clients have another one: {each}."


# What stands in where no card was given.
WITHOUT_CARDS = LiveThreshold(0.5, False)


def live_threshold(mart: Questions, selection: Selection) -> LiveThreshold | None:
    """Of the client with most of the latest entries; None where no entry of any was high enough for a card.

    A tier is a range of the risk itself, so entries of one tier tell nothing: who asks about one gets a ValueError.
    """
    if selection.tier is not None:
        raise ValueError("a threshold is read from all tiers")
    where, values = selection.where()
    clients = mart.rows(_CLIENTS.format(where=where), values)
    client = next((name for name, _, high in clients if high), None)
    if client is None:
        return None
    made, bounds = _of_client(_entries(mart, where, values, client), client)
    compared = [name for name, latest, _ in clients[:MOST_CLIENTS] if latest and name != client]
    found = (_of_client(_entries(mart, where, values, name), name) for name in compared)
    return replace(
        made,
        instead=clients[0][0] if clients[0][0] != client else "",
        others=tuple((each.client, _told(each, stretch)) for each, stretch in found if not agree(bounds, stretch)),
        elsewhere=judged_elsewhere(mart, selection, made.value),
    )


def _told(found: LiveThreshold, stretch: Stretch) -> str:
    """That of another client, as far as its entries tell it. Bounds are rounded outwards, so that they stay true."""
    if found.never == HIGH:
        told = f"above {math.floor(stretch.below * 1000) / 10:g} %"
    elif found.never == LOW:
        told = f"at most {math.ceil(stretch.upper * 1000) / 10:g} %"
    else:
        told = in_words(found.value) if found.agreed else f"about {in_words(found.value)}"
    return f"{told} (read from fewer than {ENOUGH} entries)" if found.few else told


def _entries(mart: Questions, where: str, values: dict[str, Any], client: str) -> Entries:
    """Those of a client that tell anything of its threshold."""
    found = mart.arrays(_ENTRIES.format(where=where), values | {"of": client})
    return Entries(
        day=np.asarray(found["day"], dtype=np.int64),
        risk=np.asarray(found["risk"], dtype=np.float64),
        low=np.asarray(found["low"], dtype=np.bool_),
        tier=np.ma.filled(np.ma.asarray(found["tier"], dtype=np.float64), np.nan),
    )


def _of_client(entries: Entries, client: str) -> tuple[LiveThreshold, Stretch]:
    """The threshold at the end, and what closes it in."""
    last = len(entries.risk)
    stretch = latest_long(entries)
    if stretch is None:
        value, stretch = most_agree(entries)
        return LiveThreshold(value, False, client, few=last < ENOUGH), stretch
    made = LiveThreshold(
        value_of(entries, stretch),
        True,
        client,
        since=_day(entries, stretch.begin) if stretch.begin else None,
        later=_day(entries, stretch.end) if stretch.end < last else None,
        few=last < ENOUGH,
        never=HIGH if math.isinf(stretch.upper) else LOW if math.isinf(stretch.below) else "",
    )
    return made, stretch


def _day(entries: Entries, place: int) -> date:
    """The day of an entry."""
    return _EPOCH + timedelta(days=int(entries.day[place]))


def in_words(threshold: float) -> str:
    """A threshold in per cent, as short as it can be told."""
    return f"{100 * threshold:.3f}".rstrip("0").rstrip(".") + " %"
