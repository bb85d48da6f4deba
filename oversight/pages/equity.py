"""`GET /oversight/equity`: is the advice the same for all groups of patients, and are its cards answered alike?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial

from werkzeug.datastructures import MultiDict

from oversight.analytics.equity import Answers, JudgedGroups, Judgement, answers, judged_groups
from oversight.analytics.equity_gaps import gaps
from oversight.analytics.equity_rows import MOST_LABELS, EquityRows, attribute_labels, equity_rows
from oversight.analytics.selection import Selection
from oversight.mart.mart import Questions
from oversight.pages import equity_words
from oversight.pages.equity_measures import MEASURES, Measure, Measured, measured
from oversight.pages.frame import Asked, Page
from oversight.pages.outcome_asked import Own
from oversight.pages.pictures.equity_picture import group_picture
from oversight.pages.view import View, repeated
from oversight.statistics.equity_groups import Group
from oversight.statistics.equity_responses import Standardised
from oversight.statistics.refused import Refused
from oversight.tallies import Period

_NO_GROUPS = (
    "No attribute of patients is known by which groups can be compared: it needs between 2 and "
    f"{MOST_LABELS} values. chartside groups load brings attributes."
)


@dataclass(frozen=True, slots=True)
class EquityAsked:
    """The service (None: all), the measure of the picture, and one or two attributes by name ("": the usual, none)."""

    service: str | None
    measure: Measure
    by: str
    and_by: str


@dataclass(frozen=True, slots=True)
class Compared:
    """A group at equal risk: override and no-answer rate against those of the reference group, in words."""

    override: str
    silence: str


def ask(args: MultiDict[str, str], view: View) -> object | list[str]:
    """What is asked for. Which attributes there are, only the mart knows."""
    faults = repeated(args, ("measure", "by", "and"))
    keys = {each.key: each for each in MEASURES}
    key = args.get("measure") or MEASURES[0].key
    if key not in keys:
        faults.append("“measure” is none that this page knows.")
    known = view.choices["service"]
    service = view.selection.service or (known[0] if len(known) == 1 else None)
    return faults or EquityAsked(service, keys[key], args.get("by") or "", args.get("and") or "")


def whole_weeks(period: Period) -> Period:
    """From the Monday of its first week to its last Sunday: views of the page differ by weeks, never by a day."""
    first = period.first - timedelta(days=period.first.weekday())
    # The calendar ends with a Friday; before its first Monday there is nothing.
    sunday = period.last.toordinal() - (period.last.weekday() + 1) % 7
    return Period(first, date.fromordinal(min(max(sunday, first.toordinal() + 6), date.max.toordinal())))


def figures(outcomes: Own, mart: Questions, asked: Asked) -> Mapping[str, object]:
    """Everything that the template draws. Without a service, the answers to all cards and nothing about models."""
    own: EquityAsked = asked.own
    period = whole_weeks(asked.view.selection.period)
    common: dict[str, object] = {
        "own": own,
        "service": own.service,
        "period": period,
        "measures": MEASURES,
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
        "verdict": equity_words.verdict(found, names),
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
    unknown = any(each and each not in names for each in (own.by, own.and_by))
    answered = answers(rows, chosen)
    model = judged if isinstance(judged, Refused) else judged.judge(chosen)
    found = {each.key: measured(each.key, answered, model) for each in MEASURES}
    lines = found[own.measure.key]
    return {
        "by": chosen,
        "unknown": unknown,
        "lines": lines,
        "picture": None if isinstance(lines, Refused) else group_picture(lines, own.measure.scale),
        "answer_table": _table([each for each in MEASURES if not each.of_model], found),
        "model_table": _table([each for each in MEASURES if each.of_model], found),
        "sizes": _sizes(answered, model),
        "equal_risk": _equal_risk(answered),
        "spreads": _spreads(own, answered, model),
    }


@dataclass(frozen=True, slots=True)
class Table:
    """Measures side by side: their names, and for each group one cell for each."""

    measures: tuple[Measure, ...]
    rows: tuple[tuple[str, Group, tuple[Measured | None, ...]], ...]
    refused: str


def _table(measures: list[Measure], found: Mapping[str, tuple[Measured, ...] | Refused]) -> Table:
    """All groups that any of the measures knows."""
    there = [(each, lines) for each in measures if not isinstance(lines := found[each.key], Refused)]
    why = next((lines.reason for each in measures if isinstance(lines := found[each.key], Refused)), "")
    groups = {line.group: line.name for _, lines in there for line in lines}
    cells = {(each.key, line.group): line for each, lines in there for line in lines}
    rows = tuple(
        (name, group, tuple(cells.get((each.key, group)) for each, _ in there)) for group, name in groups.items()
    )
    return Table(tuple(each for each, _ in there), rows, why)


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


def _spreads(own: EquityAsked, answered: Answers | Refused, model: Judgement | Refused) -> list[str]:
    """How far the groups of each set of attributes lie apart."""
    reports = () if isinstance(answered, Refused) else answered.reports
    if own.measure.of_model:
        reports = () if isinstance(model, Refused) or isinstance(model.found, Refused) else model.found.rates
    wanted = {"override": "override rate", "silence": "no answer", "acceptance": "acceptance rate",
              "selection": "cards per assessment"}.get(own.measure.key, own.measure.key.upper())  # fmt: skip
    found = next((each for each in reports if each.name == wanted), None)
    return [
        f"Between the groups of {equity_words.listed(each.attributes)}: {100 * each.difference:.0f} points"
        + ("." if isinstance(each.ratio, Refused) else f", smallest to largest {each.ratio:.1f}.")
        for each in (found.spreads if found else ())
    ]


def equity_page(outcomes: Own) -> Page:
    """The page; `outcomes` says what each service is judged by. It asks the columns itself: filters do not hold."""
    return Page("equity", "oversight/equity.html", partial(figures, outcomes), ask=ask, reads=lambda _asked: None)
