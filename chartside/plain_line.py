"""Text from outside as a terminal may show it."""

from __future__ import annotations


def plain(text: str) -> str:
    """Text on one line, without control characters, which a terminal would obey."""
    return "".join(letter if letter.isprintable() else " " for letter in text)
