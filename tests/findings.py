"""A pytest plug-in file: believable findings for tests of cards, policy and the main job."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from clinical.advice import Advice
from clinical.assessment import (
    Abstention,
    AbstentionReason,
    Attribution,
    Basis,
    Estimate,
    Explanation,
    Indicator,
    ModelInfo,
    RiskAssessment,
    Score,
    ScoreItem,
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


NEWS2 = ModelInfo(
    id="news2",
    version="1.0.0",
    digest="cd" * 32,
    title="NEWS2 (early warning score)",
    description="Adds up the National Early Warning Score",
    outcome="acute deterioration",
    horizon="now",
    base_rate=0.0,
    hooks=("patient-view",),
    action="Ask the team for an urgent review.",
    intended_use="People of 16 years and older in hospital",
    validation="Royal College of Physicians 2017; worked out as published.",
)
BANDS = {
    "low": Tier("low", 1.0, Indicator.INFO, "RCP 2017"),
    "medium": Tier("medium", 5.0, Indicator.WARNING, "RCP 2017"),
    "high": Tier("high", 7.0, Indicator.CRITICAL, "RCP 2017"),
}
COPD = Basis("Condition/copd", "COPD", NOW - timedelta(days=400))
# Label, points, what was found, the rule, minutes since it was measured.
NEWS2_ITEMS = (
    ("Respiratory rate", 3.0, "26 /min", "25 or more", 20),
    ("Oxygen saturation", 2.0, "93 %", "92 to 93", 25),
    ("Oxygen", 2.0, "on oxygen", "yes", 40),
    ("Temperature", 0.0, "37.2 °C", "36.1 to 38.0", 90),
    ("Systolic pressure", 0.0, "118 mmHg", "111 to 219", 20),
    ("Pulse", 0.0, "88 /min", "51 to 90", 20),
    ("Consciousness", 0.0, "alert", "alert", 60),
)


@pytest.fixture
def make_score() -> Callable[..., Score]:
    """A factory of NEWS2: 7 of 20 and whole, or with `unknown` items at the end of the list left out."""

    def make(band: str = "high", *, unknown: int = 0, **changes: Any) -> Score:
        known = len(NEWS2_ITEMS) - unknown
        items = [
            ScoreItem(label.lower(), label, points, found, rule, (observation(f"{n}-0", points, "1", minutes),))
            for n, (label, points, found, rule, minutes) in enumerate(NEWS2_ITEMS[:known])
        ]
        items[1] = replace(items[1], basis=(COPD,))
        items += [ScoreItem(row[0].lower(), row[0], None, "") for row in NEWS2_ITEMS[known:]]
        values: dict[str, Any] = {
            "model": NEWS2,
            "as_of": NOW,
            "value": 7.0,
            "unit": "{points}",
            "tier": BANDS[band],
            "items": tuple(items),
            "situation": "day 2 in hospital",
            "highest": 7.0 + 3.0 * unknown,
            "maximum": 20.0,
            "missing": tuple(row[0] for row in NEWS2_ITEMS[known:]),
            "oldest": NOW - timedelta(minutes=90),
            "newest": NOW - timedelta(minutes=20),
        }
        return Score(**{**values, **changes})

    return make


@pytest.fixture
def make_equation(make_score: Callable[..., Score]) -> Callable[..., Score]:
    """A factory of eGFR: an equation, whose items have no points, and less is worse."""

    def make(value: float = 48.0, **changes: Any) -> Score:
        info = replace(NEWS2, id="ckd-epi", title="eGFR (CKD-EPI 2021)", action="Check doses of medicines")
        items = (
            ScoreItem("creatinine", "Creatinine", None, "1.4 mg/dL", facts=(observation("2160-0", 1.4, "mg/dL", 200),)),
            ScoreItem("age", "Age", None, "74 years"),
            ScoreItem("sex", "Sex", None, "female"),
        )
        tier = Tier("G3a", -59.0, Indicator.INFO, "KDIGO 2012: 45 to 59")
        values = {"model": info, "value": value, "highest": value, "unit": "mL/min/{1.73_m2}", "items": items}
        return make_score(**{**values, "maximum": None, "falling": True, "tier": tier, **changes})

    return make


@pytest.fixture
def make_rich(make_assessment: Callable[..., RiskAssessment], make_score: Callable[..., Score]) -> Any:
    """A factory of risks with everything that may stand beside the number."""

    def make(**changes: Any) -> RiskAssessment:
        plain = make_assessment()
        heart = Basis("Condition/hf", "Heart failure", NOW - timedelta(days=30))
        reason = replace(attribution("comorbidity", 0.8, None), value=1.0, unit="1", basis=(heart, COPD))
        reasons = (*plain.explanation.attributions, reason)
        values: dict[str, Any] = {
            "probability": 0.5,
            "explanation": Explanation(-1.8 - 0.7, reasons),
            "signals": 30,
            "interval": (0.44, 0.57),
            "coverage": 0.62,
            "unusual": ("Age 103 years",),
            "comparators": (make_score(), make_score(unknown=1, value=5.0)),
            "others": (Estimate("heart failure within 10 years", 0.04), Estimate("stroke within 10 years", 0.3)),
        }
        return replace(plain, **{**values, **changes})

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
