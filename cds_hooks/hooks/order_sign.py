"""order-sign 1.0 (maturity 5): a clinician is about to sign orders.

`draftOrders` may hold any kind of request: the definition's list of types "is intentionally not comprehensive".
"""

from __future__ import annotations

from cds_hooks.context import Context, Fields, Hook


def read(fields: Fields) -> Context:
    """`userId`, `patientId` and `draftOrders` are required, `encounterId` is optional."""
    return fields.context(
        user=fields.user("userId"),
        patient_id=fields.identifier("patientId", "Patient"),
        encounter_id=fields.optional_identifier("encounterId", "Encounter"),
        resources=fields.bundle("draftOrders"),
    )


HOOK = Hook(
    "order-sign",
    version="1.0",
    encounter_always_known=False,
    tokens=frozenset({"userId", "patientId", "encounterId"}),
    read=read,
)
