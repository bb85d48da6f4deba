"""Any items at the feedback door: the whole batch is stored, or nothing of it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hostile import good
from hostile.corpus import Request
from hostile.judge import Answer, always
from hostile.test_hostile_door import NOW, TEXTS, VALUES

MEMBERS = ["card", "outcome", "outcomeTimestamp", "acceptedSuggestions", "overrideReason", "unknown"]


@pytest.fixture
def stored(hostile_house: Any) -> Callable[[], int]:
    """How many rows of feedback the ledger's file holds, read past the product."""
    path = Path(hostile_house.settings.database_url.removeprefix("sqlite:///"))

    def count() -> int:
        with closing(sqlite3.connect(path)) as connection:
            return int(connection.execute("select count(*) from feedback").fetchone()[0])

    return count


def send(bench: Any, document: Any) -> Answer:
    """Give feedback."""
    body = json.dumps(document).encode("utf-8", "surrogatepass")
    path = f"/cds-services/{good.SERVICE}/feedback"
    answer = bench.send(Request("POST", path, {"Content-Type": "application/json"}, body))
    assert isinstance(answer, Answer)
    return answer


def good_items(card: str) -> st.SearchStrategy[dict[str, Any]]:
    """Feedback that must be taken, each time another."""
    moments = st.integers(0, 10**6 - 1).map(lambda n: f"2026-03-02T08:00:{10 + n % 50}.{n:06d}Z")
    cards = st.just(card) | st.uuids().map(str)
    return st.builds(
        lambda name, time, comment: {
            "card": name,
            "outcome": "overridden",
            "outcomeTimestamp": time,
            **({"overrideReason": {"userComment": comment}} if comment else {}),
        },
        cards, moments, TEXTS.filter(lambda text: len(text) <= 4000),
    )  # fmt: skip


SPOILT = st.tuples(st.sampled_from(MEMBERS), VALUES) | st.sampled_from(MEMBERS[:3])


def spoil(item: Any, how: Any) -> Any:
    """An item with a member changed or cut."""
    if isinstance(how, str):
        return {name: value for name, value in item.items() if name != how}
    return {**item, how[0]: how[1]}


@given(data=st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_batch_is_stored_whole_or_not_at_all(bench: Any, stored: Callable[[], int], data: st.DataObject) -> None:
    """Good items beside spoilt ones and beside any JSON: 200 counts each item, anything else stores none."""
    items: list[Any] = data.draw(st.lists(good_items(bench.world.card), max_size=4))
    if items and data.draw(st.booleans()):
        place = data.draw(st.integers(0, len(items) - 1))
        items[place] = data.draw(SPOILT.map(lambda how: spoil(items[place], how)) | VALUES)
    before = stored()
    answer = send(bench, {"feedback": items})
    after = stored()
    assert list(always(answer)) == []
    if answer.status == 200:
        counts = answer.json
        assert counts["stored"] + counts["repeated"] + counts["quarantined"] == len(items)
        assert 0 <= after - before <= len(items)
    else:
        assert answer.status in {400, 422}
        assert after == before


@given(document=VALUES)
@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_other_document_is_refused(bench: Any, stored: Callable[[], int], document: Any) -> None:
    """And leaves nothing behind."""
    before = stored()
    answer = send(bench, document)
    assert answer.status in {400, 422}
    assert list(always(answer)) == []
    assert stored() == before


def test_a_batch_sent_again_stores_nothing_more(bench: Any, stored: Callable[[], int]) -> None:
    """The client that did not hear the answer may send it again, as often as it likes."""
    batch = good.feedback(NOW, bench.world.card, bench.world.suggestion)
    batch["feedback"].append({**batch["feedback"][0], "outcomeTimestamp": "2026-03-02T08:02:34Z"})
    first = send(bench, batch)
    kept = stored()
    for _ in range(3):
        again = send(bench, batch)
        assert again.status == first.status == 200
        assert again.json["stored"] == 0
        assert stored() == kept
