"""`GET /oversight/comparison`: two periods or two versions, so that the comparison survives Simpson's paradox."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from werkzeug.datastructures import MultiDict

from oversight.analytics.comparison import TwoArms, meaning, two_arms
from oversight.analytics.selection import Selection
from oversight.mart.mart import Questions
from oversight.override_rates import Step
from oversight.pages.frame import Asked, Page
from oversight.pages.group_rows import hidden_parts
from oversight.pages.query import day_of, period_faults
from oversight.pages.view import View, repeated
from oversight.proportions import Proportion
from oversight.statistics.refused import Refused
from oversight.statistics.suppression import SMALLEST_SHOWN
from oversight.tallies import Period


@dataclass(frozen=True, slots=True)
class Arms:
    """Two selections and what they are called; `versions` says whether versions are compared, not periods."""

    first: Selection
    second: Selection
    first_name: str
    second_name: str
    versions: bool


def ask(args: MultiDict[str, str], view: View) -> object | list[str]:
    """The two arms, or the faults. Without a word, the period against as many days before it."""
    faults = repeated(args, ("compare", "first_from", "first_to", "first_version", "second_version"))
    if (kind := args.get("compare") or "periods") not in {"periods", "versions"}:
        faults.append("“compare” must be periods or versions.")
    if faults:
        return faults
    return _versions(args, view) if kind == "versions" else _periods(args, view)


def _periods(args: MultiDict[str, str], view: View) -> object | list[str]:
    """An earlier period against that of the page."""
    faults: list[str] = []
    usual = view.before.period
    first = day_of(args.get("first_from"), "first_from", usual.first, faults)
    last = day_of(args.get("first_to"), "first_to", usual.last, faults)
    period, second = Period(first, last), view.selection.period
    faults = faults or period_faults(first, last, Step.WEEK)
    if not faults and last >= second.first:
        faults.append("The first period must end before the second begins.")
    first_name, second_name = (f"{each.first} to {each.last}" for each in (period, second))
    return faults or Arms(replace(view.selection, period=period), view.selection, first_name, second_name, False)


def _versions(args: MultiDict[str, str], view: View) -> object | list[str]:
    """Two versions of one service in the page's period. Without names, the last two in the order of the alphabet."""
    known = view.choices["version"]
    named = [args.get(name) or "" for name in ("first_version", "second_version")]
    if not all(named) and len(known) >= 2:
        named = [each or default for each, default in zip(named, known[-2:], strict=True)]
    faults = ["A version to compare is none that the figures know."] if not set(named) <= set(known) else []
    if len(set(named)) < 2:
        faults.append("Two different versions are needed.")
    if view.selection.service is None and len(view.choices["service"]) > 1:
        faults.append("Versions can only be compared within one service: choose it.")
    old, new = (replace(view.selection, model_version=each) for each in named)
    return faults or Arms(old, new, f"version {named[0]}", f"version {named[1]}", True)


def reads(asked: Asked) -> Selection:
    """From the first day of either arm to the last, of every version where versions are compared."""
    arms: Arms = asked.own
    periods = [arms.first.period, arms.second.period]
    days = Period(min(each.first for each in periods), max(each.last for each in periods))
    return replace(arms.second, period=days, model_version=None if arms.versions else arms.second.model_version)


def figures(mart: Questions, asked: Asked) -> Mapping[str, object]:
    """Everything that the template draws."""
    found = two_arms(mart, asked.own.first, asked.own.second)
    return {
        "arms": asked.own,
        "found": found,
        "result": found.comparison,
        "refused": isinstance(found.comparison, Refused),
        "meaning": meaning(found.comparison),
        "units": _shown(found),
        "smallest": SMALLEST_SHOWN,
    }


def _shown(found: TwoArms) -> list[tuple[str, list[Proportion | str]]]:
    """Rates by unit; of few answered cards, and of those that would give few away, only that they are hidden."""
    columns = [_protected([each.first for each in found.units]), _protected([each.second for each in found.units])]
    return [
        (unit.unit or "not told", [first, second]) for unit, first, second in zip(found.units, *columns, strict=True)
    ]


def _protected(rates: list[Proportion | None]) -> list[Proportion | str]:
    """The rates of one arm, whose total is shown."""
    totals = np.array([rate.total if rate else 0 for rate in rates], dtype=np.int64)
    flags, hidden = hidden_parts(totals, (totals > 0) & (totals < SMALLEST_SHOWN))
    return [hidden if flag else rate or "0" for rate, flag in zip(rates, flags, strict=True)]


COMPARISON = Page("comparison", "oversight/comparison.html", figures, ask=ask, reads=reads)
