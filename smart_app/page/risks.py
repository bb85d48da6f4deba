"""A risk in words: the number, how sure it is, what stands beside it, and its drivers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import tzinfo

from clinical import wording
from clinical.assessment import RiskAssessment
from clinical.errors import ModelFault
from smart_app.page.drivers import SHOWN, Drivers, Row, lay_out, old_values
from smart_app.page.limits import NOTHING, Sureness, limits_of, sureness
from smart_app.page.scores import NoScore, ScoreView, lay_out_none, lay_out_score
from smart_app.page.trends import Trend, lay_out_trends
from smart_app.ports.learned import Learned
from smart_app.words import data_span, left_out

# How far probability and explanation may differ before the page would contradict itself.
TOLERANCE = 1e-3
TOP = 3


@dataclass(frozen=True, slots=True)
class Risk:
    """A risk in words. Bars are out of 100 wide. `compared` is empty where the model brings no base rate.

    `span` is the model's own range with its bar (start and width), `coverage` the share that was found of what the
    model weighs; both are empty where the model does not say. `sure` says how such a risk came true, `tier_means` where
    the tier begins. `others` are further risks, `old` values older than `old_after`, `limits` what limits this answer.
    """

    percent: str
    of_hundred: str
    compared: str
    base_percent: str
    bar: float
    base_bar: float
    span: str
    span_bar: tuple[float, float]
    sure: Sureness
    weak: str
    coverage: str
    unusual: tuple[str, ...]
    comparators: tuple[ScoreView, ...]
    unanswered: tuple[NoScore, ...]
    others: tuple[tuple[str, str], ...]
    tier: str
    tier_means: str
    indicator: str
    situation: str
    data_span: str
    top: tuple[Row, ...]
    drivers: Drivers
    trends: tuple[Trend, ...]
    old: tuple[str, ...]
    old_after: str
    limits: tuple[str, ...]


def lay_out_risk(finding: RiskAssessment, zone: tzinfo, learned: Learned = NOTHING) -> Risk:
    """The numbers. Raises `ModelFault` if the explanation explains another number."""
    explained = 1 / (1 + math.exp(-finding.explanation.log_odds))
    if not abs(explained - finding.probability) <= TOLERANCE:
        raise ModelFault("The explanation does not add up to the risk, so neither is shown.")
    drivers = lay_out(finding.explanation, finding.as_of, zone, learned.old_after, left_out(finding.missing))
    base = finding.model.base_rate
    return Risk(
        percent=wording.percent(finding.probability),
        of_hundred=wording.of_hundred(finding.probability),
        compared=wording.compared(finding.probability, base) if base > 0 else "",
        base_percent=wording.percent(base),
        bar=round(finding.probability * 100, 1),
        base_bar=round(base * 100, 1),
        span=wording.spread(finding.interval) if finding.interval else "",
        span_bar=_span_bar(finding),
        sure=sureness(finding),
        weak=finding.weak.rstrip("."),
        coverage=wording.percent(finding.coverage) if finding.coverage < 1 else "",
        unusual=finding.unusual,
        comparators=tuple(lay_out_score(score, zone) for score in finding.comparators),
        unanswered=tuple(lay_out_none(one) for one in finding.unanswered),
        others=tuple((other.label, wording.percent(other.probability)) for other in finding.others),
        tier=finding.tier.name,
        tier_means=_tier_means(finding),
        indicator=finding.indicator.value,
        situation=finding.situation,
        data_span=data_span(finding, zone),
        top=tuple(row for row in drivers.rows if row.value is not None and row.effect.word != "no change")[:TOP],
        drivers=drivers,
        trends=lay_out_trends(finding.explanation.drivers()[:SHOWN], finding.as_of, zone, learned.ranges),
        old=old_values(finding.explanation, finding.as_of, zone, learned.old_after),
        old_after=wording.age(learned.old_after),
        limits=limits_of(finding, learned),
    )


def _tier_means(finding: RiskAssessment) -> str:
    """Where the tier begins; a weak answer claims no tier."""
    if finding.weak:
        return ""
    name, start = finding.tier.name.capitalize(), finding.tier.at_least
    return f"“{name}” means {wording.percent(start)} or more" if start > 0 else f"“{name}” is the lowest level"


def _span_bar(finding: RiskAssessment) -> tuple[float, float]:
    """Start and width of the range, out of 100; never too thin to be seen."""
    if not finding.interval:
        return 0.0, 0.0
    low, high = min(finding.interval) * 100, max(finding.interval) * 100
    width = max(high - low, 1.0)
    return round(min(low, 100 - width), 1), round(width, 1)
