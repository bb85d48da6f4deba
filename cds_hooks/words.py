"""Numbers, times and foreign text as a card shows them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from clinical.assessment import Driver

# GitHub-flavoured Markdown's punctuation that can start markup, and what HTML needs.
_MARKUP = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~&@:])")


def escape(text: str, limit: int = 200) -> str:
    """Text from a record, safe inside Markdown: no markup, no line breaks, no control characters, bounded."""
    plain = "".join(char if char.isprintable() else " " for char in text[:limit])
    return _MARKUP.sub(r"\\\1", plain)


def percent(probability: float) -> str:
    """A risk as people read it; ends of the scale are not written as certainty."""
    if probability < 0.01:
        return "<1 %"
    if probability > 0.99:
        return ">99 %"
    return f"{probability * 100:.0f} %"


def number(value: float) -> str:
    """A measured value with at most four significant digits."""
    return f"{value:.4g}" if abs(value) < 10_000 else f"{value:.0f}"


def multiplier(value: float) -> str:
    """An odds multiplier with two significant digits."""
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


def moment(time: datetime) -> str:
    """A time in UTC, to the minute."""
    return time.strftime("%Y-%m-%d %H:%M UTC")


def age(span: timedelta) -> str:
    """How long ago."""
    minutes = int(span.total_seconds() // 60)
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} d"


def cut(text: str, limit: int) -> str:
    """Text of at most `limit` characters, cut at a word."""
    return text if len(text) <= limit else text[: limit - 1].rsplit(" ", 1)[0] + "…"


def driver_value(driver: Driver) -> str:
    """The newest value behind a driver, else the feature's own, else that nothing was measured."""
    if driver.latest is not None:
        return f"{number(driver.latest.value)} {driver.latest.unit}".strip()
    known = next((part for part in driver.parts if part.value is not None), None)
    if known is None or known.value is None:
        return "not measured"
    return f"{number(known.value)} {known.unit}".strip()
