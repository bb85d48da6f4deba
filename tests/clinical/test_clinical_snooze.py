"""Snooze as the policy sees it, and what nobody may see at all."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from clinical.advice import History, ShownBefore, WithheldReason
from clinical.assessment import Abstention, RiskAssessment
from clinical.policy import Policy
from clinical.snooze import LONGEST_SNOOZE, SNOOZES, snooze_span
from findings import NOW

HOUR = timedelta(hours=1)
USER = "Practitioner/1"


def put_off(hours: float, tier: float = 0.2) -> History:
    """A card that is put off for so many more hours."""
    return History((ShownBefore(NOW - HOUR, tier, snoozed_until=NOW + hours * HOUR),))


def test_the_choices_are_durations_of_hours() -> None:
    """ISO 8601, and the longest is what the past must reach back."""
    assert [(choice.code, snooze_span(choice.code)) for choice in SNOOZES] == [
        ("PT4H", 4 * HOUR), ("PT12H", 12 * HOUR), ("PT24H", 24 * HOUR),
    ]  # fmt: skip
    assert LONGEST_SNOOZE == 24 * HOUR


@pytest.mark.parametrize("code", ["", "PT0H", "P1D", "4", "PT4H ", "pt4h", "PT999H", "PT-4H", "PT٤H"])
def test_any_other_code_lasts_no_time(code: str) -> None:
    """What cannot be read keeps no card away."""
    assert snooze_span(code) == timedelta(0)


@pytest.mark.parametrize(
    ("past", "user", "withheld"),
    [
        (put_off(0.01), USER, WithheldReason.SNOOZED),
        (put_off(0), USER, None),
        (put_off(3, tier=0.0), USER, None),
        (put_off(3, tier=0.45), USER, WithheldReason.SNOOZED),
        (put_off(3), "", None),
        (History((ShownBefore(NOW - HOUR, 0.2),)), USER, None),
    ],
)
def test_a_card_that_was_put_off_stays_away(
    past: History, user: str, withheld: WithheldReason | None, make_assessment: Callable[..., RiskAssessment]
) -> None:
    """For its time, from this clinician, unless the tier rises."""
    policy, finding = Policy(own_snooze=LONGEST_SNOOZE), make_assessment(0.25, "raised")
    assert policy.decide(finding, user=user, now=NOW, history=lambda: past) is withheld


def test_the_critical_tier_and_not_assessed_always_come(
    make_assessment: Callable[..., RiskAssessment], make_abstention: Callable[..., Abstention]
) -> None:
    """Nobody can put them off."""
    policy = Policy(own_snooze=LONGEST_SNOOZE)
    for finding in (make_assessment(0.5, "high"), make_abstention()):
        assert policy.decide(finding, user=USER, now=NOW, history=lambda: put_off(3, 0.45)) is None


def test_a_door_that_was_opened_on_purpose_knows_no_snooze(make_assessment: Callable[..., RiskAssessment]) -> None:
    """Without the rule the past is not even read."""
    assert Policy().look_back == timedelta(0)
    finding = make_assessment(0.25, "raised")
    assert Policy(per_encounter=9).decide(finding, user=USER, now=NOW, history=lambda: put_off(3)) is None


@pytest.mark.parametrize(
    ("policy", "user", "silence"),
    [
        (Policy(), USER, None),
        (Policy(show_from=0.9), USER, None),
        (Policy(shadow=True), USER, WithheldReason.SHADOW),
        (Policy(switched_off=True, shadow=True), USER, WithheldReason.SWITCHED_OFF),
        (Policy(shadow=True), "Patient/1", WithheldReason.NOT_FOR_ROLE),
        (Policy(hidden_from=()), "Patient/1", None),
    ],
)
def test_silence_is_asked_without_a_finding(policy: Policy, user: str, silence: WithheldReason | None) -> None:
    """So that a low risk of a silent run, which is withheld as low, is not shown anywhere else."""
    assert policy.silence(user) is silence
