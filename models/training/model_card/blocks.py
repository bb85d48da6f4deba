"""What structure the texts of a card have: paragraphs with an empty line between, and lists of lines with "- "."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

_ITEM = "- "


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, or the items of a list."""

    lines: tuple[str, ...]
    is_list: bool = False


def blocks(text: str) -> Iterator[Block]:
    """Paragraphs and lists in their order. Line breaks within either are no more than wrapping."""
    for part in text.split("\n\n"):
        for is_list, entries in groupby(_entries(part), key=lambda entry: entry.startswith(_ITEM)):
            yield Block(tuple(entry.removeprefix(_ITEM) for entry in entries), is_list)


def _entries(part: str) -> Iterator[str]:
    """Each list item, and each run of other lines, as one line."""
    entry = ""
    for line in (line.strip() for line in part.splitlines()):
        if line.startswith(_ITEM) and entry:
            yield entry
            entry = line
        else:
            entry = f"{entry} {line}".strip()
    if entry:
        yield entry
