"""The check of the checks: faults planted in answers are found, and a fact that was used shows in the risk."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from hostile.corpus import Case, load, reference
from hostile.judge import EXTENSION, TIME_LIMIT_S, Answer, active_parts, always, faults

HEADERS = {
    "Content-Type": "application/json",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}
REFUSAL = {
    "resourceType": "OperationOutcome",
    "issue": [{"severity": "error", "code": "invalid", "details": {"text": "Not so."}}],
}
ASSESSED = {"status": "assessed", "probability": 0.5, "tier": "high"}


def answer(status: int, body: Any, **headers: str) -> Answer:
    """An answer with good headers."""
    return Answer(status, {**HEADERS, **headers}, json.dumps(body).encode(), 0.01)


def served(detail: str = "Fine.", probability: float = 0.5) -> Answer:
    """A card."""
    outcome = {**ASSESSED, "probability": probability}
    return answer(200, {"cards": [{"detail": detail}], "extension": {EXTENSION: outcome}})


SPOILT: dict[str, Callable[[], Answer]] = {
    "a 500": lambda: answer(500, REFUSAL),
    "slow": lambda: replace(answer(400, REFUSAL), seconds=TIME_LIMIT_S + 0.5),
    "sniffed": lambda: answer(400, REFUSAL, **{"X-Content-Type-Options": ""}),
    "stored": lambda: answer(400, REFUSAL, **{"Cache-Control": "public"}),
    "framed": lambda: answer(400, REFUSAL, **{"Content-Security-Policy": ""}),
    "referred": lambda: answer(400, REFUSAL, **{"Referrer-Policy": ""}),
    "a page": lambda: replace(answer(404, {}), body=b"<h1>404</h1>"),
    "no code": lambda: answer(400, {"resourceType": "OperationOutcome", "issue": [{"severity": "error"}]}),
    "no issue": lambda: answer(400, {"resourceType": "OperationOutcome", "issue": []}),
    "an echoed id": lambda: answer(400, {**REFUSAL, "id": "qx7-pat"}),
    "an echoed value": lambda: answer(400, {**REFUSAL, "text": "lactate 8.27143"}),
    "an echoed token": lambda: answer(401, {**REFUSAL, "text": "eyJhbGci"}),
    "a traceback": lambda: answer(400, {**REFUSAL, "text": "Traceback (most recent"}),
    "cards beside a fault": lambda: answer(400, {**REFUSAL, "cards": []}),
    "a 401 without a challenge": lambda: answer(401, REFUSAL),
    "a 405 without methods": lambda: answer(405, REFUSAL),
    "open CORS": lambda: answer(400, REFUSAL, **{"Access-Control-Allow-Origin": "*"}),
    "CORS with credentials": lambda: answer(400, REFUSAL, **{"Access-Control-Allow-Credentials": "true"}),
    "a version": lambda: answer(400, REFUSAL, Server="gunicorn/27.0.1"),
    "silence": lambda: answer(200, {"cards": []}),
    "silence beside a number": lambda: answer(200, {"cards": [], "extension": {EXTENSION: ASSESSED}}),
    "a script": lambda: served("a <script>alert(1)</script> b"),
    "an image": lambda: served("![x](http://evil.test/x.png)"),
    "a link": lambda: served("[x](javascript:alert(1))"),
    "markup in a summary": lambda: answer(
        200, {"cards": [{"summary": "<b>x"}], "extension": {EXTENSION: {**ASSESSED, "withheld": ""}}}
    ),
}


@pytest.mark.parametrize("name", SPOILT)
def test_a_planted_fault_is_found(name: str) -> None:
    """One for each rule."""
    assert list(always(SPOILT[name]()))


def test_good_answers_pass() -> None:
    """A refusal, and a card with the words that cards have."""
    assert not list(always(answer(400, REFUSAL)))
    detail = "**Consider:** call.\n\n| Raises | Odds |\n|---|---|\n| \\<b\\> | × 2 |\n\nunit 'http\\://x' at a\\@b.c"
    assert not list(always(served(detail)))


@pytest.mark.parametrize("text", ["http://e.test", "www.e.test", "a@e.test", "<b>x</b>", "![](x)", "<!---->x<i>"])
def test_what_a_client_would_act_on_is_seen(text: str) -> None:
    """Bare addresses, which some clients turn into links, among it."""
    assert active_parts(text)


def test_a_used_fact_is_not_taken_for_an_unused_one() -> None:
    """Another probability, other rows, or no word about it: none of them is "set aside"."""
    case = Case("units", "x", ("aside",), {"fact": "lactate"})
    without = served("Fine.")
    said = "Fine.\n\n**Read but not used:** 1 × lactate: a unit."
    assert faults(case, served(said), without) == []
    assert faults(case, served(said, probability=0.6), without)
    assert faults(case, served("| Lactate | 8 | now | × 2 |\n\n" + said), without)
    assert faults(case, served("Fine."), without)
    assert faults(case, answer(200, {"cards": [], "extension": {EXTENSION: {**ASSESSED, "withheld": "x"}}}), without)


FACTS = sorted({case.spec["fact"] for case in load() if "fact" in case.spec})


@pytest.mark.parametrize("fact", FACTS)
def test_each_fact_of_the_corpus_moves_the_risk(fact: str, bench: Any) -> None:
    """Otherwise the corpus could not tell whether it was used."""
    whole = bench.send(reference(Case("units", "x", (), {}), bench.world))
    without = bench.send(reference(Case("units", "x", (), {"fact": fact}), bench.world))
    assert whole.outcome["probability"] != without.outcome["probability"]
