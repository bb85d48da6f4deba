"""What a fault of the database is and whether it passes by itself, in fixed words.

The drivers' own words hold addresses, names and values; nothing of them goes on.
"""

from __future__ import annotations

import errno
import sqlite3
from dataclasses import dataclass

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout


@dataclass(frozen=True, slots=True)
class Trouble:
    """One class of faults. `passes`: others had the database meanwhile, and it is not at fault itself."""

    words: str
    passes: bool = False


TOO_MANY = Trouble("too many at once", passes=True)
LOCKED = Trouble("it is locked by another for too long", passes=True)
NOT_REACHABLE = Trouble("the database is not reachable: is it running, and are host and port right?")
NO_DATABASE = Trouble("the database does not exist")
REFUSED = Trouble("signing in to the database was refused: check user, password and pg_hba.conf")
NO_RIGHTS = Trouble("no rights: the database's user may not do this")
FULL = Trouble("the disk is full")
READ_ONLY = Trouble("it is read-only")
NOT_OPENED = Trouble("its file cannot be opened: is its folder there, may this user write in it, and is there room?")
NO_DATABASE_FILE = Trouble("its file is not an SQLite database")
DAMAGED = Trouble("its file is damaged")
DISK = Trouble("its disk is at fault or full")
NO_LEDGER = Trouble(
    "There is no ledger at CHARTSIDE_DATABASE_URL yet, or one of an earlier version: 'chartside serve' makes or "
    "upgrades it."
)

# sqlite.org/rescode.html: the first two parts of an extended code are its primary one.
_SQLITE = {
    "SQLITE_BUSY": LOCKED,
    "SQLITE_LOCKED": LOCKED,
    "SQLITE_FULL": FULL,
    "SQLITE_READONLY": READ_ONLY,
    "SQLITE_CANTOPEN": NOT_OPENED,
    "SQLITE_PERM": NO_RIGHTS,
    "SQLITE_AUTH": NO_RIGHTS,
    "SQLITE_NOTADB": NO_DATABASE_FILE,
    "SQLITE_CORRUPT": DAMAGED,
    "SQLITE_IOERR": DISK,
}

# postgresql.org/docs/current/errcodes-appendix.html: whole codes, then classes.
_POSTGRESQL = {
    "55P03": LOCKED,
    "57014": LOCKED,
    "40P01": LOCKED,
    "40001": LOCKED,
    "53300": TOO_MANY,
    "53100": FULL,
    "3D000": NO_DATABASE,
    "42501": NO_RIGHTS,
    "25006": READ_ONLY,
    "42P01": NO_LEDGER,
    "42703": NO_LEDGER,
    "3F000": NO_LEDGER,
    "28": REFUSED,
    "08": NOT_REACHABLE,
    "57P": NOT_REACHABLE,
}

# psycopg gives no code for a connection that was not made, so PostgreSQL's words for it have to do. They stand in this
# order because a refusal may name what does not exist. Another language than English is told as not reachable.
_NOT_CONNECTED = (
    ("too many", TOO_MANY),
    ("remaining connection slots", TOO_MANY),
    ('FATAL:  role "', REFUSED),
    ("authentication failed", REFUSED),
    ("pg_hba.conf", REFUSED),
    ("no password supplied", REFUSED),
    ("permission denied", NO_RIGHTS),
    ('FATAL:  database "', NO_DATABASE),
)


def trouble(fault: BaseException) -> Trouble | None:
    """The class of a fault of SQLAlchemy, of a driver or of the system; None for one that has none."""
    if isinstance(fault, PoolTimeout):
        return TOO_MANY
    driver = fault.orig if isinstance(fault, DBAPIError) and fault.orig is not None else fault
    if isinstance(driver, sqlite3.Error):
        return _of_sqlite(driver)
    if isinstance(driver, OSError):
        return {errno.ENOSPC: FULL, errno.EDQUOT: FULL, errno.EROFS: READ_ONLY}.get(driver.errno or 0)
    code = getattr(driver, "sqlstate", None)
    if code:
        return next((_POSTGRESQL[start] for size in (5, 3, 2) if (start := code[:size]) in _POSTGRESQL), None)
    if type(driver).__name__ not in ("OperationalError", "ConnectionTimeout"):
        return None
    said = str(driver)
    return next((found for words, found in _NOT_CONNECTED if words in said), NOT_REACHABLE)


def _of_sqlite(fault: sqlite3.Error) -> Trouble | None:
    """By SQLite's own code; that a table is missing has none."""
    if str(fault).startswith(("no such table", "no such column")):
        return NO_LEDGER
    return _SQLITE.get("_".join(getattr(fault, "sqlite_errorname", "").split("_")[:2]))


def message(verb: str, fault: BaseException) -> str:
    """One sentence for whoever runs Chartside."""
    found = trouble(fault)
    if found is NO_LEDGER:
        return found.words
    return f"The ledger cannot be {verb} ({found.words if found else type(fault).__name__})."
