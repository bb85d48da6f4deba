"""The wrong-patient guard: every fact must name the patient of the call. One that names another stops the call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from clinical.errors import WrongPatient

_LOCAL = ("urn:uuid:", "urn:oid:")


class PatientGuard:
    """Knows the one patient of a call, by id, under the FHIR base that is registered for the caller."""

    def __init__(self, patient_id: str, base: str) -> None:
        """Remember both spellings of a reference to the patient."""
        self._id = patient_id
        self._own = frozenset({f"Patient/{patient_id}", f"{base.rstrip('/')}/Patient/{patient_id}"})

    def aliases(self, rows: Iterable[tuple[str, Mapping[str, object]]]) -> frozenset[str]:
        """The local names (`urn:uuid:`) that a bundle gives to its patient; they hold within that bundle only.

        Raises `WrongPatient` for a Patient that is another, or that stands under another's URL.
        """
        found = set()
        for full_url, resource in rows:
            if resource.get("resourceType") != "Patient":
                continue
            self.check(resource)
            if full_url.startswith(_LOCAL):
                found.add(full_url)
            elif full_url and full_url not in self._own:
                raise WrongPatient("A Patient resource in the data stands under the URL of another one.")
        return frozenset(found)

    def check(self, resource: Mapping[str, object], aliases: frozenset[str] = frozenset()) -> bool:
        """True if the resource names this patient, False if it names none. Raises `WrongPatient` for another."""
        if resource.get("resourceType") == "Patient":
            if resource.get("id") != self._id:
                raise WrongPatient("A Patient resource in the data is not the patient of this call.")
            return True
        named = [reference for name in ("subject", "patient") if (reference := _reference(resource.get(name)))]
        if any(reference.split("/_history/")[0] not in self._own | aliases for reference in named):
            raise WrongPatient("A resource in the data names another patient than this call.")
        return bool(named)


def _reference(value: object) -> str | None:
    """The literal reference of a FHIR Reference."""
    reference = value.get("reference") if isinstance(value, Mapping) else None
    return reference if isinstance(reference, str) and reference else None
