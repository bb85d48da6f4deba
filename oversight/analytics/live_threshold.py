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
import numpy.typing as npt

from oversight.analytics.selection import Selection
from oversight.mart.mart import Questions

# Of n entries at one threshold, about 2 in n + 1 have a risk between the highest that was too low and the lowest that
# was not: with a hundred, thresholds that cannot be told apart differ by about 2 % of entries. Fewer are no threshold
# of their own while there is a longer stretch before them: a trial, or an hour with a wrong setting, is that short.
ENOUGH = 100
# Which client speaks for a service is asked of the days up to its last entry: who left before does not.
RECENT_DAYS = 28
# More clients are not compared.
MOST_CLIENTS = 10
# What no entry was, where the threshold is closed in from one side only.
HIGH, LOW = "high enough", "too low"
_EPOCH = date(1970, 1, 1)
_FIRST_LOOK = 256

# What has a risk and was not asked about it (switched off, not for this role) tells nothing.
_TELLS = """probability IS NOT NULL AND (withheld IS NULL OR withheld IN
  ('below-threshold', 'repeat', 'snoozed', 'encounter-budget', 'clinician-budget', 'shadow'))"""
_CLIENTS = f"""
WITH telling AS NOT MATERIALIZED (SELECT client, day FROM event WHERE {_TELLS} AND {{where}})
SELECT CAST(client AS VARCHAR), count(*) FROM telling
WHERE day > (SELECT max(day) FROM telling) - {RECENT_DAYS} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {MOST_CLIENTS}
"""  # noqa: S608 (our words)
_ENTRIES = f"""
SELECT day, probability AS risk, coalesce(withheld = 'below-threshold', false) AS low, tier_at_least AS tier
FROM event WHERE {_TELLS} AND client = $of AND {{where}} ORDER BY sequence
"""  # noqa: S608 (our words)


@dataclass(frozen=True, slots=True)
class LiveThreshold:
    """`value`: from which risk on; `exact` False where the latest entries do not agree on one, or none was high enough.

    It is that of `client`, which has most of the latest entries, at the end of the period. `since`: the day of the
    first entry at it, where some of the period before have another one; None else. `later`: the day of the first entry
    after those at it; there are fewer than `ENOUGH`, at another one. `few`: there are fewer than `ENOUGH` in all.
    `never`: `HIGH` or `LOW` where no entry was that. `others`: clients with another threshold, and theirs.
    """

    value: float
    exact: bool
    client: str = ""
    since: date | None = None
    later: date | None = None
    few: bool = False
    never: str = ""
    others: tuple[tuple[str, float], ...] = ()

    @property
    def doubts(self) -> str:
        """What a figure at this threshold does not say, as sentences; nothing where all entries of the period agree."""
        if not self.client:
            stands_in = in_words(self.value)
            return f"No entry was high enough for a card, so nothing tells the threshold; {stands_in} stands in for it."
        return " ".join(each for each in (*self._over_time(), self._open_end(), self._beside()) if each)

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


@dataclass(frozen=True, slots=True, eq=False)
class _Entries:
    """Of one client, in the order of the ledger. `low`: too low for a card; `tier`: where the tier begins, or NaN."""

    day: npt.NDArray[np.int64]
    risk: npt.NDArray[np.float64]
    low: npt.NDArray[np.bool_]
    tier: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Entries from `begin` up to, not including, `end`: the threshold is above `below` and at most `upper`."""

    begin: int
    end: int
    below: float
    upper: float


def live_threshold(mart: Questions, selection: Selection) -> LiveThreshold | None:
    """Of the client with most of the latest entries; None where no entry of any was high enough for a card."""
    where, values = selection.where()
    names = [name for name, _ in mart.rows(_CLIENTS.format(where=where), values)]
    entries = {name: _entries(mart, where, values, name) for name in names}
    found = {name: _of_client(each, name) for name, each in entries.items()}
    own = next((name for name in names if not entries[name].low.all()), None)
    if own is None:
        return None
    made, bounds = found[own]
    others = ((name, each.value) for name, (each, stretch) in found.items() if not _agree(bounds, stretch))
    return replace(made, others=tuple(others))


def _entries(mart: Questions, where: str, values: dict[str, Any], client: str) -> _Entries:
    """Those of a client that tell anything of its threshold."""
    found = mart.arrays(_ENTRIES.format(where=where), values | {"of": client})
    return _Entries(
        day=np.asarray(found["day"], dtype=np.int64),
        risk=np.asarray(found["risk"], dtype=np.float64),
        low=np.asarray(found["low"], dtype=np.bool_),
        tier=np.ma.filled(np.ma.asarray(found["tier"], dtype=np.float64), np.nan),
    )


def _of_client(entries: _Entries, client: str) -> tuple[LiveThreshold, _Stretch]:
    """The threshold at the end, and what closes it in."""
    last = len(entries.risk)
    stretch = _latest_long(entries)
    if stretch is None:
        value, stretch = _most_agree(entries)
        return LiveThreshold(value, False, client, few=last < ENOUGH), stretch
    made = LiveThreshold(
        _value(entries, stretch),
        not math.isinf(stretch.upper),
        client,
        since=_day(entries, stretch.begin) if stretch.begin else None,
        later=_day(entries, stretch.end) if stretch.end < last else None,
        few=last < ENOUGH,
        never=HIGH if math.isinf(stretch.upper) else LOW if math.isinf(stretch.below) else "",
    )
    return made, stretch


def _latest_long(entries: _Entries) -> _Stretch | None:
    """The latest stretch that is long enough, or that is all there is.

    None where the last `ENOUGH` entries are not past the short ones: then no single threshold has held.
    """
    last = end = len(entries.risk)
    while last - end < ENOUGH and end:
        stretch = _back_from(entries, end)
        if end - stretch.begin >= min(ENOUGH, last):
            return stretch
        end = stretch.begin
    return None


def _back_from(entries: _Entries, end: int) -> _Stretch:
    """The longest stretch before `end`. Looks twice as far each time, so that a short one is found quickly."""
    size = _FIRST_LOOK
    while True:
        begin = max(0, end - size)
        risk, low = entries.risk[begin:end][::-1], entries.low[begin:end][::-1]
        below = np.maximum.accumulate(np.where(low, risk, -math.inf))
        upper = np.minimum.accumulate(np.where(low, math.inf, risk))
        agree = len(risk) if below[-1] < upper[-1] else int(np.argmax(below >= upper))
        if agree < len(risk) or not begin:
            return _Stretch(end - agree, end, float(below[agree - 1]), float(upper[agree - 1]))
        size *= 2


def _value(entries: _Entries, stretch: _Stretch) -> float:
    """Where a tier begins within the bounds, else the shortest number there, or the next per cent above them."""
    if math.isinf(stretch.upper):
        return min((math.floor(stretch.below * 100) + 1) / 100, 0.999)
    below = max(stretch.below, 0.0)
    tiers = entries.tier[stretch.begin : stretch.end][~entries.low[stretch.begin : stretch.end]]
    inside = tiers[(tiers > below) & (tiers <= stretch.upper)]
    return float(inside.min()) if len(inside) else _shortest(below, stretch.upper)


def _most_agree(entries: _Entries) -> tuple[float, _Stretch]:
    """Of the latest days (and at least `ENOUGH` entries), the threshold that fewest entries speak against."""
    late = entries.day > entries.day[-1] - RECENT_DAYS
    late[-ENOUGH:] = True
    order = np.argsort(entries.risk[late], kind="stable")
    risk, low = entries.risk[late][order], entries.low[late][order]
    # At the n-th risk as threshold, cards of a lower risk speak against it, and so does what was too low from there on.
    cards = np.cumsum(~low) - ~low
    against = cards + np.cumsum(low[::-1])[::-1]
    best = int(np.argmin(np.where(low, len(low) + 1, against)))
    value, below = float(risk[best]), float(risk[best - 1]) if best else 0.0
    return (_shortest(below, value) if below < value else value), _Stretch(0, len(risk), below, value)


def _agree(one: _Stretch, other: _Stretch) -> bool:
    """Whether one threshold may be that of both."""
    return max(one.below, other.below) < min(one.upper, other.upper)


def _day(entries: _Entries, place: int) -> date:
    """The day of an entry."""
    return _EPOCH + timedelta(days=int(entries.day[place]))


def _shortest(low: float, high: float) -> float:
    """The number with fewest decimals above `low` and up to `high`."""
    for digits in range(1, 7):
        scale = 10.0**digits
        found = math.floor(high * scale) / scale
        if low < found <= high:
            return found
    return high


def in_words(threshold: float) -> str:
    """A threshold in per cent, as short as it can be told."""
    return f"{100 * threshold:.3f}".rstrip("0").rstrip(".") + " %"
