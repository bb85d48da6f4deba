"""FHIR Procedure → `ProcedureDone`: what was done, or is being done."""

from __future__ import annotations

from clinical.record import ProcedureDone, SetAsideReason
from fhir_adapters.decode import member
from fhir_adapters.entries import Concept, Entry, NotUsed, usable_status
from fhir_adapters.times import last_moment

# FHIR R4 valueset-event-status.html. A procedure that was stopped did not reach its aim, and nobody says how far it
# came; one on hold is not being done.
_DONE = frozenset({"completed", "in-progress"})
_NEVER_DONE = {
    "preparation": "it is only being prepared",
    "not-done": "it was not done",
    "entered-in-error": "it was entered in error",
}
_UNCLEAR = {
    "on-hold": "it is on hold",
    "stopped": "it was stopped before it was complete",
    "unknown": "its status is not known",
}


def what(entry: Entry) -> Concept:
    """Which procedure it is."""
    return entry.concept("code")


def read(entry: Entry, concept: Concept) -> ProcedureDone:
    """A procedure; of a period its start counts, else its end. Raises `NotUsed` for one that was not done."""
    status = usable_status(entry, _DONE, never=_NEVER_DONE, unclear=_UNCLEAR)
    begun, end = entry.period("performedPeriod")
    moment = entry.start("performedDateTime")
    performed = moment or begun or entry.start("performedPeriod", "end")
    if not concept.codings and not concept.text:
        raise NotUsed(SetAsideReason.NO_VALUE, "it does not say which procedure it is")
    sent = entry.resource.get("performedDateTime") or member(entry.resource, "performedPeriod", "start")
    return ProcedureDone(
        reference=entry.name,
        codings=concept.codings,
        performed=performed,
        encounter=entry.stay("encounter"),
        text=concept.text,
        # Of a period without a start nobody can say how long it was.
        end=end if begun else None,
        status=status,
        latest_start=last_moment(sent),
    )
