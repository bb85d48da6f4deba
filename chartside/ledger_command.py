"""`chartside ledger`: whether the ledger is still what was written, and feedback for analysis elsewhere."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from chartside.private_file import whole_text
from chartside.settings import from_environment
from clinical import strict_json
from clinical.audit import AuditEvent, AuditKind
from clinical.errors import ChartsideError, LedgerUnavailable

# SQLite keeps a log beside a file that is opened, even to read it.
_COPY = (
    "Its folder cannot be written: copy the file, with any -wal and -shm beside it, to a folder that can be, and name "
    "the copy in CHARTSIDE_DATABASE_URL."
)

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from oversight.verify import Head


@click.group(help="Check the ledger, take its heads out of the house, export feedback.")
def ledger() -> None:
    """Group the commands."""


@ledger.command(
    "heads",
    help="Print the heads of the ledger's chains as JSON. Keep them away from the database, daily: with them "
    "'verify' also finds entries that were cut off at the end, and an old backup put in place of the ledger.",
)
def heads() -> None:
    """Print the heads."""
    from oversight import verify as checking  # noqa: PLC0415

    with _opened() as engine:
        found = checking.heads(engine)
    click.echo(json.dumps({"at": datetime.now(UTC).isoformat(), "heads": [asdict(head) for head in found]}, indent=2))


@ledger.command("verify", help="Work out every hash anew. Exit code 1 where an entry is not what was written.")
@click.option(
    "--heads",
    "kept",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file that 'chartside ledger heads' printed earlier. May be given more than once.",
)
def verify(kept: Iterable[Path]) -> None:
    """Check all chains."""
    from oversight import verify as checking  # noqa: PLC0415

    with _opened() as engine:
        checks = checking.verify(engine, [head for path in kept for head in _heads(path)])
    for check in checks:
        fault = "whole" if check.fault is None else f"BAD from entry {check.first_bad} on ({check.fault.value})"
        click.echo(f"{check.table}: {check.rows} entries, {fault}, head {check.head.chain[:16]}…")
    if any(check.fault is not None for check in checks):
        sys.exit(1)


@ledger.command("feedback", help="Write feedback as CSV, without comments, for analysis elsewhere.")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--from", "first", required=True, type=click.DateTime(["%Y-%m-%d"]), help="First day (UTC) of advice.")
@click.option("--to", "last", required=True, type=click.DateTime(["%Y-%m-%d"]), help="Last day (UTC) of advice.")
@click.option("--pseudonyms", is_flag=True, help="Add the pseudonyms of patient and clinician.")
def feedback(file: Path, first: datetime, last: datetime, *, pseudonyms: bool) -> None:
    """Export feedback."""
    from oversight.audit import SqlAudit  # noqa: PLC0415
    from oversight.database import open_engine  # noqa: PLC0415
    from oversight.export import feedback_rows, write_csv  # noqa: PLC0415
    from oversight.tallies import Period  # noqa: PLC0415

    if first > last:
        raise click.UsageError("--from lies after --to.")
    taken = click.UsageError(f"{file} is there already; choose another name.")
    if file.exists():
        raise taken
    engine = open_engine(from_environment().database_url, create=False)
    rows = feedback_rows(engine, Period(first.date(), last.date()), pseudonyms=pseudonyms)
    # Noted first: an export that nobody can trace does not happen.
    detail = f"feedback export, {first:%Y-%m-%d} to {last:%Y-%m-%d}, pseudonyms: {'yes' if pseudonyms else 'no'}"
    SqlAudit(engine).note(AuditEvent(datetime.now(UTC), AuditKind.LEDGER_READ, detail=detail))
    try:
        with whole_text(file) as out:
            number = write_csv(rows, out, pseudonyms=pseudonyms)
    except FileExistsError:
        raise taken from None
    except OSError as fault:
        raise click.ClickException(f"{file} cannot be written ({fault.strerror}).") from None
    finally:
        engine.dispose()
    click.echo(f"{number} rows in {file}.")


@contextmanager
def _opened() -> Iterator[Engine]:
    """The ledger, to be checked. Raises `LedgerUnavailable`, which says what to do with a copy that is only read."""
    from oversight.database import open_engine, sqlite_file  # noqa: PLC0415

    url = from_environment().database_url
    engine = open_engine(url, create=False)
    try:
        yield engine
    except LedgerUnavailable as fault:
        file = sqlite_file(url)
        if file is None or os.access(file.parent, os.W_OK):
            raise
        raise LedgerUnavailable(f"{fault.message} {_COPY}") from None
    finally:
        engine.dispose()


def _heads(path: Path) -> list[Head]:
    """The heads in a file. Raises `click.UsageError` for a file that is none."""
    from oversight.verify import Head  # noqa: PLC0415

    try:
        document: Any = strict_json.loads(path.read_bytes())
        return [Head(str(row["table"]), int(row["sequence"]), str(row["chain"])) for row in document["heads"]]
    except (ChartsideError, OSError, KeyError, TypeError, ValueError):
        raise click.UsageError(f"{path.name} is not a file that 'chartside ledger heads' printed.") from None
