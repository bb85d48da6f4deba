"""What-if in words: what may be asked, what a missing value could change, and the answer to other numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo

from clinical import wording
from clinical.advice import Advice
from clinical.assessment import Driver, RiskAssessment
from clinical.what_if import ModifiableInput, Response, Sensitivity, WhatIfOffer
from smart_app.ports.what_if import WhatIfModel

# Missing values that are told one by one, and drivers of an answer.
SHOWN = 8
DRIVERS = 5


@dataclass(frozen=True, slots=True)
class InputView:
    """One input as a field. `value`, `low`, `high` and `step` are numbers as HTML writes them.

    `least` and `most` are the ends of the range for a reader.
    """

    name: str
    label: str
    unit: str
    value: str
    low: str
    high: str
    step: str
    measured: str
    measured_at: str
    least: str
    most: str


@dataclass(frozen=True, slots=True)
class SensitivityView:
    """What one missing or old signal could change: "9 to 24 %" for "0.8" to "4.1 mmol/L". `age` is empty if missing."""

    label: str
    age: str
    least: str
    most: str
    risks: str


@dataclass(frozen=True, slots=True)
class ChangeView:
    """Another number than the one that was measured."""

    label: str
    value: str
    measured: str


@dataclass(frozen=True, slots=True)
class EffectView:
    """What one driver does to the odds. `word` is that of `clinical.wording.direction`."""

    label: str
    word: str
    times: str


@dataclass(frozen=True, slots=True)
class AnswerView:
    """The model's answer to other numbers, which are `changes`.

    `slightly` names a change that the two percentages do not show: `same`, `higher` or `lower`.
    """

    percent: str
    of_hundred: str
    tier: str
    before: str
    slightly: str
    changes: tuple[ChangeView, ...]
    drivers: tuple[EffectView, ...]
    unusual: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WhatIfView:
    """Everything of one model's what-if. `refused` and `nothing` say why there is nothing to ask."""

    id: str
    title: str
    digest: str
    percent: str
    tier: str
    inputs: tuple[InputView, ...]
    withheld: tuple[tuple[str, str], ...]
    sensitivities: tuple[SensitivityView, ...]
    source: str
    more: int
    refused: str
    nothing: bool
    answer: AnswerView | None = None


def may_ask(advice: Advice) -> RiskAssessment | None:
    """The assessment that may be asked about: a risk that is shown on the page."""
    finding = advice.finding
    return finding if isinstance(finding, RiskAssessment) and not advice.hidden else None


def what_if_view(
    advice: Advice, models: Mapping[str, WhatIfModel], zone: tzinfo, response: Response | None = None
) -> WhatIfView | None:
    """The what-if of one advice; None where its model has none or nothing of its result is shown."""
    finding = may_ask(advice)
    model = models.get(finding.model.id) if finding is not None else None
    if finding is None or model is None:
        return None
    offer = model.offer(finding)
    shown = dict(response.values) if response is not None else {}
    return WhatIfView(
        id=advice.id,
        title=finding.model.title,
        digest=finding.model.digest,
        percent=wording.percent(finding.probability),
        tier=finding.tier.name,
        inputs=tuple(_input(one, shown.get(one.name, one.value), zone) for one in offer.inputs),
        withheld=tuple((one.label, one.because) for one in offer.withheld),
        sensitivities=tuple(_sensitivity(one) for one in offer.sensitivities[:SHOWN]),
        source=offer.sensitivities[0].source if offer.sensitivities else "",
        more=max(len(offer.sensitivities) - SHOWN, 0),
        refused=offer.refused,
        nothing=not model.modifiable,
        answer=None if response is None else _answer(response, finding, offer),
    )


def plain(value: float) -> str:
    """A number as HTML and JavaScript read it, without the digits that only a machine sees."""
    return f"{round(value, 6):f}".rstrip("0").rstrip(".")


def slightly(before: float, after: float) -> str:
    """What two equal percentages do not show: `same`, `higher` or `lower`; empty for two that differ."""
    if wording.percent(before) != wording.percent(after):
        return ""
    if wording.significant(before, 6) == wording.significant(after, 6):
        return "same"
    return "higher" if after > before else "lower"


def _input(one: ModifiableInput, value: float, zone: tzinfo) -> InputView:
    return InputView(
        name=one.name,
        label=one.label,
        unit=wording.printed_unit(one.unit),
        value=plain(value),
        low=plain(one.low),
        high=plain(one.high),
        step=plain(one.step),
        measured=wording.measured(one.value, one.unit),
        measured_at=wording.moment(one.time, zone),
        least=wording.number(one.low),
        most=wording.measured(one.high, one.unit),
    )


def _sensitivity(one: Sensitivity) -> SensitivityView:
    low, high = one.values
    return SensitivityView(
        label=one.label,
        age="" if one.age is None else wording.age(one.age),
        least=wording.number(low),
        most=wording.measured(high, one.unit),
        risks=wording.spread(one.probabilities),
    )


def _answer(response: Response, finding: RiskAssessment, offer: WhatIfOffer) -> AnswerView:
    known = {one.name: one for one in offer.inputs}
    changed = [(known[name], value) for name, value in response.values if value != known[name].value]
    drivers = response.explanation.drivers()[:DRIVERS]
    return AnswerView(
        percent=wording.percent(response.probability),
        of_hundred=wording.of_hundred(response.probability),
        tier=response.tier.name,
        before=wording.percent(finding.probability),
        slightly=slightly(finding.probability, response.probability) if changed else "",
        changes=tuple(
            ChangeView(one.label, wording.measured(value, one.unit), wording.number(one.value))
            for one, value in changed
        ),
        drivers=tuple(_driver(driver) for driver in drivers),
        unusual=response.unusual,
    )


def _driver(driver: Driver) -> EffectView:
    factor = math.exp(driver.log_odds)
    return EffectView(driver.label, wording.direction(factor), wording.multiplier(factor))
