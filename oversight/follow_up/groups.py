"""Groups that patients belong to, as rows: for audit only, never a feature."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Engine

from clinical.follow_up import PatientGroup
from clinical.ports import Clock
from oversight import tables
from oversight.follow_up.statements import Kind, Loaded, load
from oversight.pseudonyms import Pseudonyms

_KIND = Kind(tables.patient_group, ("client", "patient", "attribute"), ("value",))


class SqlGroups:
    """Groups of patients in the ledger's database. One object serves all threads."""

    def __init__(self, engine: Engine, pseudonyms: Pseudonyms, clock: Clock) -> None:
        """`engine` comes from `open_engine`, upgraded."""
        self._engine = engine
        self._pseudonyms = pseudonyms
        self._clock = clock

    def load(self, rows: Iterable[PatientGroup], source: str) -> Loaded:
        """Store what is new; the latest value of an attribute counts. `source` names the file or the delivery.

        Raises `LedgerUnavailable`; what was stored until then stays, and loading again adds the rest.
        """
        return load(self._engine, _KIND, map(self._content, rows), source, self._clock)

    def _content(self, item: PatientGroup) -> dict[str, Any]:
        """One group without the identity."""
        return {
            "client": item.client,
            "patient": self._pseudonyms.patient(item.client, item.patient_id),
            "attribute": item.attribute,
            "value": item.value,
            "key_id": self._pseudonyms.key_id,
        }
