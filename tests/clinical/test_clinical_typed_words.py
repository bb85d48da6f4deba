"""What of typed words is kept, what is refused, and what is shown of words of others."""

from __future__ import annotations

import sys
from unicodedata import bidirectional, category

import pytest

from chartside.plain_line import plain
from clinical.errors import Unprocessable
from clinical.typed_words import DIRECTIONS, shown, shows_something, typed, typed_name

OVERRIDE = "\u202e"
TAGS = "".join(chr(0xE0000 + ord(letter)) for letter in "hidden")
NOTHING = ("", "  \n", "\u200b", "\u00ad\u2060\ufeff", "\u00a0\u2003\u3000", "\u3164\u115f\u1160\uffa0", "\u2800",
           TAGS, "\u200d\u200c", "\u0301\ufe0f", "\u3164 \u200b\n\u00ad")  # fmt: skip
PERSIAN = "\u0645\u06cc\u200c\u0631\u0648\u0645"
HINDI = "\u0915\u094d\u200d\u0937"
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
HEART = "\u2764\ufe0f"


@pytest.mark.parametrize("text", NOTHING)
def test_what_shows_nothing_is_no_words(text: str) -> None:
    """Whatever it is made of, and however much of it."""
    assert typed(text * 40, 4_000) == ""
    assert typed_name(text, 200) == ""
    assert not shows_something(shown(text))


@pytest.mark.parametrize(
    "text", ["words", "3", "?", "µ < 5 €", PERSIAN, HINDI, FAMILY, HEART, "é", "\u05e9\u05dc\u05d5\u05dd", "한글"]
)
def test_words_of_every_script_are_kept_as_they_are(text: str) -> None:
    """With the joiners that Persian, Hindi and emoji are written with; Hebrew and Arabic need no marks."""
    assert typed(text, 40) == text
    assert shown(text) == text


@pytest.mark.parametrize(
    "mark", [*sorted(DIRECTIONS), "\0", "\x1b", "\x7f", "\x9b", "\ud800"], ids=lambda mark: f"{ord(mark):04x}"
)
def test_marks_that_change_what_is_read_are_refused_and_named(mark: str) -> None:
    """The sentence says what to do, names the character, and quotes nothing; what is shown has none of them."""
    text = f"give {mark}10 mg"
    with pytest.raises(Unprocessable) as caught:
        typed(text, 100)
    assert f"(U+{ord(mark):04X})" in caught.value.message
    assert "paste as plain text" in caught.value.message
    assert "10 mg" not in caught.value.message
    assert shown(text) == "give 10 mg"
    assert typed(shown(text), 100) == "give 10 mg", "what comes back can be sent"


def test_the_marks_are_those_of_the_bidirectional_algorithm() -> None:
    """Every format character that Unicode gives a direction of its own, as Python's tables have them."""
    strong = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI", "L", "R", "AL"}
    letters = (chr(code) for code in range(sys.maxunicode + 1))
    found = {one for one in letters if category(one) == "Cf" and bidirectional(one) in strong}
    # Signs that are drawn, musical and other formats that stand like letters from left to right: no mark turns a line.
    assert {one for one in found if one < "\u2070"} - DIRECTIONS <= set("\u070f\u08e2")
    assert found >= DIRECTIONS


def test_what_came_along_is_left_out_and_lines_are_plain() -> None:
    """Soft hyphens and zero-width spaces of a pasted page; ends of lines of every system, and of a word processor."""
    assert typed("pre\u00adscribed\u200b twice\ufeff", 40) == "prescribed twice"
    assert typed(f"flag{TAGS}", 40) == "flag"
    assert typed("one\r\ntwo\rthree\vfour\u2028five\ttabs\u00a0here", 60) == "one\ntwo\nthree\nfour\nfive tabs here"
    assert typed_name(" Ann\r\nof the\tward ", 40) == "Ann of the ward"


def test_too_much_is_told_with_both_numbers() -> None:
    """What is counted is what would be kept."""
    assert typed("x\u00ad" * 10, 10) == "x" * 10
    with pytest.raises(Unprocessable, match="At most 1,000 characters are kept of the words; you sent 3,000,000"):
        typed("x" * 3_000_000, 1_000)


@pytest.mark.parametrize("text", [f"a{OVERRIDE}b", "a\x1b[31mb", "a\nb", "  indented", PERSIAN])
def test_a_line_of_a_terminal_has_no_marks(text: str) -> None:
    """Nothing that a terminal obeys or turns round; joiners and the spaces at its beginning stay."""
    line = plain(text)
    assert not DIRECTIONS & set(line)
    assert all(letter.isprintable() or letter in "\u200c\u200d" for letter in line)
    assert (line == text) == (text in ("  indented", PERSIAN))
