"""Brings a database to the schema that this version needs. Run at every start; safe to run from many processes."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Engine

from clinical.errors import LedgerUnavailable
from oversight.database import writing

_MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(engine: Engine) -> None:
    """Run the migrations that the database has not seen, in one transaction.

    Raises `LedgerUnavailable` where that fails, also for a database that a newer version has made.
    """
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    try:
        with writing(engine, one_at_a_time=True) as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except CommandError:
        raise LedgerUnavailable("The ledger's schema is not one that this version knows.") from None
