"""What a page is about: the filters in its address, checked, and the choices that its form offers.

Every fault is told at once, in words, without quoting the input.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import ClassVar

from werkzeug.datastructures import MultiDict

from oversight.analytics.selection import Selection
from oversight.analytics.told_weeks import ToldWeeks, told_weeks
from oversight.mart.mart import Questions
from oversight.override_rates import Step
from oversight.pages import words
from oversight.pages.extent import Extent, busiest, first_day, no_comparison
from oversight.pages.query import day_of, period_faults
from oversight.tallies import Period, usual_first_day

# The name of a filter in the address, and its column.
FILTERS = {
    "service": "service", "model": "model_id", "version": "model_version", "hook": "hook", "client": "client",
    "unit": "unit_name", "role": "role", "tier": "tier",
}  # fmt: skip
LABELS = {
    "service": "Service", "model": "Model", "version": "Version", "hook": "Hook", "client": "Client", "unit": "Unit",
    "role": "Role", "tier": "Tier",
}  # fmt: skip
# What most people choose by stands open; the rest lies folded below it until one of it is set.
PLAIN_FILTERS = ("service", "unit")
_ALL = "all services, models, versions, hooks, clients, units, roles and tiers"


@dataclass(frozen=True, slots=True)
class View:
    """The entries that a page is about, those before to compare them with, and all choices of each filter.

    `before` are as many days; in `weeks` that are told they may be more or fewer, and `unequal` says so.
    `kept` is the address's query without what was not asked for: it leads to other pages about the same entries.
    `known` says since when there are entries; `unasked` that the page chose the service; `today` is not over yet.
    `weeks` are those that are told to who may not see single clinicians, None for who may have any days.
    """

    selection: Selection
    before: Selection
    choices: Mapping[str, tuple[str, ...]]
    kept: Mapping[str, str]
    known: tuple[Extent, ...] = ()
    unasked: bool = False
    today: date = date.max
    weeks: ToldWeeks | None = None

    plain_filters: ClassVar[tuple[str, ...]] = PLAIN_FILTERS
    folded_filters: ClassVar[tuple[str, ...]] = tuple(name for name in FILTERS if name not in PLAIN_FILTERS)

    @property
    def folded_set(self) -> int:
        """How many of the folded filters are set."""
        return sum(self.chosen(name) is not None for name in self.folded_filters)

    def label(self, name: str) -> str:
        """What a filter is called."""
        return LABELS[name]

    def chosen(self, name: str) -> str | None:
        """The value of a filter, or None for all."""
        found: str | None = getattr(self.selection, FILTERS[name])
        return found

    @property
    def both(self) -> Selection:
        """The period and the one before it."""
        return replace(self.selection, period=Period(self.before.period.first, self.selection.period.last))

    def shown(self, period: Period) -> Period:
        """The days that are shown of those that are asked for."""
        return period if self.weeks is None else self.weeks.within(period)

    @property
    def scope(self) -> str:
        """The filters in words."""
        named = [f"{LABELS[name].lower()} {told(name, value)}" for name in FILTERS if (value := self.chosen(name))]
        return ", ".join(named) if named else _ALL

    @property
    def begins(self) -> date | None:
        """The day of the first entry with these filters, None where there is none."""
        return first_day(self.known, self.selection.service)

    @property
    def unequal(self) -> str:
        """How long both periods are, where that differs."""
        return unequal(self.selection.period, self.before.period)

    @property
    def without_before(self) -> str:
        """Why there is nothing to compare the period with, in words; nothing where there is."""
        return no_comparison(self.begins, self.before.period)


_CHOICES = "SELECT {} FROM advice".format(  # noqa: S608 (our names)
    ", ".join(f"list_sort(list(DISTINCT {column}) FILTER ({column} <> ''))" for column in FILTERS.values())
)


def choices(mart: Questions) -> dict[str, tuple[str, ...]]:
    """What occurs anywhere in the mart, by filter."""
    (found,) = mart.rows(_CHOICES)
    return {name: tuple(values or ()) for name, values in zip(FILTERS, found, strict=True)}


def parse_view(args: MultiDict[str, str], known: Mapping[str, tuple[str, ...]], today: date) -> View | list[str]:
    """The view, or the list of faults. Without dates: this week and the eleven before it, up to today (UTC)."""
    faults = repeated(args, ("from", "to", *FILTERS))
    chosen = {}
    for name, values in known.items():
        asked = args.get(name)
        if asked and asked not in values:
            faults.append(f"“{name}” is none that the figures know.")
        elif asked:
            chosen[name] = asked
    last = day_of(args.get("to"), "to", today, faults)
    first = day_of(args.get("from"), "from", usual_first_day(last), faults)
    faults = faults or period_faults(first, last, Step.WEEK)
    if faults:
        return faults
    selection = Selection(Period(first, last), **{FILTERS[name]: value for name, value in chosen.items()})
    days = {name: str(day) for name, day in (("from", first), ("to", last)) if args.get(name)}
    return View(selection, replace(selection, period=before(selection.period)), known, days | chosen, today=today)


def chosen_service(view: View) -> View:
    """For a page about one service: the view of the one that is asked for, else of the busiest in the period.

    Where no service has an entry in the period, none is chosen.
    """
    usual = busiest(view.known)
    if view.selection.service is not None or usual is None:
        return view
    now, old = (replace(each, service=usual) for each in (view.selection, view.before))
    return replace(view, selection=now, before=old, unasked=len(view.choices["service"]) > 1)


def in_whole_weeks(view: View, mart: Questions, today: date, *, unfiltered: bool = False) -> View:
    """The view for who may not see single clinicians: its period and the one before it in weeks that are told.

    `unfiltered`: of the filters the page knows only the service, so the weeks are those of all its entries.
    """
    about = Selection(view.selection.period, service=view.selection.service) if unfiltered else view.selection
    view = replace(view, weeks=told_weeks(mart, about, today))
    now = replace(view.selection, period=view.shown(view.selection.period))
    return replace(view, selection=now, before=replace(now, period=view.shown(before(now.period))))


def told(name: str, value: str) -> str:
    """A value of a filter in words."""
    return words.role(value) if name == "role" else value


def repeated(args: MultiDict[str, str], names: tuple[str, ...]) -> list[str]:
    """A fault for each parameter that comes twice."""
    return [f"“{name}” is given more than once." for name in names if len(args.getlist(name)) > 1]


def unequal(now: Period, earlier: Period) -> str:
    """How many days an earlier period has, and how many this one, in words; nothing where they are as many."""
    new, old = ((each.last - each.first).days + 1 for each in (now, earlier))
    return "" if new == old else f"{old} days, while this period has {new}: set rates against each other, not counts"


def before(period: Period) -> Period:
    """As many days, just before. At the beginning of the calendar they are as few as there are."""
    days = (period.last - period.first).days
    last = max(period.first, date.min + timedelta(days=1)) - timedelta(days=1)
    return Period(last - timedelta(days=min(days, (last - date.min).days)), last)
