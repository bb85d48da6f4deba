"""Actions that were seen after advice, as rows. Advice may have several; none is ever taken back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, select

from clinical.follow_up import ActionSeen
from clinical.ports import Clock
from oversight import chain, tables
from oversight.column_types import mended
from oversight.database import writing
from oversight.follow_up.keys import content_key
from oversight.follow_up.statements import Loaded, append_all, batches, known_keys

_ADVICE = tables.advice
Known = Mapping[tuple[str, str], int]


class SqlActions:
    """Actions in the ledger's database. One object serves all threads."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        """`engine` comes from `open_engine`, upgraded."""
        self._engine = engine
        self._clock = clock

    def load(self, rows: Iterable[ActionSeen], source: str) -> Loaded:
        """Store what is new. Advice that the ledger does not have, or not of that client, is counted and not stored.

        Raises `LedgerUnavailable`; what was stored until then stays, and loading again adds the rest.
        """
        total = Loaded(0, 0)
        for batch in batches(rows):
            with writing(self._engine, one_at_a_time=True) as connection:
                total += _store(connection, batch, source, self._clock.now())
        return total


def _store(connection: Connection, batch: Sequence[ActionSeen], source: str, now: datetime) -> Loaded:
    """One batch. Of several actions that are the same, the first is kept."""
    advice = _sequences(connection, batch)
    about = [item for item in batch if (item.client, item.advice_id) in advice]
    rows = {row["content_key"]: row for row in (_row(item, advice, source, now) for item in reversed(about))}
    known = known_keys(connection, tables.action_seen, list(rows))
    new = [row for key, row in reversed(rows.items()) if key not in known]
    append_all(connection, tables.action_seen, new)
    return Loaded(len(new), len(about) - len(new), len(batch) - len(about))


def _sequences(connection: Connection, batch: Sequence[ActionSeen]) -> Known:
    """The rows of advice that a batch names, by client and id."""
    ids = sorted({mended(item.advice_id) for item in batch})
    query = select(_ADVICE.c.client, _ADVICE.c.id, _ADVICE.c.sequence).where(_ADVICE.c.id.in_(ids))
    return {(row.client, row.id): row.sequence for row in connection.execute(query)}


def _row(item: ActionSeen, advice: Known, source: str, now: datetime) -> dict[str, Any]:
    """The content of a row. Where an action was read does not make it another one."""
    sequence = advice[item.client, item.advice_id]
    content = {
        "client": item.client,
        "advice_sequence": sequence,
        "kind": item.kind,
        "at": item.time,
        "source": source,
        "time": now,
        "content_key": "",
    }
    row = chain.as_stored(tables.action_seen, content)
    return row | {"content_key": content_key("action_seen", item.client, sequence, row["kind"], row["at"])}
