"""Words that people type: what of them is kept, what is refused, and how words of others are shown.

Three kinds of characters are drawn as nothing. Some change what is read: a mark of direction lets words look like
others, and a terminal obeys a control character. Words with one are refused: without it they might not be what the
writer saw. Some only come along with what is pasted (soft hyphens, spaces of no width, byte order marks, tags): they
are left out. The third belong to the writing and stay: the joiners of Persian, Hindi and emoji. Scripts from right to
left need letters only, not marks. Names as in Unicode 15 (UAX 9, UAX 44).
"""

from __future__ import annotations

from unicodedata import category

from clinical.errors import Unprocessable

JOINERS = "\u200c\u200d"
# Bidi_Control: the Arabic letter mark, the two marks, embeddings, overrides and isolates with their ends.
DIRECTIONS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_ENDS_OF_LINES = frozenset("\n\r\v\f\x85\u2028\u2029")
# Formats by their category, and drawn: signs that span Arabic and other numbers.
_DRAWN = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd")
# Letters and a symbol by their category, and empty: the fillers of Hangul, and the blank of Braille.
_EMPTY = frozenset("\u115f\u1160\u3164\uffa0\u2800")
_MOST_NAMED = 3


def typed(text: str, most: int, name: str = "words") -> str:
    """Words as they are kept: plain spaces and ends of lines, without what only came along; "" for what shows nothing.

    Raises `Unprocessable`, which quotes nothing, for a mark of direction or a control character, and for more than
    `most` characters.
    """
    lines = text.replace("\r\n", "\n")
    if found := sorted({letter for letter in lines if _changes_what_is_read(letter)}):
        named = ", ".join(f"U+{ord(letter):04X}" for letter in found[:_MOST_NAMED])
        raise Unprocessable(
            f"In the {name} there are characters that nobody sees and that change what is read ({named}). Write "
            "without them, or paste as plain text."
        )
    kept = shown(lines)
    if len(kept) > most:
        raise Unprocessable(f"At most {most:,} characters are kept of the {name}; you sent {len(kept):,}.")
    return kept if shows_something(kept) else ""


def typed_name(text: str, most: int, name: str = "name") -> str:
    """The same on one line, for who somebody is."""
    return " ".join(typed(text, most, name).split())


def shown(text: str) -> str:
    """Anybody's words without marks of direction, control characters and what only came along; line by line."""
    return drawn(text).strip(f" \n{JOINERS}")


def drawn(text: str) -> str:
    """The same with the spaces at either end."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_shown, text.replace("\r\n", "\n")))


def shows_something(text: str) -> bool:
    """Whether there is a letter, number or sign that is drawn."""
    return any(letter in _DRAWN or (category(letter)[0] in "LNPS" and letter not in _EMPTY) for letter in text)


def _changes_what_is_read(letter: str) -> bool:
    """A mark of direction, a control character other than a tab or the end of a line, or half a character."""
    if letter in DIRECTIONS:
        return True
    return letter != "\t" and letter not in _ENDS_OF_LINES and category(letter) in ("Cc", "Cs")


def _shown(letter: str) -> str:
    """One character as it is shown, or nothing."""
    if letter in _ENDS_OF_LINES:
        return "\n"
    kind = category(letter)
    if letter == "\t" or kind == "Zs":
        return " "
    return "" if kind in ("Cc", "Cs") or (kind == "Cf" and letter not in JOINERS and letter not in _DRAWN) else letter
