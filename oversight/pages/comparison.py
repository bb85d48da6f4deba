"""`GET /oversight/comparison`: two periods or two versions, so that the comparison survives Simpson's paradox."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from werkzeug.datastructures import MultiDict

from oversight.analytics.comparison import TwoArms, meaning, two_arms
from oversight.analytics.few_clinicians import groups_of_few
from oversight.analytics.selection import By, Selection
from oversight.analytics.silence import no_answer_shares
from oversight.mart.mart import Questions
from oversight.override_rates import Step
from oversight.pages import words
from oversight.pages.door.roles import Right
from oversight.pages.extent import version_change
from oversight.pages.frame import Asked, Page
from oversight.pages.pictures.forest_picture import Compared, differences, odds_ratios
from oversight.pages.query import day_of, period_faults
from oversight.pages.view import View, repeated
from oversight.proportions import Proportion, proportion
from oversight.statistics.estimate import Estimate
from oversight.statistics.hidden_parts import hidden_parts
from oversight.statistics.refused import Refused
from oversight.statistics.simpson import Comparison
from oversight.statistics.standardise import Standardised
from oversight.statistics.suppression import SMALLEST_SHOWN, Flags
from oversight.statistics.two_proportions import difference
from oversight.tallies import Period

# What stands in the place of the answered cards of a unit that has none.
_NOTHING = "0"
_HIDDEN = "hidden"
# With more units than these a picture is a wall; the table has them.
_MOST_UNITS = 12
_ASKED = ("compare", "first_from", "first_to", "first_version", "second_version")


@dataclass(frozen=True, slots=True)
class Arms:
    """Two selections and what they are called; `versions` says whether versions are compared, not periods.

    `note` says why these were chosen where nobody asked for them, or what is wrong with the first period.
    """

    first: Selection
    second: Selection
    first_name: str
    second_name: str
    versions: bool
    note: str = ""


def ask(args: MultiDict[str, str], view: View) -> object | list[str]:
    """The two arms, or the faults. Without a word, the period against as many days before it.

    Where entries only begin in those days, and one service changed its version once in the period, its versions.
    """
    faults = repeated(args, _ASKED)
    if (kind := args.get("compare") or "periods") not in {"periods", "versions"}:
        faults.append("“compare” must be periods or versions.")
    if faults:
        return faults
    unasked = not any(args.get(name) for name in _ASKED)
    if unasked and view.without_before and (arms := _new_version(view)) is not None:
        return arms
    return _versions(args, view) if kind == "versions" else _periods(args, view)


def _new_version(view: View) -> Arms | None:
    """The two versions of the one service in view; None where there are not just two, one after the other."""
    one = view.selection.service is not None or len(view.choices["service"]) == 1
    if not one or (change := version_change(view.known)) is None:
        return None
    old, new = change
    first, second = (replace(view.selection, service=each.service, model_version=each.version) for each in change)
    note = (
        f"The days before this period have too few entries to compare it with ({_begins(view)}), and {new.service} "
        f"came in version {new.version} on {new.shown}: so its two versions are compared. For periods, choose above."
    )
    return Arms(first, second, f"version {old.version}", f"version {new.version}", True, note)


def _begins(view: View) -> str:
    """Since when there are entries."""
    return "there are no entries" if view.begins is None else f"entries begin on {view.begins}"


def _periods(args: MultiDict[str, str], view: View) -> object | list[str]:
    """An earlier period against that of the page."""
    faults: list[str] = []
    usual = view.before.period
    first = day_of(args.get("first_from"), "first_from", usual.first, faults)
    last = day_of(args.get("first_to"), "first_to", usual.last, faults)
    second = view.selection.period
    faults = faults or period_faults(first, last, Step.WEEK)
    # What is not shown as it was asked for may reach into the second.
    period = Period(first, last) if faults else view.shown(Period(first, last))
    if not faults and period.last >= second.first:
        as_told = "" if view.weeks is None else f" In whole weeks they are {_days(period)} and {_days(second)}."
        faults.append(f"The first period must end before the second begins.{as_told}")
    first_name, second_name = _days(period), _days(second)
    whole = view.begins is not None and view.begins <= period.first
    note = "" if whole else f"The first period does not have all its days: {_begins(view)}."
    return faults or Arms(replace(view.selection, period=period), view.selection, first_name, second_name, False, note)


def _days(period: Period) -> str:
    """`2026-03-02 to 2026-03-29`."""
    return f"{period.first} to {period.last}"


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
    silent = [no_answer_shares(mart, arm, By.UNIT) for arm in (asked.own.first, asked.own.second)]
    units = _shown(found, silent, _of_few(mart, asked))
    return {
        "arms": asked.own,
        "found": found,
        "result": found.comparison,
        "refused": isinstance(found.comparison, Refused),
        "meaning": meaning(found.comparison),
        "silent": [_together(each) for each in silent],
        "units": units,
        "most_units": _MOST_UNITS,
        **_pictures(found, units),
        "smallest": SMALLEST_SHOWN,
    }


def _of_few(mart: Questions, asked: Asked) -> frozenset[str]:
    """Units of few clinicians in either arm, for who may not see single ones."""
    if asked.person.may(Right.CLINICIANS):
        return frozenset()
    return frozenset().union(*(groups_of_few(mart, arm, By.UNIT) for arm in (asked.own.first, asked.own.second)))


def _together(silent: Mapping[str, Proportion]) -> Proportion | None:
    """The share of all units."""
    return proportion(sum(each.count for each in silent.values()), sum(each.total for each in silent.values()))


@dataclass(frozen=True, slots=True)
class _UnitLine:
    """A unit: its rate and share without an answer in each arm, and second minus first where both rates are told."""

    name: str
    arms: tuple[tuple[Proportion | str, Proportion | str], tuple[Proportion | str, Proportion | str]]

    @property
    def difference(self) -> Estimate | None:
        """Of rates that the reader sees, so that nothing hidden can be had from it."""
        (first, _), (second, _) = self.arms
        if isinstance(first, str) or isinstance(second, str):
            return None
        return difference(second, first)


def _pictures(found: TwoArms, units: Sequence[_UnitLine]) -> Mapping[str, object]:
    """What compares all cards, and below it the units, if they are few enough to be read; the odds have their own."""
    result = found.comparison
    if isinstance(result, Refused):
        return {"forest": None, "odds": None}
    told = [(unit.name, each) for unit in units if (each := unit.difference) is not None]
    parts = [Compared(name, each, words.points(each), whole=False) for name, each in told]
    many = len(parts) > _MOST_UNITS
    effect = result.adjusted
    odds = None if isinstance(effect, Refused) else effect.odds_ratio
    text = "" if odds is None else f"× {odds.value:.2f}, {odds.low:.2f} to {odds.high:.2f}"
    return {
        "forest": differences([*_wholes(found, result), *([] if many else parts)]),
        "many_units": many,
        "odds": odds_ratios([Compared("Odds, adjusted for unit and risk", odds, text)]),
    }


def _wholes(found: TwoArms, result: Comparison) -> list[Compared]:
    """Crude and standardised; what is refused has a line without a figure."""
    each = (
        ("Crude, cards as independent", result.crude.difference),
        ("Crude, by clinician", result.crude.clustered),
        ("Standardised over unit", _difference(found.in_units)),
        ("Standardised over unit and risk", _difference(result.standardised)),
    )
    return [
        Compared(name, None, "no figure") if isinstance(it, Refused) else Compared(name, it, words.points(it))
        for name, it in each
    ]


def _difference(found: Standardised | Refused) -> Estimate | Refused:
    """Or why there is none."""
    return found if isinstance(found, Refused) else found.difference


def _shown(found: TwoArms, silent: Sequence[Mapping[str, Proportion]], of_few: frozenset[str]) -> list[_UnitLine]:
    """Rates by unit, each with the share without an answer; of few cards, and what would give them away, a word."""
    names = [each.unit for each in found.units]
    few = np.array([name in of_few for name in names], dtype=np.bool_)
    arms = ([each.first for each in found.units], [each.second for each in found.units])
    first, second = (
        _with_silent(names, _protected(arm, few), shares, of_few) for arm, shares in zip(arms, silent, strict=True)
    )
    return [_UnitLine(name or "not told", (one, other)) for name, one, other in zip(names, first, second, strict=True)]


def _with_silent(
    names: Sequence[str], rates: list[Proportion | str], silent: Mapping[str, Proportion], of_few: frozenset[str]
) -> list[tuple[Proportion | str, Proportion | str]]:
    """Beside each rate of one arm its share without an answer, from which the cards of a small unit cannot be had.

    The cards of the arm are told, also those of units in which nobody answered and which have no row.
    """
    hidden = {name for name, rate in zip(names, rates, strict=True) if isinstance(rate, str) and rate != _NOTHING}
    closed = of_few | hidden
    cards = np.array([each.total for each in silent.values()], dtype=np.int64)
    small = (cards < SMALLEST_SHOWN) | np.array([name in closed for name in silent], dtype=np.bool_)
    flags, word = hidden_parts(cards, small)
    shares = {name: word if flag else share for (name, share), flag in zip(silent.items(), flags, strict=True)}
    return _never_bare([(rate, shares.get(name, "–")) for name, rate in zip(names, rates, strict=True)])


def _never_bare(
    units: Sequence[tuple[Proportion | str, Proportion | str]],
) -> list[tuple[Proportion | str, Proportion | str]]:
    """Where the share without an answer is hidden, so is the rate; all hidden rates of an arm by one word."""
    if not any(isinstance(rate, Proportion) and isinstance(share, str) for rate, share in units):
        return list(units)
    return [(rate if rate == _NOTHING or not isinstance(share, str) else _HIDDEN, share) for rate, share in units]


def _protected(rates: list[Proportion | None], few: Flags) -> list[Proportion | str]:
    """The rates of one arm, whose total is shown."""
    totals = np.array([rate.total if rate else 0 for rate in rates], dtype=np.int64)
    flags, hidden = hidden_parts(totals, few | ((totals > 0) & (totals < SMALLEST_SHOWN)))
    return [hidden if flag else rate or _NOTHING for rate, flag in zip(rates, flags, strict=True)]


def _about(asked: Asked) -> tuple[Selection, ...]:
    """Both arms."""
    return asked.own.first, asked.own.second


COMPARISON = Page("comparison", "oversight/comparison.html", figures, ask=ask, reads=reads, about=_about)
