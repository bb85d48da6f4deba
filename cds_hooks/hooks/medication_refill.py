"""medication-refill 0.1.0 (maturity 1): a request for a refill has come in, often with nobody at the screen."""

from __future__ import annotations

from cds_hooks.context import Context, Fields, Hook

REQUEST = frozenset({"MedicationRequest", "MedicationOrder"})  # the latter is its name in DSTU2


def read(fields: Fields) -> Context:
    """`patientId` and `medications` are required, `userId` and `encounterId` are optional."""
    return fields.context(
        user=fields.optional_user("userId"),
        patient_id=fields.identifier("patientId", "Patient"),
        encounter_id=fields.optional_identifier("encounterId", "Encounter"),
        resources=fields.bundle("medications", REQUEST),
    )


HOOK = Hook(
    "medication-refill",
    version="0.1.0",
    encounter_always_known=False,
    tokens=frozenset({"userId", "patientId", "encounterId"}),
    read=read,
)
