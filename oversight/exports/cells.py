"""Cells of a CSV file: text that a spreadsheet takes for text, and numbers that come back as they were."""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime

# A spreadsheet takes a cell that begins so for a formula (OWASP, "CSV Injection"); some also read full-width signs, or
# skip blanks and quotes before the sign. Where a cell begins the reader decides: a line break within a cell may end the
# row, and a spreadsheet of a house that writes decimal commas parts cells at ";", also within the quotes of RFC 4180
# unless they are the first in their cell; people choose tabs and bars when they import. So every part is looked at.
_ENDS_CELL = ",;|\t"
_ENDS_ROW = "\r\n\v\f\x1c\x1d\x1e\x85\u2028\u2029"
_FORMULA = re.compile(rf'(\A|[{_ENDS_CELL}{_ENDS_ROW}])(?=[\s"\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r])')
_PARTED = re.compile(f"[{_ENDS_CELL}]")


def cell(value: object) -> str:
    """A value as the text of a cell: UTC times with Z, days as ISO dates, "yes" and "no", nothing as nothing.

    Our own numbers are written as they are, also negative ones; no part of a text begins like a formula.
    """
    if isinstance(value, str):
        return harmless(value)
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC).replace(tzinfo=None).isoformat()}Z"
    if isinstance(value, date):
        return value.isoformat()
    return repr(value) if isinstance(value, int | float) else harmless(str(value))


def harmless(text: str) -> str:
    """A text with an apostrophe before everything that a spreadsheet could run, wherever it parts cells."""
    if text[:1].isalnum() and text.isprintable() and not _PARTED.search(text):
        return text  # most of them, and several times as fast
    return _FORMULA.sub(r"\1'", text)
