"""appointment-book 1.0 (maturity 1): somebody is booking appointments for a patient.

The definition says Bundle; its own examples show a plain list. Both are taken, the list with a note.
"""

from __future__ import annotations

from cds_hooks.context import ANYBODY, Context, Fields, Hook
from cds_hooks.context_resources import Entry

APPOINTMENT = frozenset({"Appointment"})


def read(fields: Fields) -> Context:
    """`userId`, `patientId` and `appointments` are required, `encounterId` is optional."""
    return fields.context(
        user=fields.user("userId", ANYBODY),
        patient_id=fields.identifier("patientId", "Patient"),
        encounter_id=fields.optional_identifier("encounterId", "Encounter"),
        resources=_appointments(fields),
    )


def _appointments(fields: Fields) -> tuple[Entry, ...]:
    """The proposed appointments."""
    if fields.is_list("appointments"):
        fields.note("appointments as a list")
        return fields.listed("appointments", APPOINTMENT)
    return fields.bundle("appointments", APPOINTMENT)


HOOK = Hook(
    "appointment-book",
    version="1.0",
    encounter_always_known=False,
    tokens=frozenset({"userId", "patientId", "encounterId"}),
    read=read,
)
