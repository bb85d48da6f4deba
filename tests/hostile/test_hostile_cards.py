"""Cards of any finding: whatever stands in it, the linter passes and a screen runs, loads and links nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cds_hooks import linter
from cds_hooks.cards import CardWriter
from clinical.advice import Advice, WithheldReason
from clinical.app_context import AppContexts
from clinical.assessment import (
    Abstention,
    AbstentionReason,
    Attribution,
    Explanation,
    Finding,
    Indicator,
    Observed,
    RiskAssessment,
    Tier,
)
from clinical.record import LOINC, Coding, Observation, SetAside, SetAsideReason, Source
from findings import INFO
from hostile.judge import active_parts, card_faults

BASE = "https://chartside.hostile.test"
NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
WRITER = CardWriter(BASE, AppContexts(b"k" * 32))
TRAPS = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "![x](http://evil.test/x.png)", "[x](javascript:a)",
    "[x]: http://evil.test\n[x]", "<http://evil.test>", "http://evil.test", "www.evil.test", "WWW.evil.test",
    "a@b.test",
    "a | b |\n|---|---|", "# heading", "\n\n---\n", "> quote", "```\ncode", "    code", "&lt;script&gt;", "&#60;b&#62;",
    "\\<b>", "\\\\<b>", "`<b>`", "**", "__x__", "~~x~~", "1. x", "- x", "\u202e\u2066", "\x00\x07\x1b[31m", "\r\nx",
    "x" * 500,
    "://", "mailto:a@b.test", "HTTP://EVIL.TEST", "ftp://x", "<!--", "<![CDATA[", "]]>", "<svg/onload=a>", "\u2028x",
]  # fmt: skip
MARKUP = st.lists(
    st.sampled_from([*"\\`*_{}[]()#+-.!|<>~&@:/\n \t", "www.", "http", "a", "1"]), min_size=1, max_size=25
)
TEXT = st.sampled_from(TRAPS) | st.text(min_size=1, max_size=60) | MARKUP.map("".join)
FLOATS = st.floats(-1e9, 1e9)
MOMENTS = st.integers(0, 10**7).map(lambda minutes: NOW - timedelta(minutes=minutes))


def observations() -> st.SearchStrategy[Observation]:
    """Facts with any text where a record could bring it."""
    return st.builds(
        lambda text, value, time: Observation(
            text, (Coding(LOINC, text, text),), value, text, time, text, Source.PREFETCH, value, text
        ),
        TEXT, FLOATS, MOMENTS,
    )  # fmt: skip


def attributions() -> st.SearchStrategy[Attribution]:
    """Reasons with any label, unit and value."""
    return st.builds(
        Attribution,
        feature=TEXT,
        concept=TEXT,
        concept_label=TEXT,
        label=TEXT,
        log_odds=st.floats(-8, 8),
        value=st.none() | FLOATS,
        unit=TEXT,
        facts=st.lists(observations(), max_size=2).map(tuple),
        derived=st.booleans(),
        lead=st.booleans(),
    )


TEXTS = st.lists(TEXT, max_size=4).map(tuple)
UNUSED = st.lists(st.builds(SetAside, TEXT, st.sampled_from(SetAsideReason), TEXT), max_size=8).map(tuple)
OBSERVED = st.builds(Observed, *[st.floats(0, 1)] * 2, st.integers(1, 9999), st.integers(0, 1), *[st.floats(0, 1)] * 2)
COMMON: dict[str, Any] = {"missing": TEXTS, "unused": UNUSED, "incomplete": TEXTS, "caveats": TEXTS}


def findings() -> st.SearchStrategy[Finding]:
    """Any finding. The model's own name and sentences come from a signed file and stay as they are."""
    explanations = st.builds(Explanation, st.floats(-8, 8), st.lists(attributions(), max_size=8).map(tuple))
    assessments = st.builds(
        RiskAssessment,
        model=st.just(INFO),
        as_of=st.just(NOW),
        probability=st.floats(0, 1),
        tier=st.builds(Tier, st.just("high"), st.just(0.0), st.sampled_from(Indicator), st.just("test")),
        explanation=explanations,
        situation=TEXT,
        oldest=st.none() | MOMENTS,
        newest=st.none() | MOMENTS,
        observed=st.none() | OBSERVED,
        signals=st.integers(0, 40),
        **COMMON,
    )
    abstentions = st.builds(
        Abstention,
        model=st.just(INFO),
        as_of=st.just(NOW),
        reason=st.sampled_from(AbstentionReason),
        text=TEXT,
        in_population=st.booleans(),
        **COMMON,
    )
    return assessments | abstentions


def advice(finding: Finding, ids: list[UUID], withheld: WithheldReason | None) -> Advice:
    """An entry of the ledger about a finding."""
    return Advice(
        id=str(ids[0]),
        suggestion_id=str(ids[1]),
        time=NOW + timedelta(seconds=1),
        client="ward",
        service=INFO.id,
        hook="patient-view",
        hook_instance="x",
        patient_id="pat-1",
        encounter_id="enc-1",
        user="Practitioner/1",
        unit_name="ICU",
        finding=finding,
        withheld=withheld,
    )


IDS = st.lists(st.uuids(), min_size=2, max_size=2, unique=True)


@given(finding=findings(), ids=IDS)
@settings(max_examples=300, deadline=None)
def test_a_card_of_any_finding_is_a_good_card(finding: Finding, ids: list[UUID]) -> None:
    """The linter passes, a check of its own passes, and the rendered detail holds nothing but plain text."""
    response = WRITER.response(advice(finding, ids, None))
    linter.check(response, BASE)
    assert list(card_faults(response)) == []
    card = response["cards"][0]  # type: ignore[index]
    assert 0 < len(card["summary"]) <= 139
    assert card["summary"].isprintable()
    assert active_parts(card["detail"]) == []


@pytest.mark.parametrize("trap", TRAPS)
@pytest.mark.parametrize("place", ["incomplete", "caveats", "missing", "unused", "situation", "text"])
def test_a_trap_in_any_place_is_shown_as_text(
    trap: str, place: str, make_assessment: Any, make_abstention: Any
) -> None:
    """Each trap in each place that a record or a server can fill."""
    value: Any = (trap,)
    if place == "unused":
        value = (SetAside("Observation/1", SetAsideReason.UNIT, trap),)
    if place in ("situation", "text"):
        value = trap
    finding = make_abstention(text=trap) if place == "text" else make_assessment(**{place: value})
    response = WRITER.response(advice(finding, [UUID(int=1), UUID(int=2)], None))
    linter.check(response, BASE)
    assert active_parts(response["cards"][0]["detail"]) == []  # type: ignore[index]


@given(finding=findings(), ids=IDS, withheld=st.sampled_from(WithheldReason))
@settings(max_examples=60, deadline=None)
def test_withheld_advice_says_so_beside_the_empty_list(
    finding: Finding, ids: list[UUID], withheld: WithheldReason
) -> None:
    """Never an empty list alone."""
    response = WRITER.response(advice(finding, ids, withheld))
    linter.check(response, BASE)
    assert response["cards"] == []
    outcome = response["extension"]["org.chartside.outcome"]  # type: ignore[index]
    assert outcome["withheld"] == withheld.value
    assert outcome["shown"] is False
