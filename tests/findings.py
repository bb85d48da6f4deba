"""A pytest plug-in file: believable findings for tests of cards, policy and the main job."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from clinical.advice import Advice
from clinical.assessment import (
    Abstention,
    AbstentionReason,
    Attribution,
    Explanation,
    Indicator,
    ModelInfo,
    RiskAssessment,
    Tier,
)
from clinical.record import LOINC, Coding, Observation, SetAside, SetAsideReason, Source

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
INFO = ModelInfo(
    id="icu-mortality",
    version="1.2.3",
    digest="ab" * 32,
    title="ICU mortality",
    description="Risk of death in hospital",
    outcome="in-hospital death",
    horizon="during this hospital stay",
    base_rate=0.14,
    hooks=("patient-view", "encounter-start"),
    action="Ask for a senior review and agree an escalation plan.",
    intended_use="Adults in intensive care",
)
TIERS = {
    "low": Tier("low", 0.0, Indicator.INFO, "test"),
    "raised": Tier("raised", 0.2, Indicator.WARNING, "test"),
    "high": Tier("high", 0.45, Indicator.CRITICAL, "test"),
}


def observation(code: str, value: float, unit: str, minutes_old: int = 30) -> Observation:
    """One usable observation."""
    return Observation(
        reference=f"Observation/{code}",
        codings=(Coding(LOINC, code),),
        value=value,
        unit=unit,
        time=NOW - timedelta(minutes=minutes_old),
        status="final",
        source=Source.PREFETCH,
        reported_value=value,
        reported_unit=unit,
    )


def attribution(concept: str, log_odds: float, fact: Observation | None) -> Attribution:
    """One attribution with at most one fact behind it."""
    return Attribution(
        feature=f"{concept}_last",
        concept=concept,
        concept_label=concept.capitalize(),
        label=f"Last {concept}",
        log_odds=log_odds,
        value=fact.value if fact else None,
        unit=fact.unit if fact else "",
        facts=(fact,) if fact else (),
    )


@pytest.fixture
def make_assessment() -> Callable[..., RiskAssessment]:
    """A factory of assessments."""

    def make(probability: float = 0.5, tier: str = "high", **changes: Any) -> RiskAssessment:
        values: dict[str, Any] = {
            "model": INFO,
            "as_of": NOW,
            "probability": probability,
            "tier": TIERS[tier],
            "explanation": Explanation(
                -1.8,
                (
                    attribution("lactate", 1.2, observation("2524-7", 4.1, "mmol/L")),
                    attribution("creatinine", 0.9, observation("2160-0", 2.31, "mg/dL", 200)),
                    attribution("platelets", -0.3, observation("777-3", 212, "10*3/uL", 90)),
                    attribution("bilirubin", -0.1, None),
                ),
            ),
            "situation": "hour 24 of the intensive care stay",
            "missing": ("Bilirubin",),
            "unused": (SetAside("Observation/7", SetAsideReason.UNIT, "unit 'mg/L' cannot be converted to mg/dL"),),
            "oldest": NOW - timedelta(hours=20),
            "newest": NOW - timedelta(minutes=30),
        }
        return RiskAssessment(**{**values, **changes})

    return make


@pytest.fixture
def make_abstention() -> Callable[..., Abstention]:
    """A factory of abstentions."""

    def make(*, in_population: bool = True, **changes: Any) -> Abstention:
        values: dict[str, Any] = {
            "model": INFO,
            "as_of": NOW,
            "reason": AbstentionReason.TOO_EARLY,
            "text": "the stay is 3 hours old; the model answers from hour 6",
            "in_population": in_population,
            "missing": ("Lactate", "Creatinine"),
        }
        return Abstention(**{**values, **changes})

    return make


@pytest.fixture
def make_advice(make_assessment: Callable[..., RiskAssessment]) -> Callable[..., Advice]:
    """A factory of ledger entries."""

    def make(finding: Any = None, **changes: Any) -> Advice:
        values: dict[str, Any] = {
            "id": "6f1c5a80-5d3c-4f5a-9a39-6c3f7a3f2b11",
            "suggestion_id": "0d9a2b1e-93d0-4f14-8f1e-1c1e7c5d7f22",
            "time": NOW,
            "client": "demo-ehr",
            "service": "icu-mortality",
            "hook": "patient-view",
            "hook_instance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
            "patient_id": "pat-1",
            "encounter_id": "enc-1",
            "user": "Practitioner/dr-1",
            "unit_name": "Medical ICU",
            "finding": finding or make_assessment(),
            "withheld": None,
        }
        return Advice(**{**values, **changes})

    return make
