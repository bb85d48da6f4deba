"""`GET /oversight/service`: one service by unit, role, tier, hook, version and hour; who differs beyond chance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from werkzeug.datastructures import MultiDict

from oversight.analytics.burden import burden
from oversight.analytics.funnel import funnel, funnels
from oversight.analytics.selection import By, Selection
from oversight.analytics.variation import People, Variation, people, variation
from oversight.mart.mart import Questions
from oversight.pages.access import may_see_clinicians
from oversight.pages.frame import Asked, Page
from oversight.pages.funnel_picture import FunnelPicture, funnel_picture
from oversight.pages.group_rows import Rows, group_rows
from oversight.pages.indicators import indicators
from oversight.pages.view import View

GROUPS = (
    (By.UNIT, "Unit"), (By.ROLE, "Role"), (By.TIER, "Tier"), (By.HOOK, "Hook"), (By.VERSION, "Version"),
    (By.HOUR, "Hour (UTC)"),
)  # fmt: skip
# Long enough to tell clinicians of a house apart, too short to be read aloud as a name.
PSEUDONYM = 8
MOST_LISTED = 30


@dataclass(frozen=True, slots=True)
class Table:
    """The counts of a service's groups; `people` where a group is one of people."""

    name: str
    rows: Rows
    people: Mapping[str, People]


@dataclass(frozen=True, slots=True)
class Compared:
    """Units, or clinicians, between the limits of a funnel; `names` are what they are called."""

    found: Variation
    picture: FunnelPicture | None
    names: Mapping[str, str]

    @property
    def listed(self) -> list[tuple[str, object]]:
        """At most so many, those that are farthest from the common rate first."""
        far = sorted(self.found.units, key=lambda unit: -abs(unit.point.z if unit.point else 0.0))
        return [(self.names[unit.key], unit) for unit in far[:MOST_LISTED]]


def ask(_args: MultiDict[str, str], view: View) -> object | list[str]:
    """The service; where none is named and the figures know only one, that one."""
    known = view.choices["service"]
    return view.selection.service or (known[0] if len(known) == 1 else None)


def reads(asked: Asked) -> Selection | None:
    """Both periods of the service; nothing where there is none."""
    return None if asked.own is None else replace(asked.view.both, service=asked.own)


def figures(mart: Questions, asked: Asked) -> Mapping[str, object]:
    """Everything that the template draws; of no service only the list of services."""
    if asked.own is None:
        return {"service": None}
    now, before = (replace(one, service=asked.own) for one in (asked.view.selection, asked.view.before))
    counts = tuple((funnel(mart, one), burden(mart, one)) for one in (now, before))
    tables = [_table(mart, now, by, name) for by, name in GROUPS]
    hidden = tables[0].rows.without_counts
    return {
        "service": asked.own,
        "indicators": indicators(*counts),
        "burdens": [pair[1] for pair in counts],
        "tables": tables,
        "units": _compared(_without(variation(mart, now, By.UNIT), hidden), pseudonymous=False),
        "clinicians": _clinicians(mart, now, asked.role),
    }


def _without(found: Variation, hidden: frozenset[str]) -> Variation:
    """Units whose counts are hidden in the table of units are not drawn either."""
    kept = tuple(unit for unit in found.units if unit.key not in hidden)
    return replace(found, units=kept, left_out=found.left_out + len(found.units) - len(kept))


def _table(mart: Questions, selection: Selection, by: By, name: str) -> Table:
    """The groups of one kind."""
    of_people = by in {By.UNIT, By.ROLE}
    return Table(name, group_rows(funnels(mart, selection, by)), people(mart, selection, by) if of_people else {})


def _clinicians(mart: Questions, selection: Selection, role: str) -> Compared | None:
    """Under pseudonyms, for a role that may see them."""
    return _compared(variation(mart, selection, By.CLINICIAN), pseudonymous=True) if may_see_clinicians(role) else None


def _compared(found: Variation, *, pseudonymous: bool) -> Compared:
    """With what each is called."""
    names = {unit.key: f"clinician {unit.key[:PSEUDONYM]}" if pseudonymous else unit.key for unit in found.units}
    return Compared(found, funnel_picture(found, names.__getitem__), names)


SERVICE = Page("service", "oversight/service.html", figures, ask=ask, reads=reads)
