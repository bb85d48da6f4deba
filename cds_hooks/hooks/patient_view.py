"""patient-view 1.0 (maturity 5): a clinician opens a patient's record."""

from __future__ import annotations

from cds_hooks.context import ANYBODY, Context, Fields, Hook


def read(fields: Fields) -> Context:
    """`userId` and `patientId` are required, `encounterId` is optional."""
    return fields.context(
        user=fields.user("userId", ANYBODY),
        patient_id=fields.identifier("patientId", "Patient"),
        encounter_id=fields.optional_identifier("encounterId", "Encounter"),
    )


HOOK = Hook(
    "patient-view",
    version="1.0",
    encounter_always_known=False,
    tokens=frozenset({"userId", "patientId", "encounterId"}),
    read=read,
)
