"""encounter-discharge 1.0 (maturity 1): a patient is being discharged."""

from __future__ import annotations

from cds_hooks.context import Context, Fields, Hook


def read(fields: Fields) -> Context:
    """`userId`, `patientId` and `encounterId` are required."""
    return fields.context(
        user=fields.user("userId"),
        patient_id=fields.identifier("patientId", "Patient"),
        encounter_id=fields.identifier("encounterId", "Encounter"),
    )


HOOK = Hook(
    "encounter-discharge",
    version="1.0",
    encounter_always_known=True,
    tokens=frozenset({"userId", "patientId", "encounterId"}),
    read=read,
)
