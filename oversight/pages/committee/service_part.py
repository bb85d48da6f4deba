"""One service in the committee's pack."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace

from oversight.analytics.burden import burden
from oversight.analytics.charts import WeeklyChart, weekly_chart
from oversight.analytics.comparison import TwoArms, meaning, two_arms
from oversight.analytics.funnel import Funnel, actions_loaded, funnel
from oversight.analytics.reasons import Reasons, reasons
from oversight.analytics.selection import By, Selection
from oversight.analytics.variation import Variation, variation
from oversight.exports.grid import ANSWERS
from oversight.exports.measure_reports import Strata, strata_of
from oversight.exports.reasons import shown_reasons
from oversight.exports.weekly import shown_weeks
from oversight.mart.mart import Questions
from oversight.pages.indicators import Indicator, indicators
from oversight.pages.overview import chart_selection
from oversight.pages.pictures.bars import Bars, funnel_bars
from oversight.pages.pictures.control_picture import ControlPicture, Told, control_picture, spoken, told
from oversight.pages.pictures.funnel_picture import FunnelPicture, funnel_picture
from oversight.proportions import Proportion
from oversight.statistics.refused import Refused
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

    `weeks` are those of the period; only of `shown` ones the counts are told, as in the file of weeks, with
    the share without an answer or the word for a hidden one.
    """

    name: str
    headline: str
    total: Funnel
    indicators: tuple[Indicator, ...]
    bars: Bars
    weekly: WeeklyChart
    picture: ControlPicture | None
    weeks: tuple[Told, ...]
    shown: Mapping[str, Proportion | str | None]
    spoken: list[str]
    compared: TwoArms
    refused: str
    meaning: str
    units: tuple[UnitLine, ...]
    differing: Variation
    plot: FunnelPicture | None
    reasons: Reasons
    reasons_shown: tuple[tuple[str, Proportion], ...]
    few: int = SMALLEST_SHOWN


def service_part(mart: Questions, now: Selection, earlier: Selection) -> ServicePart:
    """From entries that hold both periods and the weeks of the chart."""
    counts = tuple((funnel(mart, one), burden(mart, one)) for one in (now, earlier))
    weekly = weekly_chart(mart, chart_selection(now))
    compared = two_arms(mart, earlier, now)
    units = _units(strata_of(mart, now, By.UNIT))
    hidden = frozenset(unit.name for unit in units if isinstance(unit.override_rate, str))
    differing = _without(variation(mart, now, By.UNIT), hidden)
    weeks, shown = told(weekly), shown_weeks(mart, now)
    refused = compared.comparison.reason if isinstance(compared.comparison, Refused) else ""
    total, given = counts[0][0], reasons(mart, now)
    return ServicePart(
        name=now.service or "",
        headline=_headline(total, compared),
        total=total,
        indicators=indicators(counts[0], counts[1]),
        bars=funnel_bars(total, actions=actions_loaded(mart)),
        weekly=weekly,
        picture=_without_hidden(control_picture(weekly), weeks, shown),
        weeks=tuple(week for week in weeks if week.start >= now.period.first.isoformat()),
        shown=shown,
        spoken=spoken(weekly),
        compared=compared,
        refused=refused,
        meaning=meaning(compared.comparison),
        units=units,
        differing=differing,
        plot=funnel_picture(differing),
        reasons=given,
        reasons_shown=shown_reasons(given),
    )


def _without_hidden(
    picture: ControlPicture | None, weeks: Sequence[Told], shown: Container[str]
) -> ControlPicture | None:
    """The chart without the counts of weeks that the table does not tell."""
    if picture is None:
        return None
    drawn = [week for week in weeks if week.value is not None]
    dots = zip(picture.dots, drawn, strict=True)
    return replace(picture, dots=tuple(dot if week.start in shown else replace(dot, text="") for dot, week in dots))


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


def _headline(total: Funnel, compared: TwoArms) -> str:
    """The answer first."""
    if not total.cards:
        return "No card was shown in this period."
    rate, silent = total.override_rate, total.no_answer_share
    if rate is None or silent is None:
        return f"{total.cards:,} cards were shown; none was accepted or overridden."
    return (
        f"{total.cards:,} cards were shown. Of the answered ones {100 * rate.value:.0f} % were overridden; "
        f"{100 * silent.value:.0f} % of all cards got no answer. {meaning(compared.comparison)}"
    )


def _without(found: Variation, hidden: frozenset[str]) -> Variation:
    """Units whose counts are hidden in the table of units are not drawn either."""
    kept = tuple(unit for unit in found.units if unit.key not in hidden)
    return replace(found, units=kept, left_out=found.left_out + len(found.units) - len(kept))
