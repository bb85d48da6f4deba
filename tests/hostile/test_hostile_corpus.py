"""Every case of the corpus through the real application in this process, with the real model and a real ledger."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from hostile.corpus import Case, load
from hostile.judge import faults

CASES = [case for case in load() if case.group != "framing"]


def test_the_corpus_is_as_large_as_it_says() -> None:
    """At least 320 bad requests and 20 good ones, in every class."""
    counts = Counter(case.group for case in load())
    assert sum(counts.values()) - counts["good"] >= 320, counts
    assert counts["good"] >= 20
    assert min(counts.values()) >= 10, counts


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.group}: {case.name}")
def test_a_request_is_answered_rightly(case: Case, bench: Any) -> None:
    """Refused, set aside with words, or served as ever: as the case says, and under the rules for every answer."""
    answer, compared = bench.run(case)
    assert faults(case, answer, compared) == []


def test_every_refused_token_hears_the_same(bench: Any) -> None:
    """401, one and the same to the byte."""
    answers = [bench.run(case)[0] for case in CASES if case.group == "jwt"]
    assert {answer.status for answer in answers} == {401}
    assert len({answer.body for answer in answers}) == 1


def test_no_foreign_address_was_called(bench: Any, listener: Any) -> None:
    """Whatever a request named as a server, a key set or a next page."""
    for case in (case for case in CASES if "{listener}" in str(case.spec)):
        bench.run(case)
    assert listener.calls == 0


def test_the_log_holds_nothing_of_the_requests(
    bench: Any, hostile_log: io.StringIO, check_log: Callable[[str], None]
) -> None:
    """After all of it: no patient data, no token, no traceback, and each line is one JSON object."""
    for case in CASES:
        bench.run(case)
    text = hostile_log.getvalue()
    assert text.count("\n") > 20
    check_log(text)
