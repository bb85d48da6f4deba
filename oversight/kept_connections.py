"""Connections to an SQLite file that stay open, for the statements that stand in the way of every call.

To borrow a connection from SQLAlchemy's pool and to give it back costs as much as the statement in between.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy import Engine, PoolProxiedConnection

# As many as may write and read at once before one is closed again.
MOST = 4


class KeptConnections:
    """A few connections of one engine, outside its pool. Safe to share between threads, one connection to each."""

    def __init__(self) -> None:
        """None is open yet."""
        # A list's own pop and append are whole by themselves, so there is no lock. The one that was used last goes out
        # first: it knows most pages of the file, and what another one wrote has to be read again.
        self._free: list[PoolProxiedConnection] = []

    @contextmanager
    def one(self, engine: Engine) -> Iterator[Any]:
        """The driver's own connection. After a fault it is closed: nobody knows what state it is in.

        Raises what the engine raises where none can be opened.
        """
        free = self._free
        try:
            connection = free.pop()
        except IndexError:
            connection = _another(engine)
        try:
            yield connection.dbapi_connection
        except BaseException:
            connection.close()
            raise
        self._keep(connection, free)

    def close(self) -> None:
        """Close those that nobody has; others are closed when they are given back. The next who asks opens one."""
        free, self._free = self._free, []
        _close_all(free)

    def _keep(self, connection: PoolProxiedConnection, free: list[PoolProxiedConnection]) -> None:
        """Keep it for the next, with nothing open on it, unless all were closed meanwhile."""
        driver: Any = connection.dbapi_connection
        if driver.in_transaction or len(free) >= MOST:
            connection.close()
            return
        free.append(connection)
        if free is not self._free:
            _close_all(free)


def _close_all(free: list[PoolProxiedConnection]) -> None:
    """Close all of a list, which others may empty at the same time."""
    with suppress(IndexError):
        while True:
            free.pop().close()


def _another(engine: Engine) -> PoolProxiedConnection:
    """A connection that was set up and checked as every one of the engine, and then taken out of its pool."""
    connection = engine.raw_connection()
    connection.detach()
    return connection
