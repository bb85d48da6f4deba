"""The wrong-patient guard: every fact must name the patient of the call. One that names another stops the call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from clinical.errors import WrongPatient


class PatientGuard:
    """Knows the one patient of a call, by id, and the FHIR bases under which that id means this patient."""

    def __init__(self, patient_id: str, bases: Iterable[str]) -> None:
        """Remember every spelling of a reference to the patient."""
        self._id = patient_id
        relative = f"Patient/{patient_id}"
        self._own = {relative, *(f"{base.rstrip('/')}/{relative}" for base in bases)}

    def learn(self, full_url: str) -> None:
        """A bundle's fullUrl of the Patient resource with this id (a `urn:uuid:` reference points to it)."""
        self._own.add(full_url)

    def check(self, resource: Mapping[str, object]) -> bool:
        """True if the resource names this patient, False if it names none. Raises `WrongPatient` for another."""
        if resource.get("resourceType") == "Patient":
            if resource.get("id") != self._id:
                raise WrongPatient("A Patient resource in the data is not the patient of this call.")
            return True
        reference = _reference(resource.get("subject")) or _reference(resource.get("patient"))
        if reference is None:
            return False
        if reference.split("/_history/")[0] not in self._own:
            kind = str(resource.get("resourceType", "resource"))[:40]
            raise WrongPatient(f"A resource of type {kind} in the data names another patient than this call.")
        return True


def _reference(value: object) -> str | None:
    """The literal reference of a FHIR Reference."""
    reference = value.get("reference") if isinstance(value, Mapping) else None
    return reference if isinstance(reference, str) and reference else None
