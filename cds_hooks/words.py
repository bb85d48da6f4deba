"""Text as a card shows it. Numbers, units and times are those of `clinical.wording`, so card and page cannot differ."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from clinical import wording

# GitHub-flavoured Markdown's punctuation that can start markup inside a line, what HTML needs, and what makes a link.
_MARKUP = re.compile(r"([\\`*_\[\]#!|<>~&@]|:(?=//)|(?<=www)\.)", re.IGNORECASE)
_ANNOTATION = re.compile(r"\{([^{}]*)\}")


def escape(text: str, limit: int = 200) -> str:
    """Text from a record, safe inside Markdown: no markup, no line breaks, no control characters, bounded."""
    return _MARKUP.sub(r"\\\1", one_line(text[:limit]))


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


def spread(ends: Iterable[float]) -> str:
    """`18 to 27 %`, or `21 %` where both ends read the same."""
    known = tuple(ends)
    low, high = wording.percent(min(known)), wording.percent(max(known))
    return high if low == high else f"{low.removesuffix(' %')} to {high}"


def scored(value: float, unit: str) -> str:
    """The value of a score: `7`, `48 mL/min/1.73 m²`. Points are no unit to a reader."""
    printed = _ANNOTATION.sub(lambda found: found[1].replace("_", " "), wording.printed_unit(unit))
    return f"{wording.number(value)} {printed.replace('m2', 'm²')}".rstrip()
