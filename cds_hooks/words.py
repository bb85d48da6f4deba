"""Text as a card shows it. Numbers, units and times are those of `clinical.wording`, so card and page cannot differ."""

from __future__ import annotations

import re
from collections.abc import Sequence

# GitHub-flavoured Markdown's punctuation that can start markup inside a line, what HTML needs, and what makes a link.
_MARKUP = re.compile(r"[\\`*_\[\]#!|<>~&@]|:(?=//)|(?<=www)\.", re.IGNORECASE)
# Without one of these and of the pairs there is nothing to escape: to look for them takes half of the time.
_SIGN = re.compile(r"[\\`*_\[\]#!|<>~&@]")
_PAIRS = ("://", "w.", "W.")


def escape(text: str, limit: int = 200) -> str:
    """Text from a record, safe inside Markdown: no markup, no line breaks, no control characters, bounded."""
    plain = one_line(text[:limit])
    if _SIGN.search(plain) is None and not any(pair in plain for pair in _PAIRS):
        return plain
    return _MARKUP.sub(lambda mark: f"\\{mark[0]}", plain)


def one_line(text: str) -> str:
    """Text without line breaks and control characters."""
    return text if text.isprintable() else "".join(char if char.isprintable() else " " for char in text)


def cut(text: str, limit: int) -> str:
    """One line of at most `limit` characters, cut at a word."""
    plain = one_line(text)
    return plain if len(plain) <= limit else plain[: limit - 1].rsplit(" ", 1)[0] + "…"


def few(texts: Sequence[str], most: int, joint: str = "; ") -> str:
    """The first of several texts, and how many more there are."""
    shown = joint.join(texts[:most])
    return shown if len(texts) <= most else f"{shown}{joint}and {len(texts) - most} more"
