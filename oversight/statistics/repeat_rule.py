"""Which cards are shown if an encounter may have at most one in a window of time, by array operations.

A card is shown when the risk crosses the threshold and the encounter's last shown card is a window or more ago. From
each row, the first row of the encounter that lies a window later is found once; a threshold then only jumps along.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from oversight.statistics.labelled import BoolArray, IntArray


@dataclass(frozen=True, slots=True)
class RepeatRule:
    """Rows sorted by encounter, then time. `start`: the first row of each encounter, and the number of rows last.

    `encounter`: of each row, from 0; `free`: the first row from which a card may be shown again after one at this row.
    """

    start: IntArray
    encounter: IntArray
    free: IntArray

    def shown(self, crossing: BoolArray) -> IntArray:
        """The rows whose card is shown, of those whose risk crosses the threshold."""
        rows = np.flatnonzero(crossing)
        before = np.zeros(len(crossing) + 1, dtype=np.int64)
        np.cumsum(crossing, out=before[1:])
        first, last = before[self.start[:-1]], before[self.start[1:]]
        current = rows[first[first < last]]
        found = [current]
        while len(current):
            after, end = before[self.free[current]], last[self.encounter[current]]
            current = rows[after[after < end]]
            found.append(current)
        return np.concatenate(found)


def repeat_rule(encounter: IntArray, seconds: IntArray, window: float) -> RepeatRule:
    """For rows sorted by encounter (from 0, none left out), then seconds. `window` in seconds; infinite: once only."""
    number = len(encounter)
    start = np.searchsorted(encounter, np.arange(int(encounter[-1]) + 2 if number else 1))
    since = seconds - (seconds.min() if number else 0)
    span = int(since.max(initial=0)) + 1
    # One whole number orders encounter and time together, so one search finds every row's next chance.
    key = encounter * (2 * span) + since
    free = np.searchsorted(key, key + min(int(min(window, span)), span), side="left")
    # Without a window a row must still give way to the next one.
    return RepeatRule(start, encounter, np.maximum(free, np.arange(1, number + 1)))
