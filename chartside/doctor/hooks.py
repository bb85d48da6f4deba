"""The ten hooks that the doctor can call (HL7/cds-hooks-library): context of each, and its legal prefetch tokens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from chartside.doctor import drafts
from chartside.doctor.drafts import Fields, Subject

USER_TOKENS = frozenset({"userPractitionerId", "userPractitionerRoleId", "userPatientId", "userRelatedPersonId"})
_USUAL = frozenset({"userId", "patientId", "encounterId"})
# Registered before and deprecated; the doctor does not call them.
DEPRECATED = ("medication-prescribe", "order-review")
OTHERS = ("medication-verify",)
NEW_DISPATCH, OLD_DISPATCH = "1.1 fields", "1.0 fields"


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to call a hook. `label` is empty where there is one way only."""

    label: str
    context: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Hook:
    """A hook: its context for a subject, and the context fields marked "Prefetch Token: Yes".

    `labels` are those of its variants.
    """

    name: str
    tokens: frozenset[str]
    variants: Callable[[Subject], tuple[Variant, ...]]
    labels: tuple[str, ...] = ("",)


def _plain(subject: Subject) -> Fields:
    """User, patient and encounter."""
    return {"userId": subject.user, "patientId": subject.patient, "encounterId": subject.encounter}


def _one(more: Callable[[Subject], Fields]) -> Callable[[Subject], tuple[Variant, ...]]:
    """A hook with the usual fields and some of its own."""
    return lambda subject: (Variant("", {**_plain(subject), **more(subject)}),)


def _orders(subject: Subject) -> Fields:
    """Draft orders."""
    return {"draftOrders": drafts.orders(subject)}


def _selection(subject: Subject) -> Fields:
    """Draft orders, one of them just selected."""
    return {"selections": [f"MedicationRequest/{drafts.MEDICATION_ID}"], **_orders(subject)}


def _dispatch(subject: Subject) -> tuple[Variant, ...]:
    """order-dispatch 1.1 and the field names of 1.0; neither has a user."""
    order = f"ServiceRequest/{drafts.SERVICE_ID}"
    common: Fields = {"patientId": subject.patient, "performer": "Organization/chartside-doctor-lab"}
    task = drafts.task(subject, order)
    return (
        Variant(NEW_DISPATCH, {**common, "dispatchedOrders": [order], "fulfillmentTasks": [task]}),
        Variant(OLD_DISPATCH, {**common, "order": order, "task": task}),
    )


HOOKS: Mapping[str, Hook] = {
    hook.name: hook
    for hook in (
        Hook("patient-view", _USUAL, _one(lambda _: {})),
        Hook("encounter-start", _USUAL, _one(lambda _: {})),
        Hook("encounter-discharge", _USUAL, _one(lambda _: {})),
        Hook("order-select", _USUAL, _one(_selection)),
        Hook("order-sign", _USUAL, _one(_orders)),
        Hook("appointment-book", _USUAL, _one(lambda s: {"appointments": drafts.appointments(s)})),
        Hook(
            "order-dispatch",
            frozenset({"patientId", "dispatchedOrders", "performer", "order"}),
            _dispatch,
            (NEW_DISPATCH, OLD_DISPATCH),
        ),
        Hook("allergyintolerance-create", _USUAL, _one(lambda s: {"allergyIntolerance": drafts.allergy(s)})),
        Hook("medication-refill", _USUAL, _one(lambda s: {"medications": drafts.bundle(drafts.medication(s))})),
        Hook("problem-list-item-create", _USUAL, _one(lambda s: {"conditions": drafts.bundle(drafts.problem(s))})),
    )
}
