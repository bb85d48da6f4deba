"""What is sooner seen than worked out says the same: a glance at a text or an answer never hides anything."""

from __future__ import annotations

import re
import uuid

from hypothesis import given
from hypothesis import strategies as st

from cds_hooks import linter, words

# Letters of which many make markup, and some that only look like it.
_TEXTS = st.text(alphabet="wW.:/\\`*_[]#!|<>~&@ab \u212a\uff57", max_size=12)
_LEAVES = st.one_of(st.none(), st.booleans(), st.integers(0, 1), st.sampled_from(["", "a"]))
_TREES = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["cards", "links", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(_TEXTS)
def test_nothing_that_has_to_be_escaped_is_passed_over(text: str) -> None:
    """Each sign of markup, an address, and a name that readers make a link of, in small and large letters."""
    markup = re.compile(r"[\\`*_\[\]#!|<>~&@]|:(?=//)|(?<=www)\.", re.IGNORECASE)
    assert words.escape(text) == markup.sub(lambda mark: f"\\{mark[0]}", text)


@given(_TEXTS)
def test_no_markup_is_passed_over(text: str) -> None:
    """The glance before the search."""
    assert linter._has_markup(text) == (linter._MARKUP.search(text) is not None)


@given(_TREES)
def test_nothing_empty_is_passed_over(tree: object) -> None:
    """An answer that is filled has no fault to tell; only an empty list of cards may be looked at twice."""
    assert not (linter._is_filled(tree) and list(linter._empties(tree, "response")))


@given(st.one_of(st.uuids().map(str), st.uuids().map(lambda one: str(one).upper()), st.text("0aA-{}", max_size=40)))
def test_an_id_is_a_uuid_as_it_is_written(text: str) -> None:
    """Nothing else that can be read as one."""
    try:
        written = str(uuid.UUID(text)) == text
    except ValueError:
        written = False
    assert linter._is_uuid(text) == written
    assert not linter._is_uuid(f"{text}\n")
