"""Text from outside as a terminal may show it."""

from __future__ import annotations

from clinical.typed_words import JOINERS, drawn


def plain(text: str) -> str:
    """Text on one line, without control characters, which a terminal would obey, and without marks of direction."""
    return "".join(letter if letter.isprintable() or letter in JOINERS else " " for letter in drawn(text))
