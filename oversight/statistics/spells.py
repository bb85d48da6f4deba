"""In which weeks is a rate unlike the others? Between change points, and outside the limits of a control chart.

Nothing here is a statistic of its own: change points are those of `change_points`, limits those of Laney's p′ chart
(`laney_chart`), anew from each change point. What is known to have changed is no part of it: a new version does not
excuse what it brought.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from oversight.proportions import Proportion, proportion
from oversight.statistics.change_points import change_points
from oversight.statistics.control_charts import ControlChart, laney_chart
from oversight.statistics.refused import Refused

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Spell:
    """The weeks `first` to `last` (places in the series, both included), their rate, and that of all others.

    `since_start`: the weeks before the first change, which are unlike what came after; `still`: they reach to the end.
    """

    first: int
    last: int
    inside: Proportion
    usual: Proportion
    since_start: bool
    still: bool

    @property
    def higher(self) -> bool:
        """Whether the rate is above that of the other weeks."""
        return self.inside.value > self.usual.value


def spells(counts: Counts, totals: Counts, rng: np.random.Generator) -> tuple[Spell, ...] | Refused:
    """The spells of `counts` out of `totals`, one entry a week, in order of their first week; they may overlap.

    Each stretch between change points is one, and so is each run of weeks on one side that meet a rule of the chart.
    Refused where there are too few weeks for either. Raises ValueError unless 0 <= count <= total.
    """
    changes = change_points(counts, totals, rng)
    places = [] if isinstance(changes, Refused) else [each.place for each in changes]
    chart = laney_chart(counts, totals, places)
    if isinstance(changes, Refused) and isinstance(chart, Refused):
        return chart
    edges = [0, *places, totals.size] if places else []
    found = {(first, after - 1) for first, after in pairwise(edges)}
    found |= set() if isinstance(chart, Refused) else set(_runs(chart))
    made = (_spell(counts, totals, first, last, places) for first, last in sorted(found))
    return tuple(spell for spell in made if spell is not None)


def _runs(chart: ControlChart) -> list[tuple[int, int]]:
    """First and last week of each run of signals on one side of the centre line."""
    found: list[tuple[int, int]] = []
    sides: list[bool] = []
    for point in chart.signals:
        above = point.judged is not None and point.judged.z > 0
        if found and found[-1][1] == point.place - 1 and sides[-1] == above:
            found[-1] = (found[-1][0], point.place)
        else:
            found.append((point.place, point.place))
            sides.append(above)
    return found


def _spell(counts: Counts, totals: Counts, first: int, last: int, changes: list[int]) -> Spell | None:
    """With the rates inside and outside; nothing where either has no cases."""
    here = slice(first, last + 1)
    inside = proportion(int(counts[here].sum()), int(totals[here].sum()))
    count, total = int(counts.sum()), int(totals.sum())
    if inside is None or (usual := proportion(count - inside.count, total - inside.total)) is None:
        return None
    return Spell(
        first, last, inside, usual, bool(changes) and (first, last) == (0, changes[0] - 1), last == totals.size - 1
    )
