"""From a file that was read to the ledger: what every `load` has in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import click
from sqlalchemy import Engine

from chartside.clients import load_clients
from chartside.follow_up.reading import Read
from chartside.follow_up.told import refuse_bad, say_left_out, say_loaded
from chartside.house import derive_key
from chartside.settings import Settings
from clinical.audit import AuditEvent, AuditKind
from clinical.errors import LedgerUnavailable
from clinical.follow_up import ObservedOutcome
from oversight.audit import SqlAudit
from oversight.database import open_engine
from oversight.follow_up.statements import Loaded
from oversight.pseudonyms import Pseudonyms

# A load is no call that somebody waits for, and other writers may be before it.
PATIENCE = 60.0
_AGAIN = "Load the file again when the ledger is back: what was stored until now is not stored twice."
_A_DAY = timedelta(days=1)
Item = TypeVar("Item")
Sink = Callable[[Engine, Pseudonyms], Callable[[tuple[Item, ...], str], Loaded]]


def check_client(settings: Settings, client: str) -> None:
    """A mistyped client would give pseudonyms that join nothing. Raises `click.UsageError`."""
    known = [each.id for each in load_clients(settings.clients_file)]
    if client not in known:
        raise click.UsageError(f"There is no such client. Known: {', '.join(known)}.")


def store(
    settings: Settings, read: Read[Item], sink: Sink[Item], *, what: str, client: str, source: str, skip_bad: bool
) -> None:
    """Refuse or skip bad lines, note the load in the audit, store, and say what became of it.

    Raises `click.ClickException` for bad lines, and `LedgerUnavailable`.
    """
    refuse_bad(read.bad, read.line, skip=skip_bad)
    say_left_out(read.left_out)
    with opened(settings) as engine:
        # Noted first: a load that nobody can trace does not happen.
        detail = f"{what} load: {len(read.rows)} rows, {len(read.bad)} bad skipped, {source}"
        SqlAudit(engine).note(AuditEvent(datetime.now(UTC), AuditKind.FOLLOW_UP_LOADED, client, detail=detail))
        try:
            loaded = sink(engine, Pseudonyms(derive_key(settings.secret, "pseudonyms")))(read.rows, source)
        except LedgerUnavailable as fault:
            raise click.ClickException(f"{fault.message} {_AGAIN}") from None
    say_loaded(loaded, what, len(read.bad), read.line)


@contextmanager
def opened(settings: Settings) -> Iterator[Engine]:
    """The ledger's database, which must be there."""
    engine = open_engine(settings.database_url, patience=PATIENCE, create=False)
    try:
        yield engine
    finally:
        engine.dispose()


def without_future(read: Read[ObservedOutcome], now: datetime) -> Read[ObservedOutcome]:
    """Outcomes that have come; what lies more than a day ahead is a fault of the data, and is counted."""
    rows = tuple(row for row in read.rows if row.time <= now + _A_DAY)
    ahead = len(read.rows) - len(rows)
    return replace(read, rows=rows, left_out={**read.left_out, "an outcome in the future": ahead}) if ahead else read
