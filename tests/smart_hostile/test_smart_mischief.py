"""Every mischief of the strict authorization server against the whole application: what the person sees."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from ehr_simulator.authorization.mischief.table import TABLE
from hostile.listeners import Listener
from smart_hostile.expected import EXPECTED, NOBODY, Opens, Refused
from smart_hostile.person import Person, shows_data, text_of
from smart_hostile.ward import Ward

# Pieces of what a mischief sends that a browser would act on.
ACTIVE = ("<script>document", "<img src=x", "expression(", "url(", "display:none", "javascript:", "tracker.example")


@pytest.fixture(scope="module")
def nobody() -> Iterator[Listener]:
    """An address that only the EHR's word names."""
    with closing(Listener()) as opened:
        yield opened


def test_every_mischief_has_an_expectation() -> None:
    """A new one has to be thought about."""
    assert set(EXPECTED) == set(TABLE)


def test_a_leak_would_be_seen(ward: Ward, person: Person) -> None:
    """The guard of these tests knows the tokens, and finds them in a text."""
    person.launch()
    assert len(ward.ehr.secrets()) >= 3
    assert all(ward.leaks(f"an error with {secret} in it") for secret in ward.ehr.secrets())
    assert ward.leaks("eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.")


def test_a_page_opens_with_what_is_left_of_the_scopes(ward: Ward, person: Person) -> None:
    """No model can answer, and the page says for each what it lacks."""
    ward.ehr.settings.mischief.arm("narrower_scope")
    _, answer = person.launch()
    assert answer.status_code == 200
    assert "did not give leave to read all of the measurements and laboratory values" in text_of(answer)


def test_of_a_hostile_style_only_a_colour_is_left(ward: Ward, person: Person) -> None:
    """Ten members of the document want to run, load or hide something."""
    ward.ehr.settings.mischief.arm("hostile_style")
    person.launch()
    assert ward.visits()[-1].style == {"color_success": "#00aa00"}


@pytest.mark.parametrize("name", sorted(TABLE))
def test_mischief(ward: Ward, person: Person, nobody: Listener, name: str) -> None:
    """The page opens as it should, or it is refused in words; the callback is spent in either case."""
    for value, expected in EXPECTED[name]:
        ward.fresh()
        if name == "replayed_code":
            assert person.launch()[1].status_code == 200
        ward.ehr.settings.mischief.arm(name, value=nobody.url if value == NOBODY else value)
        callback, answer = person.launch()
        check(expected, answer, f"{name}={value}")
        asked = len(ward.ehr.tokens_asked)
        again = person.get(callback)
        assert again.status_code in (400, 403), name
        assert not shows_data(again)
        assert len(ward.ehr.tokens_asked) == asked, "a spent callback asked for tokens"
    assert nobody.calls == 0


def check(expected: Opens | Refused, answer: Any, what: str) -> None:
    """The status, the words, and whether anything of a patient is there."""
    seen = text_of(answer)
    assert (answer.status_code, what) == (expected.status, what), seen
    for words in expected.words:
        assert words in seen, f"{what}: {seen}"
    assert shows_data(answer) == isinstance(expected, Opens), f"{what}: {seen}"
    if isinstance(expected, Refused):
        assert "Incident" in seen
    else:
        assert ("The record was read only in part" in seen) == expected.partly, f"{what}: {seen[:1500]}"
    assert [piece for piece in ACTIVE if piece in answer.text] == []
