"""FHIR resources inside a hook's context: their shape, and whose they are.

Some hooks carry drafts that are in no record yet (orders, appointments, a new allergy). None of them may be about
another patient than the call.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from clinical.errors import MalformedRequest, WrongPatient

MAX_ENTRIES = 500
_TYPE = re.compile(r"[A-Z][A-Za-z]{1,63}", re.ASCII)
# Who a resource is about (FHIR R4: subject, patient; Task: for). Appointment.participant.actor is read beside them.
_ABOUT = ("subject", "patient", "for")


@dataclass(frozen=True, slots=True)
class Entry:
    """One resource of a context, with its `fullUrl` in its Bundle (empty where it has none)."""

    full_url: str
    resource: Mapping[str, object]

    @property
    def type(self) -> str:
        """The resource type."""
        return str(self.resource["resourceType"])

    def is_patient(self, patient_id: str) -> bool:
        """Whether this is the Patient resource with an id."""
        return self.type == "Patient" and self.resource.get("id") == patient_id

    @property
    def names(self) -> frozenset[str]:
        """The references by which this entry may be meant: `Type/id`, and its fullUrl."""
        own = self.resource.get("id")
        return frozenset(filter(None, (f"{self.type}/{own}" if isinstance(own, str) else "", self.full_url)))


def read_bundle(value: object, name: str, types: frozenset[str]) -> tuple[Entry, ...]:
    """The entries of a FHIR Bundle. A Bundle without entries is one. Raises `MalformedRequest`."""
    if not isinstance(value, Mapping) or value.get("resourceType") != "Bundle":
        raise MalformedRequest(f"'context.{name}' is missing or is not a FHIR Bundle.")
    given = value.get("entry")
    return tuple(_entry(row, name, types) for row in _rows([] if given is None else given, name))


def read_list(value: object, name: str, types: frozenset[str]) -> tuple[Entry, ...]:
    """The resources of a plain list. Raises `MalformedRequest`."""
    return tuple(read_instance(row, name, types) for row in _rows(value, name))


def read_instance(value: object, name: str, types: frozenset[str]) -> Entry:
    """One resource. Raises `MalformedRequest`."""
    kind = value.get("resourceType") if isinstance(value, Mapping) else None
    if not isinstance(value, Mapping) or not isinstance(kind, str) or not _TYPE.fullmatch(kind):
        raise MalformedRequest(f"'context.{name}' is missing or holds something that is not a FHIR resource.")
    if types and kind not in types:
        raise MalformedRequest(f"'context.{name}' may hold {' or '.join(sorted(types))} only.")
    return Entry("", value)


def _rows(value: object, name: str) -> list[object]:
    """A list of bounded length."""
    if not isinstance(value, list) or len(value) > MAX_ENTRIES:
        raise MalformedRequest(f"'context.{name}' does not hold a list of at most {MAX_ENTRIES} resources.")
    return value


def _entry(row: object, name: str, types: frozenset[str]) -> Entry:
    """One entry of a Bundle."""
    url = row.get("fullUrl") if isinstance(row, Mapping) else None
    found = read_instance(row.get("resource") if isinstance(row, Mapping) else None, name, types)
    return Entry(url if isinstance(url, str) else "", found.resource)


def check_patient(entries: Iterable[Entry], patient_id: str, base: str) -> None:
    """Raise `WrongPatient` if a resource names another patient than the call, or one that nobody can tell.

    `base` is the FHIR base URL of the call, or empty where the call names none; then only the id of a URL counts.
    """
    rows = tuple(entries)
    local = {row.full_url: row for row in rows if row.full_url.startswith("urn:")}
    own = _Own(patient_id, base, frozenset(url for url, row in local.items() if row.is_patient(patient_id)))
    if not all(own.may_stand(row) for row in rows if row.type == "Patient"):
        raise WrongPatient("A Patient in the context is not the patient of this call.")
    others = frozenset(url for url, row in local.items() if row.type != "Patient")
    named = (reference for row in rows for reference in _patients_named(row.resource) if reference not in others)
    if not all(own.matches(reference) for reference in named):
        raise WrongPatient("A resource in the context names another patient than this call.")


@dataclass(frozen=True, slots=True)
class _Own:
    """The ways in which the patient of the call may be named. `aliases` are local names within the Bundle."""

    patient_id: str
    base: str
    aliases: frozenset[str]

    def may_stand(self, entry: Entry) -> bool:
        """Whether a Patient resource is this patient: its id, if it has one, and its URL, if that is a server's."""
        remote = entry.full_url.startswith(("http://", "https://"))
        return entry.resource.get("id") in (None, self.patient_id) and (not remote or self.matches(entry.full_url))

    def matches(self, reference: str) -> bool:
        """Whether a reference is to this patient."""
        plain = reference.partition("/_history/")[0]
        if plain in {self.patient_id, f"Patient/{self.patient_id}"} or plain in self.aliases:
            return True
        if not plain.startswith(("http://", "https://")):
            return False
        if self.base:
            return plain == f"{self.base.rstrip('/')}/Patient/{self.patient_id}"
        return plain.endswith(f"/Patient/{self.patient_id}")


def _patients_named(resource: Mapping[str, object]) -> Iterator[str]:
    """The references by which a resource names a patient, or may do so. A group or a device is none."""
    for name in _ABOUT:
        reference, kind = _target(resource.get(name))
        if reference and kind in ("Patient", ""):
            yield reference
    participants = resource.get("participant")
    for row in participants if isinstance(participants, list) else ():
        reference, kind = _target(row.get("actor") if isinstance(row, Mapping) else None)
        if reference and kind == "Patient":
            yield reference


def _target(value: object) -> tuple[str, str]:
    """Reference and resource type of what a FHIR Reference points to; the type is empty where nobody can tell."""
    reference = value.get("reference") if isinstance(value, Mapping) else value
    if not isinstance(reference, str) or not reference:
        return "", ""
    segments = reference.partition("/_history/")[0].split("/")
    kind = segments[-2] if len(segments) > 1 and _TYPE.fullmatch(segments[-2]) else ""
    said = value.get("type") if isinstance(value, Mapping) else None
    return reference, kind or (said if isinstance(said, str) else "")
