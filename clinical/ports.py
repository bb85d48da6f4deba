"""The four ports of the main job. The rooms fill them; the factory in `chartside` joins them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from clinical.advice import Advice, Feedback, Receipt
from clinical.assessment import Finding, ModelInfo
from clinical.invocation import Invocation
from clinical.need import DataNeed
from clinical.record import PatientRecord


class RecordSource(Protocol):
    """Turns a caller's data into a record."""

    def read(self, invocation: Invocation, needs: Sequence[DataNeed]) -> PatientRecord:
        """Read what the needs name. Raises `DataUnavailable` or `WrongPatient`; never returns a silent gap."""
        ...


class RiskModel(Protocol):
    """A risk and its reasons."""

    @property
    def info(self) -> ModelInfo:
        """Name, version and meaning."""
        ...

    @property
    def needs(self) -> tuple[DataNeed, ...]:
        """What must be read."""
        ...

    def assess(self, record: PatientRecord, as_of: datetime) -> Finding:
        """Assess at a moment. Raises `ModelFault` rather than answer wrongly."""
        ...


class Ledger(Protocol):
    """The durable memory of advice and feedback. Every method raises `LedgerUnavailable` if it cannot be sure."""

    def append(self, advice: Advice) -> None:
        """Store before it is shown; returns only after the commit."""
        ...

    def find(self, advice_id: str, *, client: str, patient_id: str) -> Advice | None:
        """The advice with this id, only if it was given to this client about this patient."""
        ...

    def decision(self, advice_id: str) -> Feedback | None:
        """The latest feedback on an advice."""
        ...

    def record(self, batch: Sequence[Feedback]) -> Receipt:
        """Store a batch whole or not at all; what was stored before counts once; unknown advice is quarantined."""
        ...


class Clock(Protocol):
    """The time."""

    def now(self) -> datetime:
        """The current time, in UTC."""
        ...
