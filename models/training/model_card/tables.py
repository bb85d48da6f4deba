"""A table as all forms show it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Table:
    """Its caption, its columns, and rows of as many texts; the first of each names the row."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
