"""The token of a card's link."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinical.app_context import AppContexts, CardLink

ID = "6f1c5a80-5d3c-4f5a-9a39-6c3f7a3f2b11"
OURS = AppContexts(b"k" * 32)


@given(st.uuids(), st.text(max_size=40), st.booleans())
def test_what_was_written_is_read(card: uuid.UUID, client: str, reports: bool) -> None:
    """For its own client, under its own key, and in 43 characters that need no escape in a URL."""
    token = OURS.write(str(card), client, reports=reports)
    assert OURS.read(token, client) == CardLink(str(card), reports)
    assert len(token) == 43
    assert token.replace("-", "").replace("_", "").isalnum()


@pytest.mark.parametrize("reports", [False, True])
def test_another_client_or_key_reads_nothing(reports: bool) -> None:
    """A token of one hospital is nothing at another."""
    token = OURS.write(ID, "general", reports=reports)
    assert OURS.read(token, "other") is None
    assert AppContexts(b"x" * 32).read(token, "general") is None


@given(st.text(max_size=50) | st.text("AZaz09-_", min_size=43, max_size=43))
def test_what_was_not_written_is_not_read(token: str) -> None:
    """Anything else is nobody's card."""
    assert OURS.read(token, "general") is None


@pytest.mark.parametrize("token", [None, "", ID, "*" * 43])
def test_the_absent_and_the_malformed(token: str | None) -> None:
    """Nothing is raised."""
    assert OURS.read(token, "general") is None


@given(st.integers(0, 42), st.sampled_from("ABCDabcd0123-_"))
def test_no_other_spelling(place: int, letter: str) -> None:
    """A changed character breaks the token, but for the bits of the last one that carry nothing."""
    token = OURS.write(ID, "general")
    changed = token[:place] + letter + token[place + 1 :]
    mine = CardLink(ID)
    assert OURS.read(changed, "general") in ((mine,) if changed == token or place == 42 else (None,)) + (None,)


def test_the_tokens_of_a_cards_two_links_differ_in_what_is_signed_alone() -> None:
    """Both name the card; neither can be made of the other without the key."""
    page, report = (OURS.write(ID, "general", reports=reports) for reports in (False, True))
    assert page[:21] == report[:21]
    assert page[22:] != report[22:]
