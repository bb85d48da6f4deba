"""Is the advice the same for all? Selection, answers and time by group, and how well the model does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from oversight.analytics.equity_rates import OVERRIDE, SILENCE, core, families, told_reasons
from oversight.analytics.equity_rows import Cards, EquityRows, Integers
from oversight.analytics.judged_stays import judged_rows
from oversight.analytics.outcome_question import OutcomeQuestion
from oversight.analytics.selection import Selection
from oversight.mart.mart import Questions
from oversight.statistics.equity import EquityReport, GroupRate, Rate, equity_families
from oversight.statistics.equity_groups import Attribute, Group, cells
from oversight.statistics.equity_models import GroupFigure, ModelEquity, model_equity
from oversight.statistics.equity_responses import (
    GroupMedian,
    Standardised,
    median_equity,
    standardised_equity,
)
from oversight.statistics.refused import Refused
from oversight.statistics.stratified_test import by_stratum, ranks_p, stratified_p


@dataclass(frozen=True, slots=True)
class Answers:
    """What was done, by group. `reports`: selection, override, acceptance and no-answer rate first, in this order.

    `override` and `silence`: at equal risk against the reference group. `seconds`: median time to an answer, at the
    same mix of risk and of accepted and overridden. A group that is hidden in one of these is hidden in all that there
    are. `reasons`: code and words of the reasons that have a report.

    `override_p`, `silence_p`, `seconds_p`: by group, of no difference from the reference group in the same service and
    unit and at the same risk; of single attributes only.
    """

    reports: tuple[EquityReport, ...]
    override: tuple[Standardised, ...] | Refused
    silence: tuple[Standardised, ...] | Refused
    seconds: tuple[GroupMedian, ...] | Refused
    override_p: Mapping[Group, float]
    silence_p: Mapping[Group, float]
    seconds_p: Mapping[Group, float]
    reasons: tuple[tuple[str, str], ...] = ()

    def report(self, name: str) -> EquityReport:
        """By name. Raises StopIteration for one that is not there."""
        return next(each for each in self.reports if each.name == name)

    def has(self, name: str) -> bool:
        """Whether there is such a report."""
        return any(each.name == name for each in self.reports)


@dataclass(frozen=True, slots=True)
class Judgement:
    """The model by group over the first assessment of each stay whose outcome is known, `stays` of them."""

    found: ModelEquity | Refused
    stays: int


def answers(rows: EquityRows, names: Sequence[str], *, every: bool = False) -> Answers | Refused:
    """By one attribute, or by two and their intersections. With `every` all rates, else the core of them."""
    chosen = [rows.attributes[name] for name in names]
    table = cells(chosen)
    if isinstance(table, Refused):
        return table
    told = told_reasons(rows) if every else ()
    found = equity_families(table, families(rows, told) if every else [core(rows)])
    reports = tuple(report for family in found for report in family.reports)
    reasons = tuple(rows.reasons[place] for place in told)
    shown = {each.group for each in reports[0].groups if not isinstance(each.rate, Refused)} | {()}
    cards = rows.cards()
    groups = [cards.attributes[name] for name in names]
    done = cards.overridden | cards.accepted
    pairs = (Rate(OVERRIDE, cards.overridden, done), Rate(SILENCE, ~done))
    override, silence = (
        _shown(standardised_equity(groups, rate, cards.stratum, cards.strata), shown) for rate in pairs
    )
    # Overrides are quicker than acceptances, and a group with more of them is not answered sooner for that.
    kind = 2 * cards.stratum + cards.overridden
    seconds = median_equity(groups, cards.seconds, kind, 2 * cards.strata)
    kept = seconds if isinstance(seconds, Refused) else tuple(each for each in seconds if each.group in shown)
    usual = next((each.group for each in reports[0].groups if each.reference), None)
    if usual is None or len(names) > 1:
        return Answers(reports, override, silence, kept, {}, {}, {}, reasons)
    override_p, silence_p = (_tests(cards, rate, names[0], usual) for rate in pairs)
    times = _time_tests(cards, kind, names[0], usual)
    return Answers(reports, override, silence, kept, override_p, silence_p, times, reasons)


def _time_tests(cards: Cards, kind: Integers, name: str, usual: Group) -> dict[Group, float]:
    """The p of each group's times against the usual one's, at the same service, unit, risk and answer."""
    there = np.isfinite(cards.seconds)
    _, unit = np.unique(cards.unit[there], return_inverse=True)
    stratum = unit * 2 * cards.strata + kind[there]
    order = np.lexsort((cards.seconds[there], stratum))
    attribute = cards.attributes[name]
    stratum, codes = stratum[order].astype(np.int64), attribute.codes[there][order]
    reference = attribute.labels.index(usual[0][1])
    found: dict[Group, float] = {}
    for place, label in enumerate(attribute.labels):
        if place != reference:
            keep = (codes == place) | (codes == reference)
            found[((name, label),)] = ranks_p(codes[keep] == place, stratum[keep])
    return found


def _tests(cards: Cards, rate: Rate, name: str, usual: Group) -> dict[Group, float]:
    """The p of each group against the usual one, at the same service, unit and risk."""
    among = np.ones(len(cards.overridden), dtype=np.bool_) if rate.among is None else rate.among
    _, unit = np.unique(cards.unit[among], return_inverse=True)
    strata, stratum = np.unique(unit * cards.strata + cards.stratum[among], return_inverse=True)
    attribute = cards.attributes[name]
    size = len(attribute.labels)
    cases, rows = by_stratum(rate.cases[among], attribute.codes[among], size, stratum.astype(np.int64), len(strata))
    reference = attribute.labels.index(usual[0][1])
    return {
        ((name, label),): stratified_p(cases, rows, place, reference)
        for place, label in enumerate(attribute.labels)
        if place != reference
    }


def _shown(found: tuple[Standardised, ...] | Refused, shown: set[Group]) -> tuple[Standardised, ...] | Refused:
    """Without the groups that are hidden elsewhere."""
    return found if isinstance(found, Refused) else tuple(each for each in found if each.group in shown)


@dataclass(frozen=True, slots=True, eq=False)
class JudgedGroups:
    """First assessments of stays with a known outcome, and their groups. `places` are theirs among all rows."""

    places: Integers
    attributes: dict[str, Attribute]
    outcome: np.ndarray[tuple[int], np.dtype[np.bool_]]
    alerted: np.ndarray[tuple[int], np.dtype[np.bool_]]
    risk: np.ndarray[tuple[int], np.dtype[np.float64]]

    def judge(self, names: Sequence[str]) -> Judgement:
        """The model by one attribute or two."""
        if not len(self.outcome):
            return Judgement(Refused("no outcome is known of these stays"), 0)
        chosen = [self.attributes[name] for name in names]
        return Judgement(model_equity(chosen, self.outcome, self.alerted, self.risk), len(self.outcome))


def judged_groups(
    mart: Questions, selection: Selection, question: OutcomeQuestion | None, rows: EquityRows
) -> JudgedGroups | Refused:
    """Those of a selection. Refused where nobody has said which outcome the model is judged by."""
    if question is None:
        return Refused("the model's manifest names no outcome that it is judged by")
    found, _ = judged_rows(mart, selection, question)
    firsts = found.first_of_each_stay()
    places = rows.places(firsts.sequence)
    return JudgedGroups(places, rows.groups_of(firsts.sequence), firsts.outcome > 0, firsts.alerted, firsts.risk)


def of_group(found: Sequence[GroupRate | GroupFigure | Standardised | GroupMedian], group: Group) -> object | None:
    """What is said of a group."""
    return next((each for each in found if each.group == group), None)
