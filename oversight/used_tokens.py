"""Tokens that were used: each opens the door once (CDS Hooks 2.0.1: `jti` against replay).

The database remembers, so that a restart forgets nothing and all processes know. It holds no token, only SHA-256.
"""

from __future__ import annotations

import hashlib
from math import isfinite

from sqlalchemy import Engine, select

from clinical.errors import LedgerUnavailable
from clinical.ports import Clock
from oversight.column_types import mended
from oversight.database import execute_at_once, reading
from oversight.tables import used_token

# A door may take a token a little after it has expired, for the sake of clocks; so it is remembered longer.
KEPT_AFTER_S = 300.0
_PURGE_EVERY_S = 60.0


class SqlUsedTokens:
    """The memory for one database. One object serves all threads."""

    def __init__(self, engine: Engine, clock: Clock, *, synced: bool = True) -> None:
        """`engine` comes from `open_engine`, upgraded; for `synced` see `for_calls`."""
        self._engine = engine
        self._clock = clock
        self._synced = synced
        self._purged_at = 0.0

    def for_calls(self) -> SqlUsedTokens:
        """The same memory, for tokens of calls that are answered from the ledger.

        On an SQLite file a claim is then on the disk at the latest with the advice of its call: that commit syncs what
        stands before it. A loss of power may bring back a token, but none whose call left an entry.
        """
        return SqlUsedTokens(self._engine, self._clock, synced=False)

    def claim(self, client: str, token_id: str, expires: float) -> bool:
        """True for the first who comes with this id from this client, False for everybody after.

        `expires` is in seconds since 1970. All processes know when it returns, and it outlives them; on the disk it is
        then, too, or as `for_calls` says. Raises `LedgerUnavailable`.
        """
        if not isfinite(expires):
            raise LedgerUnavailable("A token has no time until which it could be remembered.")
        claimed = execute_at_once(
            self._engine,
            "INSERT INTO used_token (client, token_hash, expires) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            (mended(client), _hash(client, token_id), expires),
            synced=self._synced,
        )
        self._purge()
        return claimed == 1

    def was_used(self, client: str, token_id: str) -> bool:
        """Whether an id is remembered, without using it up. Raises `LedgerUnavailable`."""
        one = (used_token.c.client == mended(client)) & (used_token.c.token_hash == _hash(client, token_id))
        with reading(self._engine) as connection:
            return connection.execute(select(used_token.c.client).where(one)).first() is not None

    def _purge(self) -> None:
        """Forget what has expired, at most once a minute. Two threads that do it at once do no harm."""
        now = self._clock.now().timestamp()
        if now - self._purged_at >= _PURGE_EVERY_S:
            self._purged_at = now
            execute_at_once(self._engine, "DELETE FROM used_token WHERE expires < ?", (now - KEPT_AFTER_S,))


def _hash(client: str, token_id: str) -> str:
    """SHA-256 over the digests of both, so that neither runs into the other."""
    parts = (hashlib.sha256(part.encode("utf-8", "surrogatepass")).digest() for part in (client, token_id))
    return hashlib.sha256(b"".join(parts)).hexdigest()
