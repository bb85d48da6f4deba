"""The kill switch: what a person has switched off, for one client or service or for all.

Rows are only added; the latest of each client and service counts. A service is off where any row that speaks of it is
off: of all clients and services, of the client, of the service, or of both.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

from sqlalchemy import Engine, func, select

from clinical.audit import AuditEvent, AuditKind
from clinical.errors import LedgerUnavailable
from clinical.ports import Clock
from oversight import chain, tables
from oversight.audit import add_event
from oversight.database import reading, writing

ALL = ""
MOST_NAME = 200
MOST_REASON = 300


@dataclass(frozen=True, slots=True)
class SwitchState:
    """The latest row of one client and service (`ALL` for all)."""

    client: str
    service: str
    off: bool
    time: datetime
    by_whom: str
    reason: str


class SqlSwitches:
    """Fills the port `clinical.ports.Switches` with SQLite or PostgreSQL. One object serves all threads."""

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        max_age_s: float = 2.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`engine` comes from `open_engine`, upgraded. What was read is used for `max_age_s` seconds at most."""
        self._engine = engine
        self._clock = clock
        self._max_age = max_age_s
        self._monotonic = monotonic
        self._lock = Lock()
        self._off: frozenset[tuple[str, str]] = frozenset()
        self._read_at: float | None = None
        self._failures = 0

    def is_off(self, client: str, service: str) -> bool:
        """Whether the service may not show anything now. Raises `LedgerUnavailable` where nobody can say."""
        off = self._current()
        return bool(off) and not off.isdisjoint(((ALL, ALL), (client, ALL), (ALL, service), (client, service)))

    def set(self, client: str, service: str, *, off: bool, by_whom: str, reason: str) -> None:
        """Switch off, or on again, and note it in the audit in the same transaction. Raises `LedgerUnavailable`."""
        now = self._clock.now()
        row = {"time": now, "client": client[:MOST_NAME], "service": service[:MOST_NAME], "off": off}
        row |= {"by_whom": by_whom[:MOST_NAME], "reason": reason[:MOST_REASON]}
        detail = f"{'off' if off else 'on'}, by {row['by_whom']}: {row['reason']}"
        with writing(self._engine, one_at_a_time=True) as connection:
            chain.append(connection, tables.switch, row)
            add_event(connection, AuditEvent(now, AuditKind.SWITCH, client, service, detail=detail))
        with self._lock:
            self._read_at = None

    def states(self) -> tuple[SwitchState, ...]:
        """Every client and service that was ever switched, sorted, with its latest row. Raises `LedgerUnavailable`."""
        table = tables.switch
        latest = select(func.max(table.c.sequence)).group_by(table.c.client, table.c.service)
        columns = (table.c.client, table.c.service, table.c.off, table.c.time, table.c.by_whom, table.c.reason)
        query = select(*columns).where(table.c.sequence.in_(latest)).order_by(table.c.client, table.c.service)
        with reading(self._engine) as connection:
            return tuple(SwitchState(*row) for row in connection.execute(query))

    def _current(self) -> frozenset[tuple[str, str]]:
        """What is off, read again where it is old. Of many threads one reads, and the others wait for it."""
        failures = self._failures
        with self._lock:
            now = self._monotonic()
            if self._read_at is None or now - self._read_at >= self._max_age:
                self._off = self._read(failures)
                self._read_at = now
            return self._off

    def _read(self, failures: int) -> frozenset[tuple[str, str]]:
        """Read what is off. The fault of another thread that this one waited for is its own too.

        Otherwise all of them would wait for a slow database in turn.
        """
        if self._failures != failures:
            raise LedgerUnavailable("The ledger does not say whether a service is switched off.")
        try:
            return frozenset((state.client, state.service) for state in self.states() if state.off)
        except LedgerUnavailable:
            self._failures += 1
            raise
