"""Feedback JSON → `Feedback` (CDS Hooks 2.0.1, "Feedback"). The whole batch is read before anything is stored."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from clinical.advice import Channel, Feedback, Outcome
from clinical.errors import MalformedRequest
from clinical.record import Coding

MAX_ITEMS = 1000
MAX_COMMENT = 4000
MAX_SUGGESTIONS = 100
SKEW = timedelta(minutes=5)
# What the specification knows; the page has more.
_OUTCOMES = {outcome.value: outcome for outcome in (Outcome.ACCEPTED, Outcome.OVERRIDDEN)}
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
# RFC 3339 date-time; CDS Hooks asks for UTC, an offset is taken as well.
_TIMESTAMP = re.compile(
    r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})", re.ASCII | re.IGNORECASE
)


def read_batch(body: Mapping[str, object], *, client: str, service: str, now: datetime) -> list[Feedback]:
    """All items. Raises `MalformedRequest` naming the item and the rule."""
    rows = body.get("feedback")
    if not isinstance(rows, list) or not rows:
        raise MalformedRequest("'feedback' is missing, empty or not a list.")
    if len(rows) > MAX_ITEMS:
        raise MalformedRequest(f"'feedback' holds more than {MAX_ITEMS} items.")
    return [_Item(index, row).read(client, service, now) for index, row in enumerate(rows)]


class _Item:
    """One item of a batch."""

    def __init__(self, index: int, row: object) -> None:
        """Take the row."""
        self._name = f"feedback[{index}]"
        if not isinstance(row, Mapping):
            raise self._fault("is not an object")
        self._row: Mapping[str, object] = row

    def read(self, client: str, service: str, now: datetime) -> Feedback:
        """The item as a word."""
        outcome = self._outcome()
        accepted = self._accepted(outcome)
        reason, comment = self._override(outcome)
        return Feedback(
            advice_id=self._uuid(self._row.get("card"), "card"),
            client=client,
            service=service,
            outcome=outcome,
            time=self._time(now),
            channel=Channel.CARD,
            reason=reason,
            comment=comment,
            accepted_suggestions=accepted,
        )

    def _fault(self, rule: str) -> MalformedRequest:
        """A fault of this item."""
        return MalformedRequest(f"{self._name} {rule}.")

    def _uuid(self, value: object, member: str) -> str:
        """A UUID."""
        if not isinstance(value, str) or not _UUID.fullmatch(value):
            raise self._fault(f"has no UUID in '{member}'")
        return value.lower()

    def _outcome(self) -> Outcome:
        """Accepted or overridden."""
        outcome = _OUTCOMES.get(str(self._row.get("outcome")))
        if outcome is None:
            raise self._fault("has an 'outcome' other than accepted or overridden")
        return outcome

    def _time(self, now: datetime) -> datetime:
        """When the clinician acted."""
        value = self._row.get("outcomeTimestamp")
        if not isinstance(value, str) or not _TIMESTAMP.fullmatch(value):
            raise self._fault("has no RFC 3339 'outcomeTimestamp'")
        try:
            time = datetime.fromisoformat(value.upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            raise self._fault("has an impossible 'outcomeTimestamp'") from None
        if time > now + SKEW:
            raise self._fault("has an 'outcomeTimestamp' in the future")
        return time

    def _accepted(self, outcome: Outcome) -> tuple[str, ...]:
        """The accepted suggestions: required when accepted, meaningless otherwise."""
        rows = self._row.get("acceptedSuggestions")
        if outcome is Outcome.OVERRIDDEN:
            if rows not in (None, []):
                raise self._fault("is overridden and names 'acceptedSuggestions'")
            return ()
        if not isinstance(rows, list) or not rows:
            raise self._fault("is accepted without 'acceptedSuggestions'")
        if len(rows) > MAX_SUGGESTIONS:
            raise self._fault(f"names more than {MAX_SUGGESTIONS} 'acceptedSuggestions'")
        ids = (row.get("id") if isinstance(row, Mapping) else None for row in rows)
        return tuple(self._uuid(value, "acceptedSuggestions.id") for value in ids)

    def _override(self, outcome: Outcome) -> tuple[Coding | None, str]:
        """Reason and comment of an override; both may be absent, an empty object may not stand for them."""
        given = self._row.get("overrideReason")
        if given is None:
            return None, ""
        if outcome is Outcome.ACCEPTED:
            raise self._fault("is accepted and gives an 'overrideReason'")
        if not isinstance(given, Mapping) or all(given.get(name) is None for name in ("reason", "userComment")):
            raise self._fault("has an 'overrideReason' without reason and userComment")
        comment = "" if given.get("userComment") is None else given["userComment"]
        if not isinstance(comment, str) or len(comment) > MAX_COMMENT:
            raise self._fault(f"has a 'userComment' that is not text of at most {MAX_COMMENT} characters")
        return self._coding(given.get("reason")), comment

    def _coding(self, value: object) -> Coding | None:
        """A Coding; clients may use codes of their own and leave out the display."""
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise self._fault("has an override 'reason' that is not a Coding")
        parts = ["" if value.get(name) is None else value[name] for name in ("system", "code", "display")]
        if not parts[1] or not all(isinstance(part, str) and len(part) <= 500 for part in parts):
            raise self._fault("has an override 'reason' without a code")
        system, code, display = map(str, parts)
        return Coding(system, code, display)
