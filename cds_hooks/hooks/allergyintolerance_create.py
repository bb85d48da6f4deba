"""allergyintolerance-create 0.1.0 (maturity 1): a clinician adds an allergy or intolerance.

The definition says one resource. Its examples wrap it as `{"resource": …}`, or send a Bundle as `allergyIntolerances`;
these forms are taken with a note.
"""

from __future__ import annotations

from cds_hooks.context import Context, Fields, Hook
from cds_hooks.context_resources import Entry

ALLERGY = frozenset({"AllergyIntolerance"})
OTHER_NAME = "allergyIntolerances instead of allergyIntolerance"


def read(fields: Fields) -> Context:
    """`userId`, `patientId` and `allergyIntolerance` are required, `encounterId` is optional."""
    return fields.context(
        user=fields.user("userId"),
        patient_id=fields.identifier("patientId", "Patient"),
        encounter_id=fields.optional_identifier("encounterId", "Encounter"),
        resources=_allergies(fields),
    )


def _allergies(fields: Fields) -> tuple[Entry, ...]:
    """The new allergies."""
    name = fields.named("allergyIntolerance", ("allergyIntolerances", OTHER_NAME))
    if fields.is_bundle(name):
        fields.note("allergyIntolerance as a Bundle")
        return fields.bundle(name, ALLERGY)
    return fields.instance(name, ALLERGY)


HOOK = Hook(
    "allergyintolerance-create",
    version="0.1.0",
    encounter_always_known=False,
    tokens=frozenset({"userId", "patientId", "encounterId"}),
    read=read,
)
