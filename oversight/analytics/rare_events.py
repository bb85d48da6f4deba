"""How far apart rare harms lie, counted in cards: a g chart of reports of problems, or of overrides before an event.

Cards rather than days: a month with twice the cards may have twice the harms although nothing has become worse.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import numpy.typing as npt

from oversight.analytics.charts import WeeklyChart
from oversight.analytics.judged import judged
from oversight.analytics.laid_out import lay_out_outcomes
from oversight.analytics.outcome_question import OutcomeQuestion
from oversight.analytics.phases import phase_reasons
from oversight.analytics.selection import Selection
from oversight.mart.mart import Questions
from oversight.statistics.control_charts import ControlChart
from oversight.statistics.g_charts import MINIMUM_GAPS, g_chart
from oversight.statistics.refused import Refused
from oversight.statistics.rules import DEFAULT, Rule
from oversight.statistics.suppression import SMALLEST_SHOWN
from oversight.tallies import Period

IntArray = npt.NDArray[np.int64]
# More points than a reader can look at; limits come from those that are drawn.
MOST = 200
# As many cards as are joined with what came of them before a page takes too long.
MOST_CARDS = 20_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SHOWN = "SELECT time FROM event WHERE card AND {where} ORDER BY time"


@dataclass(frozen=True, slots=True)
class RareEvents:
    """`gaps`: cards between an event and the one before, in order, one for each point of `chart`.

    `days`: the day of the event that ends a gap. `starts`, `reasons`: gaps at which a phase begins, and why.
    `events`: how many there were among `cards`; `earlier` of them are not drawn. `since`: cards since the last event.
    """

    gaps: tuple[int, ...]
    days: tuple[date, ...]
    chart: ControlChart | Refused
    starts: tuple[int, ...]
    reasons: tuple[str, ...]
    events: int
    cards: int
    earlier: int
    since: int


def between_reports(
    mart: Questions,
    selection: Selection,
    reported: Iterable[datetime],
    weekly: WeeklyChart,
    rules: Iterable[Rule] = DEFAULT,
) -> RareEvents | Refused:
    """Cards shown from one report of a problem to the next, among reports within the selection's days."""
    period = selection.period
    moments = sorted(moment for moment in reported if period.first <= moment.astimezone(UTC).date() <= period.last)
    if len(moments) <= MINIMUM_GAPS:
        told = {0: "nobody has reported a problem", 1: "one problem was reported"}
        few = told.get(len(moments), f"{len(moments)} problems were reported")
        return Refused(f"{few} in these weeks; limits need at least {MINIMUM_GAPS + 1} reports.")
    where, values = selection.where()
    shown = mart.arrays(_SHOWN.format(where=where), values)["time"].astype(np.int64)
    times = np.array([(moment - _EPOCH) // timedelta(microseconds=1) for moment in moments], dtype=np.int64)
    places = np.searchsorted(shown, times, side="right").astype(np.int64)
    return _charted(np.diff(places), times, weekly, tuple(rules), shown.size, int(shown.size - places[-1]))


def overridden_before_event(
    mart: Questions,
    selection: Selection,
    question: OutcomeQuestion,
    weekly: WeeklyChart,
    rules: Iterable[Rule] = DEFAULT,
) -> RareEvents | Refused:
    """Cards with a known outcome between overridden ones that were followed by the event. `narrow` has been called.

    A stay counts once: what was shown after its first such card is left out. Fewer such stays than may be told are
    refused.
    """
    selection = replace(selection, period=Period(read_from(selection, weekly), selection.period.last))
    lay_out_outcomes(mart, question.name)
    rows = judged(mart, selection, question.name, question.window_hours, by_encounter=True, cards=True).rows
    order = np.lexsort((rows["sequence"], rows["time"]))
    harm = (rows["overridden"] & (rows["outcome"] == 1))[order]
    kept = _once(harm, rows["encounter"][order])
    harm, times = harm[kept], rows["time"][order][kept].astype(np.int64)
    places = np.flatnonzero(harm)
    if not harm.size:
        return Refused("of no card in these weeks is the outcome known.")
    if places.size < SMALLEST_SHOWN:
        return Refused(f"fewer than {SMALLEST_SHOWN} overridden cards of these weeks were followed by the event.")
    since = int(harm.size - 1 - places[-1])
    return _charted(np.diff(places) - 1, times[places], weekly, tuple(rules), harm.size, since)


def read_from(selection: Selection, weekly: WeeklyChart) -> date:
    """The first day that is read: that of the selection, or a later Monday where it has very many cards."""
    first, cards = selection.period.last, 0
    for week in reversed(weekly.weeks):
        cards += week.cards
        if cards > MOST_CARDS and first < selection.period.last:
            return first
        first = min(week.start, first)
    return selection.period.first


def _once(harm: npt.NDArray[np.bool_], stay: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
    """Which cards to keep: of a stay none after its first harm. Cards are in order of time."""
    _, code = np.unique(stay, return_inverse=True)
    places = np.arange(harm.size)
    first = np.full(int(code.max(initial=-1)) + 1, harm.size)
    np.minimum.at(first, code[harm], places[harm])
    kept: npt.NDArray[np.bool_] = places <= first[code]
    return kept


def _charted(
    gaps: IntArray, times: IntArray, weekly: WeeklyChart, rules: tuple[Rule, ...], cards: int, since: int
) -> RareEvents:
    """The newest gaps as a chart. A gap in which a change falls belongs to the phase before."""
    earlier = max(gaps.size - MOST, 0)
    gaps = gaps[earlier:]
    days = [(_EPOCH + timedelta(microseconds=int(time))).date() for time in times[earlier:]]
    found = phase_reasons(
        _begins(days), [change.day for change in weekly.changes], [change.day for change in weekly.levels]
    )
    starts = tuple(found)
    return RareEvents(
        gaps=tuple(gaps.tolist()),
        days=tuple(days[1:]),
        chart=g_chart(gaps, starts, rules),
        starts=starts,
        reasons=tuple(found.values()),
        events=len(times),
        cards=cards,
        earlier=earlier,
        since=since,
    )


def _begins(days: Sequence[date]) -> Sequence[date]:
    """The day on which each gap begins: that of the event before."""
    return days[:-1]
