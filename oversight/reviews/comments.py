"""The card that a comment was written on, so that somebody can judge it."""

from __future__ import annotations

import hashlib

from oversight.mart.mart import Questions

_CARD = """
SELECT max(sequence) FROM event
WHERE card AND outcome = 'overridden' AND sha256(comment) = $key AND service = $service AND model_version = $version
"""


def comment_key(text: str) -> str:
    """What a form carries instead of the comment, whose line breaks a browser would change (64 hex digits)."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def commented_card(mart: Questions, key: str, service: str, version: str) -> int | None:
    """The newest overridden card with exactly this comment, by its sequence in the ledger; None where there is none."""
    ((found,),) = mart.rows(_CARD, {"key": key, "service": service, "version": version})
    return None if found is None else int(found)
