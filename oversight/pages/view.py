"""What a page is about: the filters in its address, checked, and the choices that its form offers.

Every fault is told at once, in words, without quoting the input.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

from werkzeug.datastructures import MultiDict

from oversight.analytics.selection import Selection
from oversight.mart.mart import Questions
from oversight.override_rates import Step
from oversight.pages.query import day_of, period_faults
from oversight.tallies import Period, usual_first_day

# The name of a filter in the address, and its column.
FILTERS = {
    "service": "service", "client": "client", "unit": "unit_name", "role": "role", "version": "model_version",
    "tier": "tier",
}  # fmt: skip
LABELS = {
    "service": "Service", "client": "Client", "unit": "Unit", "role": "Role", "version": "Version", "tier": "Tier",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class View:
    """The entries that a page is about, those of as many days before, and all choices of each filter.

    `kept` is the address's query without what was not asked for: it leads to other pages about the same entries.
    """

    selection: Selection
    before: Selection
    choices: Mapping[str, tuple[str, ...]]
    kept: Mapping[str, str]

    def chosen(self, name: str) -> str | None:
        """The value of a filter, or None for all."""
        found: str | None = getattr(self.selection, FILTERS[name])
        return found

    @property
    def both(self) -> Selection:
        """The period and the one before it."""
        return replace(self.selection, period=Period(self.before.period.first, self.selection.period.last))

    @property
    def scope(self) -> str:
        """The filters in words."""
        named = [f"{LABELS[name].lower()} {self.chosen(name)}" for name in FILTERS if self.chosen(name)]
        return ", ".join(named) if named else "all services, clients, units, roles, versions and tiers"


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
    return View(selection, replace(selection, period=before(selection.period)), known, days | chosen)


def repeated(args: MultiDict[str, str], names: tuple[str, ...]) -> list[str]:
    """A fault for each parameter that comes twice."""
    return [f"“{name}” is given more than once." for name in names if len(args.getlist(name)) > 1]


def before(period: Period) -> Period:
    """As many days, just before. At the beginning of the calendar they are as few as there are."""
    days = (period.last - period.first).days
    last = max(period.first, date.min + timedelta(days=1)) - timedelta(days=1)
    return Period(last - timedelta(days=min(days, (last - date.min).days)), last)
