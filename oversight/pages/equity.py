"""`GET /oversight/equity`: is the advice the same for all groups of patients, and are its cards answered alike?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from werkzeug.datastructures import MultiDict

from oversight.analytics.equity import Answers, JudgedGroups, Judgement, answers, judged_groups
from oversight.analytics.equity_gaps import gaps
from oversight.analytics.equity_rows import MOST_LABELS, EquityRows, attribute_labels, equity_rows
from oversight.analytics.selection import Selection
from oversight.analytics.told_weeks import whole_weeks
from oversight.mart.mart import Questions
from oversight.pages import equity_words
from oversight.pages.equity_measures import (
    MEASURES,
    REASON,
    About,
    Measure,
    Measured,
    measured,
    measures_of,
    report_name,
)
from oversight.pages.frame import Asked, Page
from oversight.pages.outcome_asked import Own
from oversight.pages.pictures.equity_picture import group_picture
from oversight.pages.view import View, repeated
from oversight.statistics.equity_groups import Group
from oversight.statistics.equity_responses import Standardised
from oversight.statistics.refused import Refused

_NO_GROUPS = (
    "No attribute of patients is known by which groups can be compared: it needs between 2 and "
    f"{MOST_LABELS} values. chartside groups load brings attributes."
)


@dataclass(frozen=True, slots=True)
class EquityAsked:
    """The service (None: all), the picture's measure by key, one or two attributes by name ("": the usual, none)."""

    service: str | None
    measure: str
    by: str
    and_by: str


@dataclass(frozen=True, slots=True)
class Compared:
    """A group at equal risk: override and no-answer rate against those of the reference group, in words."""

    override: str
    silence: str


def ask(args: MultiDict[str, str], view: View) -> object | list[str]:
    """What is asked for. Which attributes and reasons of overrides there are, only the mart knows."""
    faults = repeated(args, ("measure", "by", "and"))
    key = args.get("measure") or MEASURES[0].key
    if not key.startswith(REASON) and all(key != each.key for each in MEASURES):
        faults.append("“measure” is none that this page knows.")
    known = view.choices["service"]
    service = view.selection.service or (known[0] if len(known) == 1 else None)
    return faults or EquityAsked(service, key, args.get("by") or "", args.get("and") or "")


def figures(outcomes: Own, mart: Questions, asked: Asked) -> Mapping[str, object]:
    """Everything that the template draws. Without a service, the answers to all cards and nothing about models."""
    own: EquityAsked = asked.own
    period = whole_weeks(asked.view.selection.period)
    common: dict[str, object] = {
        "own": own,
        "service": own.service,
        "period": period,
        "measure": next((each for each in MEASURES if each.key == own.measure), MEASURES[0]),
        "choices": _choices(MEASURES),
        "told": equity_words,
    }
    labels = attribute_labels(mart)
    common |= {"known": tuple(labels)}
    if not labels:
        return common | {"problem": _NO_GROUPS}
    selection = Selection(period, service=own.service)
    rows = equity_rows(mart, selection, labels)
    if not len(rows.sequence):
        return common | {"problem": "Nothing was assessed in these weeks."}
    judged = _judged(outcomes, mart, selection, rows)
    return common | {"problem": ""} | _compared(rows, judged, tuple(labels)) | _chosen(own, rows, judged, tuple(labels))


def _judged(outcomes: Own, mart: Questions, selection: Selection, rows: EquityRows) -> JudgedGroups | Refused:
    """The model's assessments with their outcomes; of several services there is no such thing."""
    if selection.service is None:
        return Refused("choose a service: each model is judged by an outcome of its own")
    return judged_groups(mart, selection, outcomes.get(selection.service), rows)


def _compared(rows: EquityRows, judged: JudgedGroups | Refused, names: tuple[str, ...]) -> dict[str, object]:
    """The verdict over all attributes."""
    answered = [each for name in names if not isinstance(each := answers(rows, [name]), Refused)]
    known = [] if isinstance(judged, Refused) else [judged.judge([name]) for name in names]
    found = gaps(answered, known)
    return {
        "gaps": found,
        "sentences": equity_words.sentences(found, names),
        "loud": any(each.named for each in found),
        "judged": judged if isinstance(judged, Refused) else (known[0].found if known else Refused("nothing")),
        "stays": 0 if isinstance(judged, Refused) else len(judged.outcome),
    }


def _chosen(
    own: EquityAsked, rows: EquityRows, judged: JudgedGroups | Refused, names: tuple[str, ...]
) -> dict[str, object]:
    """One measure by the attributes that were chosen, and all others beside it."""
    by = own.by if own.by in names else names[0]
    chosen = [by, *([own.and_by] if own.and_by in names and own.and_by != by else [])]
    answered = answers(rows, chosen, every=True)
    model = judged if isinstance(judged, Refused) else judged.judge(chosen)
    measures = measures_of(answered)
    measure = next((each for each in measures if each.key == own.measure), measures[0])
    unknown = measure.key != own.measure or any(each and each not in names for each in (own.by, own.and_by))
    found = {each.key: measured(each.key, answered, model) for each in measures}
    lines = found[measure.key]
    return {
        "measure": measure,
        "choices": _choices(measures),
        "by": chosen,
        "unknown": unknown,
        "lines": lines,
        "picture": None if isinstance(lines, Refused) else group_picture(lines, measure.scale),
        "tables": {about.name: _table([each for each in measures if each.about is about], found) for about in About},
        "sizes": _sizes(answered, model),
        "equal_risk": _equal_risk(answered),
        "spreads": _spreads(measure, answered, model),
    }


def _choices(measures: Sequence[Measure]) -> tuple[tuple[str, tuple[Measure, ...]], ...]:
    """Measures under what they are about."""
    return tuple((about.value, tuple(each for each in measures if each.about is about)) for about in About)


@dataclass(frozen=True, slots=True)
class Table:
    """Measures side by side: their names, and for each group one cell for each. `left_out`: those without, and why."""

    measures: tuple[Measure, ...]
    rows: tuple[tuple[str, Group, tuple[Measured | None, ...]], ...]
    left_out: tuple[tuple[Measure, str], ...]

    @property
    def refused(self) -> str:
        """Why there is nothing."""
        return self.left_out[0][1] if self.left_out else "nobody to whom it applies"


def _table(measures: list[Measure], found: Mapping[str, tuple[Measured, ...] | Refused]) -> Table:
    """All groups that any of the measures knows."""
    there = [(each, lines) for each in measures if not isinstance(lines := found[each.key], Refused)]
    left_out = tuple((each, why.reason) for each in measures if isinstance(why := found[each.key], Refused))
    groups = {line.group: line.name for _, lines in there for line in lines}
    cells = {(each.key, line.group): line for each, lines in there for line in lines}
    rows = tuple(
        (name, group, tuple(cells.get((each.key, group)) for each, _ in there)) for group, name in groups.items()
    )
    return Table(tuple(each for each, _ in there), rows, left_out)


def _sizes(answered: Answers | Refused, model: Judgement | Refused) -> dict[Group, tuple[str, str]]:
    """Assessments and stays with an outcome of each group, rounded."""
    assessed: dict[Group, str] = {}
    if not isinstance(answered, Refused):
        report = answered.reports[0]
        for each in (report.overall, *report.groups):
            rate = each.rate
            assessed[each.group] = equity_words.tens(rate if isinstance(rate, Refused) else rate.total)
    known: dict[Group, str] = {}
    if not isinstance(model, Refused) and not isinstance(model.found, Refused):
        known = {each.group: equity_words.tens(each.rows) for each in model.found.observed_expected}
    return {group: (assessed.get(group, ""), known.get(group, "")) for group in {**assessed, **known}}


def _equal_risk(answered: Answers | Refused) -> dict[Group, Compared]:
    """Differences at equal risk by group."""
    if isinstance(answered, Refused):
        return {}
    override, silence = (
        {} if isinstance(found, Refused) else {each.group: _difference(each) for each in found}
        for found in (answered.override, answered.silence)
    )
    return {group: Compared(override.get(group, ""), silence.get(group, "")) for group in {**override, **silence}}


def _difference(each: Standardised) -> str:
    """Against the reference group."""
    if isinstance(each.rate, Refused):
        return f"no figure: {each.rate.reason}"
    return equity_words.points(each.difference)


def _spreads(measure: Measure, answered: Answers | Refused, model: Judgement | Refused) -> list[str]:
    """How far the groups of each set of attributes lie apart."""
    reports = () if isinstance(answered, Refused) else answered.reports
    if measure.of_model:
        reports = () if isinstance(model, Refused) or isinstance(model.found, Refused) else model.found.rates
    found = next((each for each in reports if each.name == report_name(measure.key)), None)
    return [
        f"Between the groups of {equity_words.listed(each.attributes)}: {100 * each.difference:.0f} points"
        + ("." if isinstance(each.ratio, Refused) else f", smallest to largest {each.ratio:.1f}.")
        for each in (found.spreads if found else ())
    ]


def equity_page(outcomes: Own) -> Page:
    """The page; `outcomes` says what each service is judged by. It asks the columns itself: filters do not hold."""
    return Page(
        "equity",
        "oversight/equity.html",
        partial(figures, outcomes),
        ask=ask,
        reads=lambda _asked: None,
        unfiltered=True,
    )
