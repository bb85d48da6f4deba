"""The ports of the main job. The rooms fill them; the factory in `chartside` joins them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from clinical.advice import Advice, Feedback, History, Receipt
from clinical.assessment import Finding, ModelInfo
from clinical.audit import AuditEvent
from clinical.incident import IncidentReport
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


class AdviceKeeper(Protocol):
    """As much of a ledger as the main job needs. Every method raises `LedgerUnavailable` if it cannot be sure."""

    def append(self, advice: Advice) -> Advice:
        """Store before it is shown; returns only after the commit, and returns what then stands in the ledger.

        That is `advice` itself, but for a request that was answered before (same `request_key`, not long ago): then
        nothing is stored and the earlier advice is returned, so that a retry gets the same card.
        """
        ...

    def history(self, advice: Advice, since: datetime) -> History:
        """What was shown before `advice`, which is not stored yet; `shown` from `since` on."""
        ...

    def put_off(self, advice: Advice, since: datetime) -> bool:
        """Whether the clinician of `advice` has put any card off since; a quick question before `history`."""
        ...


class Ledger(AdviceKeeper, Protocol):
    """The durable memory of advice and feedback. Every method raises `LedgerUnavailable` if it cannot be sure."""

    def find(
        self, advice_id: str, *, client: str, patient_id: str, encounter_id: str | None = None, asked_by: str = ""
    ) -> Advice | None:
        """The advice with this id, only if it was given to this client about this patient.

        A ledger knows pseudonyms. The encounter comes back where it is the `encounter_id` of the caller, else as an
        empty text (`OTHER_STAY`), or None where there was none; the user where it is `asked_by`.
        """
        ...

    def decision(self, advice_id: str, *, asked_by: str = "") -> Feedback | None:
        """The latest feedback on an advice; where that is `WITHDRAWN`, no decision stands now.

        Its `user` is `asked_by` where that is who gave it, empty where nobody is known, else a pseudonym.
        """
        ...

    def snooze(self, advice: Advice, at: datetime) -> Feedback | None:
        """The snooze by this advice's clinician, on any advice of its service about its patient, in force at a moment.

        Its `advice_id` names the advice that it was given on; None where there is none.
        """
        ...

    def record(self, batch: Sequence[Feedback]) -> Receipt:
        """Store a batch whole or not at all; what was stored before counts once; unknown advice is quarantined."""
        ...


class Switches(Protocol):
    """The kill switch: services that a person has switched off, for one client or for all."""

    def is_off(self, client: str, service: str) -> bool:
        """Whether the service may not show anything now. A change takes effect within 5 seconds, in all processes.

        Raises `LedgerUnavailable` where nobody can say.
        """
        ...


class Audit(Protocol):
    """The durable memory of what went wrong or was changed, beside the ledger's advice."""

    def note(self, event: AuditEvent) -> None:
        """Store one event; returns after the commit. Raises `LedgerUnavailable`."""
        ...


class Incidents(Protocol):
    """Reports of problems with advice. Each opens the draft of an incident, which the quality team takes up."""

    def open(self, report: IncidentReport) -> None:
        """Store before it is acknowledged; a report with the id of an earlier one is that one, sent again.

        Raises `LedgerUnavailable`, also where that id belongs to another report.
        """
        ...

    def reported(self, advice_id: str, *, client: str, user: str) -> Sequence[IncidentReport]:
        """What this user reported about this advice, oldest first. Raises `LedgerUnavailable`."""
        ...


class Clock(Protocol):
    """The time."""

    def now(self) -> datetime:
        """The current time, in UTC."""
        ...
