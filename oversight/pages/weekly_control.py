"""The weekly control chart of a page: its picture, its table, and in words what it says and what changed when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from oversight.analytics.charts import WeeklyChart, weekly_chart
from oversight.analytics.few_clinicians import weeks_of_few as few_weeks
from oversight.analytics.funnel import Funnel, funnels
from oversight.analytics.phases import LevelChange
from oversight.analytics.selection import By, Selection
from oversight.analytics.shifts import Shift, shifts
from oversight.mart.mart import Questions
from oversight.pages.group_rows import group_rows
from oversight.pages.pictures.chart import Tick
from oversight.pages.pictures.control_picture import ControlPicture, Told, control_picture, spoken, told
from oversight.proportions import Proportion
from oversight.statistics.refused import Refused
from oversight.statistics.rule_sets import RULE_SETS, USUAL, RuleSet

_MOST_DAYS = 4


@dataclass(frozen=True, slots=True)
class WeeklyControl:
    """Everything that the template draws. `notes`: what began in a week, by its first day.

    `hidden` are the weeks of which nothing is told, `silent` the share of shown cards without an answer of the others.
    """

    weekly: WeeklyChart
    picture: ControlPicture | None
    weeks: tuple[Told, ...]
    spoken: tuple[str, ...]
    notes: dict[str, str]
    hidden: frozenset[str]
    silent: dict[str, Proportion | None]
    rules: RuleSet
    offered: tuple[RuleSet, ...] = RULE_SETS

    @property
    def usual_rules(self) -> bool:
        """Whether nobody has asked for other rules."""
        return self.rules == USUAL


OF_FEW = "Weeks of one unit or role may be those of one person: for your role they are not drawn."


def weekly_control(
    mart: Questions, selection: Selection, rules: RuleSet, *, weeks_of_few: bool = True, beside: Sequence[Funnel] = ()
) -> WeeklyControl:
    """The chart of a selection by these rules; where it is of one service, with its change points.

    A hidden week is in no part of it. Without `weeks_of_few` weeks of few clinicians are hidden as small ones are, and
    nothing is told of the weeks of a unit or a role: few people may stand behind one. `beside` are the weeks of a table
    on the same page: the same ones are hidden in both.
    """
    counts = funnels(mart, selection, By.WEEK)
    if not weeks_of_few and (selection.unit_name or selection.role):
        every = frozenset(week.key for week in (*counts, *beside))
        empty = weekly_chart(mart, selection, rules.rules, every)
        return WeeklyControl(empty, None, (), (OF_FEW,), {}, every, {}, rules)
    hidden = _hidden(counts, beside, frozenset() if weeks_of_few else few_weeks(mart, selection))
    weekly = weekly_chart(mart, selection, rules.rules, hidden)
    found = shifts(weekly) if weekly.phased else ()
    placed = () if isinstance(found, Refused) else found
    said = (*_moved(weekly.levels), *_shifted(found), *spoken(weekly)) if weekly.phased else spoken(weekly)
    return WeeklyControl(
        weekly, _marked(control_picture(weekly), placed), told(weekly), tuple(said), _notes(weekly, placed), hidden,
        {week.key: week.no_answer_share for week in counts if week.key not in hidden}, rules,
    )  # fmt: skip


def _hidden(weeks: Sequence[Funnel], beside: Sequence[Funnel], of_few: frozenset[str]) -> frozenset[str]:
    """Weeks to hide in two tables, so that neither gives away what the other hides."""
    found = of_few
    while True:
        more = found.union(*(group_rows(each, of_few=found).without_counts for each in (weeks, beside)))
        if more == found:
            return found
        found = more


def _marked(picture: ControlPicture | None, found: Sequence[Shift]) -> ControlPicture | None:
    """The picture with its change points."""
    if picture is None:
        return None
    return replace(picture, shifts=tuple(Tick(picture.plane.x(shift.place - 0.5), "rate changed") for shift in found))


def _notes(weekly: WeeklyChart, found: Sequence[Shift]) -> dict[str, str]:
    """What begins in a week, for the table."""
    notes: dict[int, list[str]] = {}
    for start, why in zip(weekly.starts, weekly.reasons, strict=True):
        notes.setdefault(start, []).append(f"{why}: limits begin anew" if weekly.phased else why)
    for shift in found:
        notes.setdefault(shift.place, []).append("the rate changed")
    return {weekly.weeks[place].start.isoformat(): "; ".join(each) for place, each in notes.items()}


def _moved(levels: Sequence[LevelChange]) -> list[str]:
    """The days on which levels were changed, in sentences."""
    said = []
    for day, changes in groupby(levels, key=lambda change: change.day):
        each = ", ".join(sorted({f"“{one.tier}” from {one.before:g} to {one.after:g}" for one in changes}))
        said.append(f"On {day} the risk from which a level begins was changed: {each}; {_ANEW}")
    more = len(said) - _MOST_DAYS
    return said if more <= 0 else [*said[:_MOST_DAYS], f"Levels were changed on {more} more days."]


def _shifted(found: Sequence[Shift] | Refused) -> list[str]:
    """The change points in sentences."""
    if isinstance(found, Refused):
        return [f"No change point is looked for. {found.reason}"]
    if not found:
        return ["No change point: in no week did the rate become another one beyond chance."]
    return [_changed(shift) for shift in found]


def _changed(shift: Shift) -> str:
    """One change point."""
    before, after = shift.change.before, shift.change.after
    why = f"A {shift.beside.replace(', ', ' and a ')} came at that time." if shift.beside else _NOTHING_BESIDE
    return (
        f"Change point: the override rate became another one in the week of {shift.week.day} {shift.week:%B %Y}, from "
        f"{100 * before.value:.1f} % of {before.total:,} answered cards to {100 * after.value:.1f} % of "
        f"{after.total:,}. {why}"
    )


_ANEW = "limits begin anew in the next whole week."
_NOTHING_BESIDE = "No new version and no new threshold came at that time: look for what else changed."
