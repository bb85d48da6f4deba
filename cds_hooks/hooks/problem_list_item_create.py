"""problem-list-item-create 0.1.0 (maturity 1): a clinician has added problems to the problem list."""

from __future__ import annotations

from cds_hooks.context import Context, Fields, Hook

CONDITION = frozenset({"Condition"})


def read(fields: Fields) -> Context:
    """`userId`, `patientId` and `conditions` are required, `encounterId` is optional."""
    return fields.context(
        user=fields.user("userId"),
        patient_id=fields.identifier("patientId", "Patient"),
        encounter_id=fields.optional_identifier("encounterId", "Encounter"),
        resources=fields.bundle("conditions", CONDITION),
    )


HOOK = Hook(
    "problem-list-item-create",
    version="0.1.0",
    encounter_always_known=False,
    tokens=frozenset({"userId", "patientId", "encounterId"}),
    read=read,
)
