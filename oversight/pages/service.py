"""`GET /oversight/service`: one service: week by week, burden, rare harms, who differs, and counts by group."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from werkzeug.datastructures import MultiDict

from oversight.analytics.burden import burden
from oversight.analytics.few_clinicians import groups_of_few, undivided
from oversight.analytics.funnel import actions_loaded, funnel, funnels
from oversight.analytics.selection import By, Selection
from oversight.analytics.variation import People, Variation, people, variation
from oversight.mart.mart import Questions
from oversight.pages import words
from oversight.pages.control_asked import rules_asked
from oversight.pages.door.roles import Person, Right
from oversight.pages.frame import Asked, Page
from oversight.pages.funnel_words import differ, too_wide
from oversight.pages.group_rows import Rows, group_rows
from oversight.pages.in_short import in_short
from oversight.pages.indicators import indicators
from oversight.pages.overview import chart_selection
from oversight.pages.pictures.funnel_picture import FunnelPicture, funnel_picture
from oversight.pages.rare_harms import RareSources, rare_harms
from oversight.pages.view import View
from oversight.pages.weekly_control import weekly_control
from oversight.statistics.rule_sets import RuleSet
from oversight.tallies import Period

GROUPS = (
    (By.UNIT, "Unit"), (By.ROLE, "Role"), (By.TIER, "Tier"), (By.HOOK, "Hook"), (By.VERSION, "Version"),
    (By.CLIENT, "Client"), (By.WEEK, "Week"), (By.HOUR, "Hour (UTC)"),
)  # fmt: skip
# Long enough to tell clinicians of a house apart, too short to be read aloud as a name.
PSEUDONYM = 8
MOST_LISTED = 30


@dataclass(frozen=True, slots=True)
class Table:
    """The counts of a service's groups; `people` where a group is one of people. `folded`: few will read it."""

    name: str
    rows: Rows
    people: Mapping[str, People]
    folded: bool


@dataclass(frozen=True, slots=True)
class Compared:
    """Units, or clinicians, between the limits of a funnel; `names` are what they are called.

    `too_wide` says why the funnel tells nobody apart; nothing where it does.
    """

    found: Variation
    picture: FunnelPicture | None
    names: Mapping[str, str]
    too_wide: str
    folded: bool

    @property
    def listed(self) -> list[tuple[str, object]]:
        """At most so many, those that are farthest from the common rate first."""
        far = sorted(self.found.units, key=lambda unit: -abs(unit.point.z if unit.point else 0.0))
        return [(self.names[unit.key], unit) for unit in far[:MOST_LISTED]]


@dataclass(frozen=True, slots=True)
class ServiceAsked:
    """The service, None where it is to be chosen, and the rules of its charts."""

    service: str | None
    rules: RuleSet


def ask(args: MultiDict[str, str], view: View) -> object | list[str]:
    """The service; where none is named and the figures know only one, that one."""
    rules = rules_asked(args, view)
    if isinstance(rules, list):
        return rules
    known = view.choices["service"]
    return ServiceAsked(view.selection.service or (known[0] if len(known) == 1 else None), rules)


def reads(asked: Asked) -> Selection | None:
    """Both periods of the service and the weeks of the chart; nothing where there is none.

    For who may not see few clinicians, with what a filter leaves out: it decides which weeks are hidden.
    """
    service, both = asked.own.service, asked.view.both
    if service is None:
        return None
    first = min(both.period.first, chart_selection(asked.view.selection).period.first)
    chosen = replace(both, period=Period(first, both.period.last), service=service)
    return chosen if asked.person.may(Right.CLINICIANS) else undivided(chosen)


def service_page(sources: RareSources) -> Page:
    """The page. `sources` say where rare harms are told."""

    def figures(mart: Questions, asked: Asked) -> Mapping[str, object]:
        """Everything that the template draws; of no service only the list of services."""
        if asked.own.service is None:
            return {"service": None}
        chosen = chart_selection(replace(asked.view.selection, service=asked.own.service))
        may = asked.person.may(Right.CLINICIANS)
        weeks = funnels(mart, replace(asked.view.selection, service=asked.own.service), By.WEEK)
        control = weekly_control(mart, chosen, asked.own.rules, weeks_of_few=may, beside=weeks)
        rules = asked.own.rules.rules
        rare = rare_harms(mart, chosen, asked.person, sources, control.weekly, rules)
        by_week = group_rows(weeks, of_few=control.hidden)
        return {**_figures(mart, asked, by_week), "control": control, "rare": rare}

    return Page("service", "oversight/service.html", figures, ask=ask, reads=reads, one_service=True)


def _figures(mart: Questions, asked: Asked, by_week: Rows) -> Mapping[str, object]:
    """All but the charts over time."""
    service = asked.own.service
    now, before = (replace(one, service=service) for one in (asked.view.selection, asked.view.before))
    counts, old = ((funnel(mart, one), burden(mart, one)) for one in (now, before))
    without_before = asked.view.without_before
    tables = [
        Table(name, by_week, {}, folded=False) if by is By.WEEK else _table(mart, now, by, name, asked.person)
        for by, name in GROUPS
    ]
    hidden = tables[0].rows.without_counts
    units = _compared(_without(variation(mart, now, By.UNIT), hidden), pseudonymous=False)
    return {
        "service": service,
        "answer": f"{in_short(counts[0], old[0], without_before)}; {differ(units.found)}",
        "indicators": indicators(counts, old, without_before),
        "total": counts[0],
        "actions": actions_loaded(mart),
        "burdens": [counts[1]] if without_before else [counts[1], old[1]],
        "tables": tables,
        "units": units,
        "clinicians": _clinicians(mart, now, asked.person),
    }


def _without(found: Variation, hidden: frozenset[str]) -> Variation:
    """Units whose counts are hidden in the table of units are not drawn either."""
    kept = tuple(unit for unit in found.units if unit.key not in hidden)
    return replace(found, units=kept, left_out=found.left_out + len(found.units) - len(kept))


def _table(mart: Questions, selection: Selection, by: By, name: str, who: Person) -> Table:
    """The groups of one kind."""
    of_people = by in {By.UNIT, By.ROLE}
    told = words.role if by is By.ROLE else str
    of_few = frozenset() if who.may(Right.CLINICIANS) else groups_of_few(mart, selection, by)
    rows = group_rows(funnels(mart, selection, by), told=told, of_few=of_few)
    return Table(name, rows, people(mart, selection, by) if of_people else {}, by is By.HOUR)


def _clinicians(mart: Questions, selection: Selection, who: Person) -> Compared | None:
    """Under pseudonyms, for a role that may see them."""
    if not who.may(Right.CLINICIANS):
        return None
    return _compared(variation(mart, selection, By.CLINICIAN), pseudonymous=True)


def _compared(found: Variation, *, pseudonymous: bool) -> Compared:
    """With what each is called."""
    names = {unit.key: f"clinician {unit.key[:PSEUDONYM]}" if pseudonymous else unit.key for unit in found.units}
    what = "clinicians" if pseudonymous else "units"
    return Compared(found, funnel_picture(found, names.__getitem__), names, too_wide(found, what), pseudonymous)
