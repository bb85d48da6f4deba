"""Tokens that were used: each opens the door once (CDS Hooks 2.0.1: `jti` against replay).

The database remembers, so that a restart forgets nothing and all processes know. It holds no token, only SHA-256.
"""

from __future__ import annotations

import hashlib
from math import isfinite

from sqlalchemy import Engine

from clinical.errors import LedgerUnavailable
from clinical.ports import Clock
from oversight.column_types import mended
from oversight.database import Transaction, execute_at_once, reading_directly

# A door may take a token a little after it has expired, for the sake of clocks; so it is remembered longer.
KEPT_AFTER_S = 300.0
_PURGE_EVERY_S = 60.0
_CLAIM = "INSERT INTO used_token (client, token_hash, expires) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
_ASK = "SELECT 1 FROM used_token WHERE client = ? AND token_hash = ?"


class SqlUsedTokens:
    """The memory for one database. One object serves all threads."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        """`engine` comes from `open_engine`, upgraded."""
        self._engine = engine
        self._clock = clock
        self._purged_at = 0.0

    def claim(self, client: str, token_id: str, expires: float, *, hurried: bool = False) -> bool:
        """True for the first who comes with this id from this client, False for everybody after.

        `expires` is in seconds since 1970. On the disk when it returns. `hurried` hardly waits for others who write.
        Raises `LedgerUnavailable`.
        """
        claimed = execute_at_once(self._engine, _CLAIM, _row(client, token_id, expires), hurried=hurried)
        if not hurried:
            self.purge()
        return claimed == 1

    def claim_within(self, transaction: Transaction, client: str, token_id: str, expires: float) -> bool:
        """What `claim` is, as a part of a transaction: it holds once that is committed. Whoever commits calls `purge`.

        Where another transaction is about to claim the same id, this waits for what becomes of that. Raises
        `LedgerUnavailable` and the driver's errors.
        """
        return bool(transaction.execute(_CLAIM, _row(client, token_id, expires)).rowcount == 1)

    def was_used(self, client: str, token_id: str) -> bool:
        """Whether an id is remembered, without using it up. Raises `LedgerUnavailable`."""
        with reading_directly(self._engine) as transaction:
            return transaction.execute(_ASK, (mended(client), _hash(client, token_id))).fetchone() is not None

    def purge(self) -> None:
        """Forget what has expired, at most once a minute. Two threads that do it at once do no harm."""
        now = self._clock.now().timestamp()
        if now - self._purged_at >= _PURGE_EVERY_S:
            self._purged_at = now
            execute_at_once(self._engine, "DELETE FROM used_token WHERE expires < ?", (now - KEPT_AFTER_S,))


def _row(client: str, token_id: str, expires: float) -> tuple[object, ...]:
    """What is remembered. Raises `LedgerUnavailable`."""
    if not isfinite(expires):
        raise LedgerUnavailable("A token has no time until which it could be remembered.")
    return mended(client), _hash(client, token_id), expires


def _hash(client: str, token_id: str) -> str:
    """SHA-256 over the digests of both, so that neither runs into the other."""
    parts = (hashlib.sha256(part.encode("utf-8", "surrogatepass")).digest() for part in (client, token_id))
    return hashlib.sha256(b"".join(parts)).hexdigest()
