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

# More clients are not compared.
MOST_CLIENTS = 10
# What no entry was, where the threshold is closed in from one side only.
HIGH, LOW = "high enough", "too low"
_EPOCH = date(1970, 1, 1)

# Which client speaks for a service is asked of the days up to its last entry: who left before does not.
_CLIENTS = f"""
WITH telling AS NOT MATERIALIZED (SELECT client, day FROM event WHERE {TELLS} AND {{where}})
SELECT CAST(client AS VARCHAR), count(*) FROM telling
WHERE day > (SELECT max(day) FROM telling) - {RECENT_DAYS} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {MOST_CLIENTS}
"""  # noqa: S608 (our words)
_ENTRIES = f"""
SELECT day, probability AS risk, coalesce(withheld = 'below-threshold', false) AS low, tier_at_least AS tier
FROM event WHERE {TELLS} AND client = $of AND {{where}} ORDER BY sequence
"""  # noqa: S608 (our words)


@dataclass(frozen=True, slots=True)
class LiveThreshold:
    """`value`: from which risk on; `exact` False where the latest entries do not agree on one, or none was high enough.

    It is that of `client`, which has most of the latest entries, at the end of the period. `since`: the day of the
    first entry at it, where some of the period before have another one; None else. `later`: the day of the first entry
    after those at it; there are fewer than `ENOUGH`, at another one. `few`: there are fewer than `ENOUGH` in all.
    `never`: `HIGH` or `LOW` where no entry was that. `others`: clients with another threshold, and theirs.
    `elsewhere`: what was judged at another threshold, of all clients and days.
    """

    value: float
    exact: bool
    client: str = ""
    since: date | None = None
    later: date | None = None
    few: bool = False
    never: str = ""
    others: tuple[tuple[str, float], ...] = ()
    elsewhere: JudgedElsewhere = NONE_ELSEWHERE

    @property
    def doubts(self) -> str:
        """What a figure at this threshold does not say, as sentences; nothing where all entries of the period agree."""
        if not self.client:
            stands_in = in_words(self.value)
            return f"No entry was high enough for a card, so nothing tells the threshold; {stands_in} stands in for it."
        told = (*self._over_time(), self._open_end(), self._beside(), *self.elsewhere.sentences())
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
        if self.exact:
            return ""
        return "The latest entries do not agree on one; this is the one that most of them agree with."

    def _beside(self) -> str:
        """The other clients."""
        each = ", ".join(f"{name} from {in_words(value)}" for name, value in self.others)
        return each and f"It is that of {self.client}, which has most of the latest entries; others differ: {each}."


# What stands in where no card was given.
WITHOUT_CARDS = LiveThreshold(0.5, False)


def live_threshold(mart: Questions, selection: Selection) -> LiveThreshold | None:
    """Of the client with most of the latest entries; None where no entry of any was high enough for a card.

    A tier is a range of the risk itself, so entries of one tier tell nothing: who asks about one gets a ValueError.
    """
    if selection.tier is not None:
        raise ValueError("a threshold is read from all tiers")
    where, values = selection.where()
    names = [name for name, _ in mart.rows(_CLIENTS.format(where=where), values)]
    entries = {name: _entries(mart, where, values, name) for name in names}
    found = {name: _of_client(each, name) for name, each in entries.items()}
    own = next((name for name in names if not entries[name].low.all()), None)
    if own is None:
        return None
    made, bounds = found[own]
    others = ((name, each.value) for name, (each, stretch) in found.items() if not agree(bounds, stretch))
    return replace(made, others=tuple(others), elsewhere=judged_elsewhere(mart, selection, made.value))


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
        not math.isinf(stretch.upper),
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
