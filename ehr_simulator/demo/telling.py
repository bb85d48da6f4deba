"""A card as plain lines for a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ehr_simulator.chart.cards import Card, cards, reason_for_none
from ehr_simulator.chart.hook_client import Result
from ehr_simulator.chart.summary import Who
from ehr_simulator.chart.times import stay_hour
from ehr_simulator.settings import Clock

INDENT = "    "
_RULE = re.compile(r"\|[\s:|-]+\|")
_ESCAPE = re.compile(r"\\([^\w\s])")


def headline(person: Who, clock: Clock) -> str:
    """Who it is and where."""
    parts = [f"{person.name} ({person.id})", person.sex, person.age]
    if person.stay is not None:
        parts.append(person.stay.place)
        if person.stay.start is not None:
            parts.append(stay_hour(person.stay.start, clock()))
    return ", ".join(parts)


def result_lines(result: Result, origin: str) -> Iterator[str]:
    """What a service said: its cards, the reason for none, or the fault."""
    if result.response is None:
        status = f" (status {result.status})" if result.status else ""
        yield f"  FAULT{status}: {result.problem}"
        return
    shown = cards(result.response, origin)
    if not shown:
        yield f"  No advice: {reason_for_none(result.response) or 'the service gave no reason'}"
    for card, raw in zip(shown, result.response["cards"], strict=True):
        yield from _card_lines(card, str(raw.get("detail", "")))


def _card_lines(card: Card, detail: str) -> Iterator[str]:
    """Summary, then the detail with its tables in columns."""
    yield f"  [{card.word}] {card.summary}"
    table: list[list[str]] = []
    for line in [*detail.splitlines(), ""]:
        if line.startswith("|"):
            if not _RULE.fullmatch(line):
                table.append([_plain(cell) for cell in line.strip("|").split("|")])
            continue
        yield from _columns(table)
        table = []
        if line.strip():
            yield INDENT + _plain(line)


def _columns(rows: list[list[str]]) -> Iterator[str]:
    """Table rows with aligned columns."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=False)]
    for row in rows:
        yield INDENT + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip()


def _plain(text: str) -> str:
    """Markdown without its marks."""
    return _ESCAPE.sub(r"\1", text.replace("**", "")).strip()
