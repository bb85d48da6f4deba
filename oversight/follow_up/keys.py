"""What makes two statements about a patient or an advice the same, and how an outcome is named."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, datetime

_NOT_NAME = re.compile(r"[^a-z0-9]+")


def outcome_name(words: str) -> str:
    """The name of an outcome, from the words of a model's manifest: "Death in hospital" → `death-in-hospital`.

    Models with the same words are judged by the same outcome.
    """
    return _NOT_NAME.sub("-", words.lower()).strip("-")


def content_key(table: str, *said: object) -> str:
    """SHA-256 of what was said, as 64 hex digits. `said` holds texts, numbers, None and moments with a zone.

    Who it is about goes in as a pseudonym: a hash of the plain identity could be guessed.
    """
    parts = [table, *(_moment(part) if isinstance(part, datetime) else part for part in said)]
    # ASCII JSON keeps the parts apart whatever they hold.
    return hashlib.sha256(json.dumps(parts).encode("ascii")).hexdigest()


def _moment(time: datetime) -> str:
    """A moment in UTC, to the microsecond."""
    return time.astimezone(UTC).isoformat(timespec="microseconds")
