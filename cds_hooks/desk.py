"""What happens with a call after its caller is known: read, advise, write the card, check it; or say what failed."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from flask import Response

from cds_hooks import envelope, faults, feedback, linter
from cds_hooks.cards import CardWriter, outcome
from cds_hooks.services import Services
from clinical.advice import Advice, Receipt
from clinical.advise import request_key
from clinical.audit import AuditEvent, AuditKind
from clinical.errors import LedgerUnavailable, RequestRefused, UnknownService
from clinical.invocation import Invocation
from clinical.ports import Audit, Clock, Ledger

LOG = logging.getLogger("chartside.cds_hooks")
# What assessing, storing and writing the card may take of a call's time, in seconds; reading gets the rest.
RESERVE_S = 0.1
LEAST_S = 0.05


@dataclass(frozen=True, slots=True)
class Terms:
    """How one client is served: its browser origins, its capability flags, and its time limit for a call in seconds.

    `empty_on_fault`: the client asked for an empty list where the service failed. It is audited as a fault.
    """

    origins: tuple[str, ...] = ()
    flags: frozenset[str] = frozenset()
    seconds: float = 0.45
    empty_on_fault: bool = False


@dataclass(slots=True)
class Written:
    """The answer that was written for an advice, and passed the linter."""

    advice: Advice | None = None
    response: dict[str, object] = field(default_factory=dict)


class Advise(Protocol):
    """The main job, bound to its collaborators."""

    def __call__(self, invocation: Invocation, *, check: Callable[[Advice], object]) -> Advice:
        """Advise; `check` is called before anything is stored."""
        ...


@dataclass(frozen=True, slots=True)
class Desk:
    """Serves calls and feedback. `retry_secret` keys what tells that a call is sent again."""

    services: Services
    advise: Advise
    ledger: Ledger
    audit: Audit
    clock: Clock
    cards: CardWriter
    terms: Mapping[str, Terms]
    retry_secret: bytes = field(repr=False)

    @property
    def base_url(self) -> str:
        """Where the service is reached."""
        return self.cards.base_url

    def discovery(self, client: str) -> dict[str, object]:
        """The services, as this client understands them."""
        return self.services.discovery(self.terms[client].flags)

    def answer(
        self, client: str, service_id: str, sent: Mapping[str, object], raw: bytes, started: float
    ) -> dict[str, object]:
        """The checked answer to a call. The same bytes for the same event are the same request: see `Ledger.append`."""
        service = self.services.find(service_id, sent.get("hook"))
        invocation = envelope.read_invocation(sent, service, client)
        left = self.terms[client].seconds - (time.monotonic() - started)
        key = request_key(self.retry_secret, client, service_id, invocation.hook_instance, raw)
        written = Written()
        advice = self.advise(
            replace(invocation, seconds=max(left - RESERVE_S, LEAST_S), request_key=key),
            check=lambda formed: self._write(formed, written),
        )
        if advice is not written.advice:  # an earlier one, of the same call
            self._write(advice, written)
        _log(advice, started)
        return written.response

    def _write(self, advice: Advice, written: Written) -> None:
        """Write the answer and check it. Raises `CardRejected`."""
        response = self.cards.response(advice)
        linter.check(response, self.base_url)
        written.advice, written.response = advice, response

    def take_feedback(self, client: str, service_id: str, sent: Mapping[str, object]) -> dict[str, object]:
        """Store a batch, and say where each item stands."""
        batch = feedback.read_batch(sent, client=client, service=service_id, now=self.clock.now())
        receipt = self.ledger.record(batch)
        counts = {"stored": receipt.stored, "repeated": receipt.repeated, "quarantined": receipt.quarantined}
        LOG.info("feedback", extra={"client": client, "service": service_id, **counts})
        return {**counts, **_proofs(receipt)}

    def call_failed(self, fault: Exception, client: str, service_id: str) -> Response:
        """The answer to a failed call: an error, or an empty list where the client insists on one."""
        if self.terms[client].empty_on_fault and not isinstance(fault, RequestRefused | LedgerUnavailable):
            return self._empty(fault, client, service_id)
        kind = AuditKind.CARD_REJECTED if isinstance(fault, linter.CardRejected) else AuditKind.CALL_FAILED
        return self._noted(fault, kind, client, service_id)

    def feedback_failed(self, fault: Exception, client: str, service_id: str) -> Response:
        """The answer to feedback that was not stored."""
        return self._noted(fault, AuditKind.FEEDBACK_REFUSED, client, service_id)

    def _empty(self, fault: Exception, client: str, service_id: str) -> Response:
        """An empty list that says in its extension that it stands for a fault. Not audited means not given."""
        failure = faults.describe(fault)
        try:
            self.audit.note(self._event(AuditKind.EMPTY_ON_FAULT, failure, client, service_id, status=200))
        except LedgerUnavailable as unavailable:
            return faults.answer(unavailable)
        return faults.empty(failure)

    def _noted(self, fault: Exception, kind: AuditKind, client: str, service_id: str) -> Response:
        """The error that goes out, with its entry in the audit."""
        failure = faults.describe(fault)
        if isinstance(fault, LedgerUnavailable):  # the audit is in the same database, and somebody is waiting
            return faults.render(failure)
        try:
            self.audit.note(self._event(kind, failure, client, service_id, status=failure.status))
        except LedgerUnavailable:  # the answer is an error already; the log line is what is left
            LOG.error("audit", extra={"client": client, "incident": failure.incident})
        return faults.render(failure)

    def _event(
        self, kind: AuditKind, failure: faults.Failure, client: str, service_id: str, *, status: int
    ) -> AuditEvent:
        """A fault as an audit event. The service is named only if it exists: a path is the caller's text."""
        return AuditEvent(
            time=self.clock.now(),
            kind=kind,
            client=client,
            service=service_id if self._has(service_id) else "",
            status=status,
            incident=failure.incident,
            detail=f"{failure.fault} at {failure.where}",
        )

    def _has(self, service_id: str) -> bool:
        """Whether there is such a service."""
        try:
            self.services.require_id(service_id)
        except UnknownService:
            return False
        return True


def _proofs(receipt: Receipt) -> dict[str, object]:
    """Where each item of a batch stands in the ledger, so that a client can prove a loss."""
    leaves = [{"sequence": leaf.sequence, "digest": leaf.digest} for leaf in receipt.leaves]
    return {"leaves": leaves} if leaves else {}


def _log(advice: Advice, started: float) -> None:
    """One line per call: ids of ours and outcomes, nothing about the patient."""
    found = outcome(advice)
    LOG.info(
        "advice",
        extra={
            "client": advice.client,
            "service": advice.service,
            "hook": advice.hook,
            "advice": advice.id,
            "outcome": found["status"],
            "withheld": found.get("withheld", ""),
            "ms": round((time.monotonic() - started) * 1000),
        },
    )
