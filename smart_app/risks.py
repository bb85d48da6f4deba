"""A risk in words: the number, how sure it is, what stands beside it, and its drivers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import tzinfo

from clinical import wording
from clinical.assessment import RiskAssessment
from clinical.errors import ModelFault
from smart_app.drivers import Drivers, Row, lay_out
from smart_app.scores import ScoreView, lay_out_score
from smart_app.words import data_span

# How far probability and explanation may differ before the page would contradict itself.
TOLERANCE = 1e-3
TOP = 3


@dataclass(frozen=True, slots=True)
class Risk:
    """A risk in words. Bars are out of 100 wide. `compared` is empty where the model brings no base rate.

    `span` is the model's own range with its bar (start and width), `coverage` the share that was found of what the
    model weighs; both are empty where the model does not say. `others` are further risks.
    """

    percent: str
    of_hundred: str
    compared: str
    base_percent: str
    bar: float
    base_bar: float
    span: str
    span_bar: tuple[float, float]
    weak: str
    coverage: str
    unusual: tuple[str, ...]
    comparators: tuple[ScoreView, ...]
    others: tuple[tuple[str, str], ...]
    tier: str
    tier_from: str
    indicator: str
    situation: str
    data_span: str
    top: tuple[Row, ...]
    drivers: Drivers


def lay_out_risk(finding: RiskAssessment, zone: tzinfo) -> Risk:
    """The numbers. Raises `ModelFault` if the explanation explains another number."""
    explained = 1 / (1 + math.exp(-finding.explanation.log_odds))
    if not abs(explained - finding.probability) <= TOLERANCE:
        raise ModelFault("The explanation does not add up to the risk, so neither is shown.")
    drivers = lay_out(finding.explanation, finding.as_of, zone)
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
        weak=finding.weak.rstrip("."),
        coverage=wording.percent(finding.coverage) if finding.coverage < 1 else "",
        unusual=finding.unusual,
        comparators=tuple(lay_out_score(score, zone) for score in finding.comparators),
        others=tuple((other.label, wording.percent(other.probability)) for other in finding.others),
        tier=finding.tier.name,
        tier_from="" if finding.tier.at_least <= 0 else f"from {wording.percent(finding.tier.at_least)}",
        indicator=finding.indicator.value,
        situation=finding.situation,
        data_span=data_span(finding, zone),
        top=tuple(row for row in drivers.rows if row.value is not None and row.effect.word != "no change")[:TOP],
        drivers=drivers,
    )


def _span_bar(finding: RiskAssessment) -> tuple[float, float]:
    """Start and width of the range, out of 100; never too thin to be seen."""
    if not finding.interval:
        return 0.0, 0.0
    low, high = min(finding.interval) * 100, max(finding.interval) * 100
    width = max(high - low, 1.0)
    return round(min(low, 100 - width), 1), round(width, 1)
