"""What went wrong or was changed, beside the advice: one chain of events."""

from __future__ import annotations

from sqlalchemy import Connection, Engine

from clinical.audit import AuditEvent
from oversight import chain, tables
from oversight.database import writing

MAX_DETAIL = 500
_MAX_NAME = 200


class SqlAudit:
    """Fills the port `clinical.ports.Audit` with SQLite or PostgreSQL. One object serves all threads."""

    def __init__(self, engine: Engine) -> None:
        """`engine` comes from `open_engine`, upgraded."""
        self._engine = engine

    def note(self, event: AuditEvent) -> None:
        """Store one event; returns after the commit. Long texts are cut. Raises `LedgerUnavailable`."""
        with writing(self._engine, one_at_a_time=True) as connection:
            add_event(connection, event)


def add_event(connection: Connection, event: AuditEvent) -> None:
    """Add an event to the chain, in a transaction that keeps other writers out. Raises `LedgerUnavailable`."""
    chain.append(
        connection,
        tables.audit,
        {
            "time": event.time,
            "kind": event.kind.value,
            "client": event.client[:_MAX_NAME],
            "service": event.service[:_MAX_NAME],
            "hook": event.hook[:_MAX_NAME],
            "status": event.status,
            "incident": event.incident[:_MAX_NAME],
            "detail": event.detail[:MAX_DETAIL],
        },
    )
