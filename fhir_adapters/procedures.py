"""FHIR Procedure → `ProcedureDone`: what was done, or is being done."""

from __future__ import annotations

from clinical.record import ProcedureDone, SetAsideReason
from fhir_adapters.entries import Concept, Entry, NotUsed, usable_status

# FHIR R4 valueset-event-status.html. A procedure that was stopped did not reach its aim, and nobody says how far it
# came; one on hold is not being done.
_DONE = frozenset({"completed", "in-progress"})
_NOT_DONE = {
    "preparation": "it is only being prepared",
    "not-done": "it was not done",
    "on-hold": "it is on hold",
    "stopped": "it was stopped before it was complete",
    "entered-in-error": "it was entered in error",
    "unknown": "its status is not known",
}


def what(entry: Entry) -> Concept:
    """Which procedure it is."""
    return entry.concept("code")


def read(entry: Entry, concept: Concept) -> ProcedureDone:
    """A procedure; of a period its start counts, else its end. Raises `NotUsed` for one that was not done."""
    usable_status(entry, _NOT_DONE, _DONE)
    start, _ = entry.period("performedPeriod")
    performed = entry.start("performedDateTime") or start or entry.start("performedPeriod", "end")
    if not concept.codings and not concept.text:
        raise NotUsed(SetAsideReason.NO_VALUE, "it does not say which procedure it is")
    return ProcedureDone(entry.name, concept.codings, performed, entry.stay("encounter"), concept.text)
