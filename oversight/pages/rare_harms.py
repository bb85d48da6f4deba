"""The g charts of a service: cards between reports of problems, and between overrides that the event followed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from oversight.analytics.charts import WeeklyChart
from oversight.analytics.outcome_question import OutcomeQuestion, outcome_names
from oversight.analytics.rare_events import RareEvents, between_reports, overridden_before_event, read_from
from oversight.analytics.selection import Selection
from oversight.incidents import Incident
from oversight.mart.mart import Questions
from oversight.pages.door.roles import Person, Right
from oversight.pages.pictures.control_picture import ControlPicture
from oversight.pages.pictures.g_picture import Gap, g_picture, gap_rows, gap_words
from oversight.statistics.refused import Refused
from oversight.statistics.rules import Rule

Reported = Callable[[], Sequence[Incident]]
"""The newest reports of problems. Raises `LedgerUnavailable`."""

_NO_UNITS = "reports are of a whole service. Take away the filters of model, version, hook, unit, role and tier."
_NOT_TOLD = ("model_id", "model_version", "hook", "unit_name", "role", "tier")


@dataclass(frozen=True, slots=True)
class RareSources:
    """Where rare harms are told: outcomes that services are judged by, and reports, where there is a page of them."""

    own: Mapping[str, OutcomeQuestion] = field(default_factory=dict)
    reported: Reported | None = None


@dataclass(frozen=True, slots=True)
class RareHarm:
    """One chart. `refused` stands in its place where there is none."""

    name: str
    what: str
    refused: str = ""
    said: tuple[str, ...] = ()
    picture: ControlPicture | None = None
    rows: tuple[Gap, ...] = ()


def rare_harms(
    mart: Questions,
    selection: Selection,
    who: Person,
    sources: RareSources,
    weekly: WeeklyChart,
    rules: tuple[Rule, ...],
) -> tuple[RareHarm, ...]:
    """Of a selection of one service: reports for a role that may read them, overrides before the event for all."""
    found = [_before_event(mart, selection, sources.own, weekly, rules)]
    if sources.reported is not None and who.may(Right.INCIDENTS):
        found.insert(0, _reports(mart, selection, sources.reported, weekly, rules))
    return tuple(found)


def _reports(
    mart: Questions, selection: Selection, reported: Reported, weekly: WeeklyChart, rules: tuple[Rule, ...]
) -> RareHarm:
    """Reports name no unit, so they are held against the cards of the whole service."""
    name, what = "Reports of problems", "Cards from one report of a problem to the next"
    if any(getattr(selection, name) is not None for name in _NOT_TOLD):
        return RareHarm(name, what, _NO_UNITS)
    moments = [
        each.time for each in reported()
        if each.service == selection.service and selection.client in (None, each.client)
    ]  # fmt: skip
    return _harm(name, what, between_reports(mart, selection, moments, weekly, rules), dated=True)


def _before_event(
    mart: Questions,
    selection: Selection,
    own: Mapping[str, OutcomeQuestion],
    weekly: WeeklyChart,
    rules: tuple[Rule, ...],
) -> RareHarm:
    """No day of a single event is told: it would count the events of a week one by one."""
    name, what = "Overridden, then the event", "Cards between overridden ones that were followed by the event"
    question = own.get(selection.service or "")
    if question is None:
        return RareHarm(name, what, "the service's model names no outcome that it is judged by.")
    if question.name not in outcome_names(mart):
        return RareHarm(name, what, f"no outcome of the name {question.name} has been loaded.")
    found = overridden_before_event(mart, selection, question, weekly, rules)
    first = read_from(selection, weekly)
    since = "" if first == selection.period.first else f", since {first}"
    return _harm(name, f"{what} ({question.name}{since})", found, dated=False)


def _harm(name: str, what: str, found: RareEvents | Refused, *, dated: bool) -> RareHarm:
    """As the template draws it."""
    if isinstance(found, Refused):
        return RareHarm(name, what, found.reason)
    picture = g_picture(found, dated=dated)
    if picture is None:
        return RareHarm(name, what, "there is no gap between two of them.")
    return RareHarm(name, what, "", tuple(gap_words(found, dated=dated)), picture, gap_rows(found, dated=dated))
