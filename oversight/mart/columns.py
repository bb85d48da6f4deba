"""What the mart copies of the ledger's tables.

Moments are microseconds since 1970 in UTC; identities are pseudonyms.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Column, Table

from oversight import tables

ADVICE = (
    "id", "time", "day", "client", "service", "hook", "hook_instance", "patient", "encounter", "clinician", "role",
    "unit_name", "model_id", "model_version", "base_rate", "probability", "tier", "tier_at_least", "indicator",
    "abstention", "withheld",
)  # fmt: skip
FEEDBACK = (
    "advice_sequence", "client", "service", "outcome", "time", "received", "channel", "reason_system", "reason_code",
    "reason_display", "comment", "accepted_suggestions", "clinician", "role", "quarantine",
)  # fmt: skip
OUTCOME = ("time", "client", "patient", "encounter", "name", "occurred", "at", "source")
PATIENT_GROUP = ("time", "client", "patient", "attribute", "value", "source")
ACTION_SEEN = ("time", "client", "advice_sequence", "kind", "at", "source")


@dataclass(frozen=True, slots=True)
class Copied:
    """A table of the ledger and those of its columns that the mart has."""

    name: str
    table: Table
    names: tuple[str, ...]

    @property
    def columns(self) -> tuple[Column[object], ...]:
        """The sequence, by which parts follow one another, and the others."""
        return tuple(self.table.c[name] for name in ("sequence", *self.names))


COPIED = (
    Copied("advice", tables.advice, ADVICE),
    Copied("feedback", tables.feedback, FEEDBACK),
    Copied("outcome", tables.outcome, OUTCOME),
    Copied("patient_group", tables.patient_group, PATIENT_GROUP),
    Copied("action_seen", tables.action_seen, ACTION_SEEN),
)
