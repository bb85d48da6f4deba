"""order-select 1.0 (maturity 4): a clinician has selected orders, which are not signed yet."""

from __future__ import annotations

from cds_hooks.context import Context, Fields, Hook
from clinical.errors import Unprocessable


def read(fields: Fields) -> Context:
    """`userId`, `patientId`, `selections` and `draftOrders` are required, `encounterId` is optional.

    Every selection must name an entry of `draftOrders`. Raises `Unprocessable` if one does not.
    """
    drafts = fields.bundle("draftOrders")
    known = frozenset().union(*(draft.names for draft in drafts))
    if not known.issuperset(fields.references("selections")):
        raise Unprocessable("'context.selections' names an order that 'context.draftOrders' does not hold.")
    return fields.context(
        user=fields.user("userId"),
        patient_id=fields.identifier("patientId", "Patient"),
        encounter_id=fields.optional_identifier("encounterId", "Encounter"),
        resources=drafts,
    )


HOOK = Hook(
    "order-select",
    version="1.0",
    encounter_always_known=False,
    tokens=frozenset({"userId", "patientId", "encounterId"}),
    read=read,
)
