"""What the card rules share: a place to write judgements about one answer."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from urllib.parse import urlsplit

from chartside.doctor.book import Book
from chartside.doctor.checks import Check

Members = dict[str, object]


@dataclass(frozen=True, slots=True)
class Linter:
    """Writes into a book about one answer of one service."""

    book: Book
    subject: str

    def rule(self, check: Check, path: str, *, kept: bool, broken: str) -> None:
        """One judgement; `broken` is written only where the rule was broken."""
        self.book.judge(check, self.subject, kept=kept, found="as it should be" if kept else f"{path} {broken}")


def rows(value: object, name: str) -> list[Members]:
    """The objects of a list member."""
    found = value.get(name) if isinstance(value, dict) else None
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


def is_text(value: object) -> bool:
    """A string with something in it."""
    return isinstance(value, str) and bool(value.strip())


def is_uuid(value: object) -> bool:
    """A UUID in its usual spelling."""
    try:
        return isinstance(value, str) and str(uuid.UUID(value)) == value.lower()
    except ValueError:
        return False


def is_web_url(value: object) -> bool:
    """An absolute http or https URL."""
    try:
        parts = urlsplit(value) if isinstance(value, str) else None
    except ValueError:
        return False
    return parts is not None and parts.scheme in ("http", "https") and bool(parts.hostname)
