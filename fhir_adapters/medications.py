"""FHIR MedicationRequest and MedicationStatement → `MedicationUse`: a medicine that was ordered or taken.

`active` means that its use has not ended. One on hold has not: it is expected to go on. A status "unknown" says that
one of the others holds, "entered in error" or "cancelled" perhaps, so it stands for no use; it is set aside and told.
"""

from __future__ import annotations

from clinical.record import MedicationUse, SetAsideReason
from fhir_adapters.decode import Json, codings, member, members, named, text
from fhir_adapters.entries import Concept, Entry, NotUsed, unknown_state, usable_status
from fhir_adapters.times import last_moment

_ACTIVE = ("active", "on-hold")
# Both types know these; "stopped" is after a part of it was given (FHIR R4 valueset-medicationrequest-status.html).
_USED = frozenset({"active", "on-hold", "completed", "stopped"})
_UNCLEAR = {"unknown": "its status is not known"}
_ERROR = {"entered-in-error": "it was entered in error"}
_NOT_ORDERED = _ERROR | {"cancelled": "it was cancelled before it began", "draft": "it is a draft"}
_NOT_TAKEN = _ERROR | {"intended": "it is only intended", "not-taken": "it is not taken"}
# FHIR R4 valueset-medicationrequest-intent.html.
_ORDERS = ("order", "original-order", "reflex-order", "filler-order", "instance-order")
_NO_ORDERS = {"proposal": "it is a proposal", "plan": "it is a plan", "option": "it is an option"}


def what(entry: Entry) -> Concept:
    """Which medicine it is: named here, or by a Medication that is contained or came along."""
    pointer = entry.resource.get("medicationReference")
    if pointer is None:
        found = entry.concept("medicationCodeableConcept")
        return found if found.codings or found.text else Concept((), "", told=False)
    medicine = _medicine(entry, text(member(pointer, "reference")))
    shown = text(member(pointer, "display"))
    # What was entered in error names nothing.
    concept = medicine.get("code") if medicine.get("status") != "entered-in-error" else None
    found = Concept(codings(concept), named(concept) or shown)
    return found if found.codings or named(concept) else Concept((), shown, told=False)


def _medicine(entry: Entry, reference: str) -> Json:
    """The Medication behind a reference, or an empty object."""
    if not reference.startswith("#"):
        return entry.medicines.get(entry.links.target(reference), {})
    inner = (item for item in members(entry.resource, "contained") if item.get("resourceType") == "Medication")
    return next((item for item in inner if f"#{text(item.get('id'))}" == reference), {})


def ordered(entry: Entry, concept: Concept) -> MedicationUse:
    """A MedicationRequest. Raises `NotUsed` for one that is no order, or an order not to give something.

    `start` is when it was ordered; its end is not known: a prescription may be filled for longer than it is valid.
    """
    status = usable_status(entry, _USED, never=_NOT_ORDERED, unclear=_UNCLEAR)
    intent = text(entry.resource.get("intent"))
    if intent in _NO_ORDERS:
        raise NotUsed(SetAsideReason.VOID, f"{_NO_ORDERS[intent]}, not an order")
    if intent not in _ORDERS:
        raise unknown_state("intent")
    if entry.resource.get("doNotPerform") is True:
        raise NotUsed(SetAsideReason.VOID, "it says not to give the medicine")
    return MedicationUse(
        reference=entry.name,
        codings=concept.codings,
        start=entry.start("authoredOn"),
        active=status in _ACTIVE,
        encounter=entry.stay("encounter"),
        text=concept.text,
        status=status,
        latest_start=last_moment(entry.resource.get("authoredOn")),
    )


def taken(entry: Entry, concept: Concept) -> MedicationUse:
    """A MedicationStatement. Raises `NotUsed` for a medicine that is not taken, or not yet.

    `start` is when its use began; when somebody said so (dateAsserted) does not tell that.
    """
    status = usable_status(entry, _USED, never=_NOT_TAKEN, unclear=_UNCLEAR)
    begun, end = entry.period("effectivePeriod")
    sent = entry.resource.get("effectiveDateTime") or member(entry.resource, "effectivePeriod", "start")
    return MedicationUse(
        reference=entry.name,
        codings=concept.codings,
        start=entry.start("effectiveDateTime") or begun,
        end=end,
        active=status in _ACTIVE and (end is None or end >= entry.now),
        encounter=entry.stay("context"),
        text=concept.text,
        status=status,
        latest_start=last_moment(sent),
    )
