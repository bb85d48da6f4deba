"""Entries of a history as findings, with values and reasons that add up to the risk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from chartside.history.patients import BASE_LOG_ODDS, CONCEPTS, GLUCOSE, Stays, share
from chartside.history.plan import READMISSION, SEPSIS, SERVICES, SHADOW, Plan
from chartside.history.rows import HIGH, RAISED, Rows
from clinical.assessment import (
    Abstention,
    AbstentionReason,
    Attribution,
    Explanation,
    Finding,
    Indicator,
    ModelInfo,
    RiskAssessment,
    Tier,
)
from clinical.record import LOINC, Coding, Observation, Source

BEFORE = "0.9.0"
_SOURCE = "threshold of the made-up hospital"
TIERS = (
    Tier("usual", 0.0, Indicator.INFO, _SOURCE),
    Tier("raised", RAISED, Indicator.WARNING, _SOURCE),
    Tier("high", HIGH, Indicator.CRITICAL, _SOURCE),
)
# A feature that is no measurement: name and label by service.
_EXTRA = {
    READMISSION: ("earlier-stays", "Earlier stays", "Stays in the last year"),
    SHADOW: ("other-signals", "Other signals", "Other signals"),
}


@dataclass(frozen=True, slots=True)
class FindingMaker:
    """Makes the finding of each entry. `infos`: the models by id, as they stand on the shelf."""

    infos: Mapping[str, ModelInfo]
    stays: Stays
    plan: Plan
    start: datetime

    def model(self, row: Any) -> ModelInfo:
        """The model of an entry: sepsis-6h had another version before the change."""
        info = self.infos[SERVICES[row["service"]]]
        return replace(info, version=BEFORE) if row["service"] == SEPSIS and row["version"] == 0 else info

    def moment(self, days: float) -> datetime:
        """The moment so many days from the start."""
        return self.start + timedelta(days=float(days))

    def make(self, rows: Rows) -> list[Finding]:
        """The findings of entries, in their order."""
        stay = rows["stay"]
        values = self._values(rows)
        standard = np.nan_to_num(self.stays.standard[stay])
        standard[:, GLUCOSE] += np.log(rows["factor"]) / CONCEPTS[GLUCOSE].spread
        service = np.where(rows["service"] == SHADOW, SEPSIS, rows["service"])
        shares = standard * np.array([each.weights for each in CONCEPTS]).T[service]
        risks = share(rows["log_odds"])
        return [
            self._abstention(row) if row["abstained"] else self._risk(row, value, part, float(risk))
            for row, value, part, risk in zip(rows, values.tolist(), shares.tolist(), risks, strict=True)
        ]

    def _values(self, rows: Rows) -> Any:
        """The values that the models saw, entries × concepts."""
        measured = self.stays.standard[rows["stay"]]
        medians, spreads = (np.array([getattr(each, name) for each in CONCEPTS]) for name in ("median", "spread"))
        found = medians * np.exp(measured * spreads)
        found[:, GLUCOSE] *= rows["factor"]
        return np.round(found, 3)

    def _risk(self, row: Any, values: list[float], shares: list[float], risk: float) -> RiskAssessment:
        """A risk with its reasons."""
        now, service = self.moment(row["time"]), int(row["service"])
        reasons = [
            _attribution(place, value, part, now, int(row["stay"]))
            for place, (value, part) in enumerate(zip(values, shares, strict=True))
        ]
        if service in _EXTRA:
            reasons.append(_extra(service, float(row["extra"]), bool(row["broken"])))
        base = BASE_LOG_ODDS[SEPSIS if service == SHADOW else service]
        facts = [fact for reason in reasons for fact in reason.facts]
        return RiskAssessment(
            model=self.model(row),
            as_of=now,
            probability=risk,
            tier=max((tier for tier in TIERS if risk >= tier.at_least), key=lambda tier: tier.at_least),
            explanation=Explanation(base, tuple(reasons)),
            situation=f"day {int(row['time'] - self.stays.start[row['stay']]) + 1} of the stay",
            missing=tuple(reason.concept_label for reason in reasons if reason.value is None),
            oldest=min((fact.time for fact in facts), default=None),
            newest=max((fact.time for fact in facts), default=None),
            signals=len(CONCEPTS),
        )

    def _abstention(self, row: Any) -> Abstention:
        """No answer; the model is not meant for some patients."""
        inside = row["state"] == 0
        reason = AbstentionReason.NOT_ENOUGH_DATA if inside else AbstentionReason.NOT_MEANT_FOR
        text = "too little was measured" if inside else "the model is not meant for this patient"
        missing = tuple(each.label for each in CONCEPTS) if inside else ()
        return Abstention(self.model(row), self.moment(row["time"]), reason, text, bool(inside), missing)


def _attribution(place: int, value: float, part: float, now: datetime, stay: int) -> Attribution:
    """One concept; NaN where nothing was measured."""
    concept, known = CONCEPTS[place], value == value  # noqa: PLR0124 (NaN is not equal to itself)
    fact = Observation(
        reference=f"Observation/{stay}-{concept.name}",
        codings=_CODINGS[place],
        value=value,
        unit=concept.unit,
        time=now - timedelta(minutes=12 + 17 * place),
        status="final",
        source=Source.PREFETCH,
        reported_value=value,
        reported_unit=concept.unit,
    )
    return Attribution(
        feature=f"{concept.name}-last",
        concept=concept.name,
        concept_label=concept.label,
        label=f"Last {concept.label.lower()}",
        log_odds=part,
        value=value if known else None,
        unit=concept.unit,
        facts=(fact,) if known else (),
    )


def _extra(service: int, log_odds: float, broken: bool) -> Attribution:
    """What no concept explains. The broken rule counts each earlier stay twice, and finds some that were none."""
    name, concept_label, label = _EXTRA[service]
    return Attribution(name, name, concept_label, label, log_odds, (4.0 if broken else 0.0), "1")


_CODINGS = tuple((Coding(LOINC, each.loinc, each.label),) for each in CONCEPTS)
