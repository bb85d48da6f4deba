"""The ledger as a command reads or changes it: that somebody does so is noted in the audit first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from sqlalchemy import Engine

from chartside.plain_line import plain
from chartside.settings import Settings, from_environment
from clinical.audit import AuditEvent, AuditKind


@contextmanager
def noted_ledger(what: str, patience: float = 5.0) -> Iterator[tuple[Settings, Engine]]:
    """Settings of the environment and the engine of their ledger, which must be there. `what` stands in the audit.

    Raises `SettingsInvalid` and `LedgerUnavailable`.
    """
    from oversight.audit import SqlAudit  # noqa: PLC0415 (imports of seconds, needed here only)
    from oversight.database import open_engine  # noqa: PLC0415

    settings = from_environment()
    engine = open_engine(settings.database_url, create=False, patience=patience)
    try:
        detail = plain(f"{what}, by command")
        SqlAudit(engine).note(AuditEvent(datetime.now(UTC), AuditKind.LEDGER_READ, detail=detail))
        yield settings, engine
    finally:
        engine.dispose()
