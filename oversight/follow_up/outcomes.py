"""Outcomes of patients, as rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Engine

from clinical.follow_up import ObservedOutcome
from clinical.ports import Clock
from oversight import tables
from oversight.follow_up.statements import Kind, Loaded, load
from oversight.pseudonyms import Pseudonyms

_KIND = Kind(tables.outcome, ("client", "patient", "encounter", "name"), ("occurred", "at"))


class SqlOutcomes:
    """Outcomes in the ledger's database. One object serves all threads."""

    def __init__(self, engine: Engine, pseudonyms: Pseudonyms, clock: Clock) -> None:
        """`engine` comes from `open_engine`, upgraded."""
        self._engine = engine
        self._pseudonyms = pseudonyms
        self._clock = clock

    def load(self, rows: Iterable[ObservedOutcome], source: str) -> Loaded:
        """Store what is new. `source` names the file or the delivery: see `oversight.follow_up.statements`.

        Raises `LedgerUnavailable`; what was stored until then stays, and loading again adds the rest.
        """
        return load(self._engine, _KIND, map(self._content, rows), source, self._clock)

    def _content(self, item: ObservedOutcome) -> dict[str, Any]:
        """One outcome without identities."""
        return {
            "client": item.client,
            "patient": self._pseudonyms.patient(item.client, item.patient_id),
            "encounter": self._pseudonyms.encounter(item.client, item.encounter_id),
            "name": item.outcome,
            "occurred": item.occurred,
            "at": item.time,
            "key_id": self._pseudonyms.key_id,
        }
