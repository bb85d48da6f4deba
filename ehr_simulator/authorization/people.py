"""Whom a user may choose in a standalone launch: patients and their encounters, from the FHIR server."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ehr_simulator.fhir_store import FhirStore

_ID = re.compile(r"[A-Za-z0-9.\-]{1,64}")


@dataclass(frozen=True, slots=True)
class Choice:
    """An id, and the words on its button."""

    id: str
    label: str
    detail: str = ""


class People:
    """Reads lists of choices. Raises `FhirStoreFault`."""

    def __init__(self, store: FhirStore) -> None:
        """Keep the store."""
        self._store = store

    def patients(self) -> list[Choice]:
        """Everybody, by id."""
        found = self._store.search("Patient", [("_count", "500")])
        return sorted((_patient(one) for one in found), key=lambda choice: choice.id)

    def encounters(self, patient: str) -> list[Choice]:
        """The encounters of a patient, newest first."""
        found = self._store.search("Encounter", [("patient", patient), ("_sort", "-date"), ("_count", "100")])
        return [_encounter(one) for one in found]

    def patient(self, patient: str) -> Choice | None:
        """One patient, or None."""
        found = self._store.read(f"Patient/{patient}") if _ID.fullmatch(patient) else None
        return None if found is None else _patient(found)


def _patient(resource: dict[str, Any]) -> Choice:
    """Name, birth date and sex."""
    name: dict[str, Any] = next(iter(resource.get("name", [])), {})
    full = " ".join([*name.get("given", []), name.get("family", "")]).strip() or "Without a name"
    return Choice(resource["id"], full, f"born {resource.get('birthDate', '?')}, {resource.get('gender', 'unknown')}")


def _encounter(resource: dict[str, Any]) -> Choice:
    """Class, status and beginning."""
    kind = (resource.get("class") or {}).get("display") or "encounter"
    begins = str((resource.get("period") or {}).get("start", "?"))[:10]
    return Choice(resource["id"], f"{kind}, since {begins}", str(resource.get("status", "")))
