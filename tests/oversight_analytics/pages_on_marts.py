"""What tests of pages on a mart share: the mart, whom the pages let in, and what a page says."""

from __future__ import annotations

import base64
import re
from contextlib import AbstractContextManager
from html import unescape
from pathlib import Path
from typing import Any

from oversight.mart.mart import Mart, Questions
from oversight.pages.mart_source import AsOf, last_entry

PASSWORD = "word"
INSIDE = {"Authorization": "Basic " + base64.b64encode(f"quality:{PASSWORD}".encode()).decode()}


class MartAsItIs:
    """A mart that nobody brings up: it says that it has all of the ledger (`current`), or that it lacks some."""

    def __init__(self, folder: Path, *, current: bool = True) -> None:
        self._mart, self._current = Mart(folder), current

    def open(self) -> AbstractContextManager[Questions]:
        """The mart."""
        return self._mart.open()

    def as_of(self) -> AsOf:
        """Its last entry."""
        with self._mart.open() as mart:
            return AsOf(*last_entry(mart), self._current)


def said(answer: Any) -> str:
    """The words of a page."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())
