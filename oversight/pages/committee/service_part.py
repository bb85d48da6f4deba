"""One service in the committee's pack."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace

from oversight.analytics.burden import burden
from oversight.analytics.charts import WeeklyChart, weekly_chart
from oversight.analytics.comparison import meaning, two_arms
from oversight.analytics.few_clinicians import FEWEST, all_of_few
from oversight.analytics.funnel import Funnel, actions_loaded, funnel, funnels
from oversight.analytics.reasons import Reasons, reasons
from oversight.analytics.selection import By, Selection
from oversight.analytics.variation import Variation, variation
from oversight.exports.grid import ANSWERS
from oversight.exports.measure_reports import Strata, strata_of
from oversight.exports.of_few import hidden_reasons, hidden_weeks
from oversight.exports.reasons import shown_reasons
from oversight.exports.weekly import shown_weeks
from oversight.mart.mart import Questions
from oversight.pages.broken_rules import BrokenRules, broken_rules
from oversight.pages.group_rows import group_rows
from oversight.pages.indicators import Indicator, indicators
from oversight.pages.overview import chart_selection
from oversight.pages.pictures.bars import Bars, funnel_bars
from oversight.pages.pictures.control_picture import ControlPicture, Told, control_picture, spoken, told
from oversight.pages.pictures.funnel_picture import FunnelPicture, funnel_picture
from oversight.proportions import Proportion
from oversight.statistics.refused import Refused
from oversight.statistics.simpson import Comparison
from oversight.statistics.suppression import SMALLEST_SHOWN

COUNTS = ("cards", *ANSWERS)


@dataclass(frozen=True, slots=True)
class UnitLine:
    """A unit: counts as text, and shares, or the word for what is hidden."""

    name: str
    counts: tuple[str, ...]
    override_rate: Proportion | str | None
    no_answer_share: Proportion | str | None


@dataclass(frozen=True, slots=True)
class ServicePart:
    """Everything that the pack says of one service; `headline` is the answer in a sentence.

    `compared` is refused where there is nothing to hold the period against; `change` says what it comes to. `weeks` are
    those of the period; only of `shown` ones the counts are told, as in the file of weeks, with the share of cards
    without a decision, None where no card was shown. In `empty` ones there is no entry.
    """

    name: str
    headline: str
    total: Funnel
    indicators: tuple[Indicator, ...]
    bars: Bars
    weekly: WeeklyChart
    picture: ControlPicture | None
    weeks: tuple[Told, ...]
    shown: Mapping[str, Proportion | None]
    empty: frozenset[str]
    spoken: list[str]
    compared: Comparison | Refused
    change: str
    units: tuple[UnitLine, ...]
    differing: Variation
    plot: FunnelPicture | None
    reasons: Reasons
    reasons_shown: tuple[tuple[str, Proportion], ...]
    broken: BrokenRules
    few: int = SMALLEST_SHOWN


def service_part(mart: Questions, now: Selection, earlier: Selection, without_before: str = "") -> ServicePart:
    """From entries that hold both periods and the weeks of the chart.

    `without_before` says why nothing can be compared with the earlier period, as on the service's page.
    """
    counts = tuple((funnel(mart, one), burden(mart, one)) for one in (now, earlier))
    shown, chosen = shown_weeks(mart, now), chart_selection(now)
    charted = funnels(mart, chosen, By.WEEK)
    untold = _hidden(charted, now, shown) | hidden_weeks(mart, chosen, of=now)
    weekly = weekly_chart(mart, chosen, hidden=untold)
    weeks = tuple(week for week in told(weekly) if week.start >= now.period.first.isoformat())
    of_few = without_before or _few_people_before(mart, now, earlier)
    compared = _compared(mart, now, earlier, without_before or _few_before(counts[1][0]) or of_few)
    units = _units(strata_of(mart, now, By.UNIT))
    hidden = frozenset(unit.name for unit in units if isinstance(unit.override_rate, str))
    differing = _without(variation(mart, now, By.UNIT), hidden)
    total, given = counts[0][0], reasons(mart, now)
    return ServicePart(
        name=now.service or "",
        headline=_headline(total, compared),
        total=total,
        indicators=indicators(counts[0], counts[1], of_few),
        bars=funnel_bars(total, actions=actions_loaded(mart)),
        weekly=weekly,
        picture=control_picture(weekly),
        weeks=weeks,
        shown=shown,
        empty=frozenset(week.start for week in weeks) - {week.key for week in charted},
        spoken=spoken(weekly),
        compared=compared,
        change=_change(compared),
        units=units,
        differing=differing,
        plot=funnel_picture(differing),
        reasons=given,
        reasons_shown=shown_reasons(given, hidden_reasons(mart, now)),
        broken=broken_rules(mart, now, counts=False, hidden_weeks=untold),
    )


def _compared(mart: Questions, now: Selection, earlier: Selection, refused: str) -> Comparison | Refused:
    """The period against the earlier one, or why not."""
    return Refused(refused) if refused else two_arms(mart, earlier, now).comparison


def _few_people_before(mart: Questions, now: Selection, earlier: Selection) -> str:
    """The earlier period may be of few where this one is not; its figures stand beside those of this one."""
    few = all_of_few(mart, earlier) and not all_of_few(mart, now)
    return f"no comparison: fewer than {FEWEST} clinicians were advised or answered in the period before" if few else ""


def _few_before(before: Funnel) -> str:
    """The comparison tells how many cards it rests on; the pack tells no such number of a few."""
    few = 0 < before.answered < SMALLEST_SHOWN
    return f"no comparison: fewer than {SMALLEST_SHOWN} cards of the period before were answered" if few else ""


def _hidden(weeks: Sequence[Funnel], now: Selection, shown: Container[str]) -> frozenset[str]:
    """The weeks of the chart of which nothing is drawn: small ones, and those that the table does not tell."""
    first = now.period.first.isoformat()
    untold = {week.key for week in weeks if week.key >= first and week.key not in shown}
    return group_rows(weeks, of_few=untold).without_counts


def _units(strata: Strata) -> tuple[UnitLine, ...]:
    """Every unit that was shown a card."""
    table = strata.grid
    return tuple(
        UnitLine(
            key,
            tuple(
                f"{found:,}" if isinstance(found, int) else found
                for found in (table.told(row, each) for each in COUNTS)
            ),
            table.share(row, "overridden", "answered"),
            table.share(row, "no_answer", "cards"),
        )
        for row, key in enumerate(strata.keys)
    )


def _headline(total: Funnel, compared: Comparison | Refused) -> str:
    """The answer first."""
    if not total.cards:
        return "No card was shown in this period."
    rate, silent = total.override_rate, total.no_answer_share
    if rate is None or silent is None:
        return f"{total.cards:,} cards were shown; none was accepted or overridden."
    return (
        f"{total.cards:,} cards were shown. Of the answered ones {100 * rate.value:.0f} % were overridden; "
        f"{100 * silent.value:.0f} % of all cards got no answer. {_change(compared)}"
    )


def _change(compared: Comparison | Refused) -> str:
    """What became of the override rate, in sentences, or why that is not told."""
    if isinstance(compared, Refused):
        return f"{compared.reason[:1].upper()}{compared.reason[1:].removesuffix('.')}."
    return meaning(compared)


def _without(found: Variation, hidden: frozenset[str]) -> Variation:
    """Units whose counts are hidden in the table of units are not drawn either."""
    kept = tuple(unit for unit in found.units if unit.key not in hidden)
    return replace(found, units=kept, left_out=found.left_out + len(found.units) - len(kept))
