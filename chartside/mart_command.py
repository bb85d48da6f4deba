"""`chartside mart`: bring the copy in columns up to the ledger, and the process that does so beside the service."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import click

from chartside.settings import Settings, from_environment
from clinical.errors import ChartsideError

# gunicorn takes 3 and 4 of any child for its own.
DONE, NOT_RUN = 0, 2
# A hook call goes before.
NICE = 10

HELP = """Bring the mart up to the ledger: the copy in columns from which the quality team's pages and monitors work.

The service does this by itself: a page reads what is new, and where that is much, a process of lower priority reads it
beside the service. The command is for who wants it done before (a first start on a large ledger, a nightly cron line).
One process at a time does it; another waits. Exit code 0: done; 2: it could not run.
"""

# For every command that works from the mart.
mart_option = click.option(
    "--mart",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder of the mart. Default: that of the quality team's pages.",
)


@click.command("mart", help=HELP)
@mart_option
@click.option("--background", is_flag=True, help="With lower priority, and say nothing but faults.")
def mart(folder: Path | None, *, background: bool) -> None:
    """Bring it up and say what was read."""
    if background:
        os.nice(NICE)
    try:
        rows = _bring_up(from_environment(), folder, quiet=background)
    except ChartsideError as fault:
        click.echo(f"The mart could not be brought up. {fault.message}", err=True)
        sys.exit(NOT_RUN)
    if not background:
        click.echo(f"The mart is up to the ledger: {rows:,} entries of advice.")
    sys.exit(DONE)


def _bring_up(settings: Settings, folder: Path | None, *, quiet: bool) -> int:
    """The last entry of the mart afterwards. Raises `ChartsideError`."""
    from chartside.factory import mart_folder  # noqa: PLC0415 (imports of seconds, needed here only)
    from oversight.database import open_engine  # noqa: PLC0415
    from oversight.mart.build import bring_up  # noqa: PLC0415
    from oversight.mart.mart import Mart  # noqa: PLC0415

    where = folder or mart_folder(settings)
    engine = open_engine(settings.database_url, create=False, patience=60.0)
    try:
        bring_up(engine, where, told=_nothing if quiet else _tell)
        with Mart(where).open() as opened:
            ((entry,),) = opened.rows("SELECT coalesce(max(sequence), 0) FROM advice")
            return int(entry)
    finally:
        engine.dispose()


def _tell(table: str, last: int) -> None:
    """One line for each part."""
    click.echo(f"{table}: read up to row {last:,}")


def _nothing(_table: str, _last: int) -> None:
    """Say nothing."""


class BesideTheService:
    """Starts `chartside mart` as a process of its own, so that no hook call waits for the work. One at a time."""

    def __init__(self, command: Sequence[str] = (sys.executable, "-m", "chartside", "mart", "--background")) -> None:
        """`command` is what is started; it reads the settings of this process."""
        self._command = tuple(command)
        self._lock = threading.Lock()
        self._running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, unless it is still at it."""
        with self._lock:
            if self._running is None or self._running.poll() is not None:
                self._running = subprocess.Popen(  # noqa: S603 (our own command)
                    self._command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
                )
