"""The wrong-patient guard: every fact must name the patient of the call. One that names another stops the call.

What counts is the literal reference, letter by letter: other case, another base URL, a slash at its end, a conditional
reference (`Patient?identifier=…`) and a contained patient (`#p`) are not the patient of the call. A reference by
identifier or display alone names nobody whom we could check, and neither does one whose `type` contradicts it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from clinical.errors import WrongPatient

_LOCAL = ("urn:uuid:", "urn:oid:")
_WEB = ("http://", "https://")
# Members of R4 resources that say whose they are: nearly all types have subject or patient; Coverage has beneficiary,
# Task for, ResearchSubject individual, EnrollmentRequest candidate.
_WHOSE = ("subject", "patient", "beneficiary", "for", "individual", "candidate")
_PATIENT_TYPES = (None, "Patient", "http://hl7.org/fhir/StructureDefinition/Patient")
# Types that name their patient among others who take part, each as an actor. Several patients may come together (mother
# and newborn, a group); who else takes part is nobody's patient.
_APPOINTMENTS = ("Appointment", "AppointmentResponse")
# `Patient/<id>` at the end, also with a version or a fragment, or a search; no base URL with such a word in its path.
_TO_A_PATIENT = re.compile(
    r"(?:^|/)patient(?:\?|/+[^/?#]+(?:/_history(?:/[^/?#]*)?)?/?(?:[?#].*)?$)", re.IGNORECASE | re.DOTALL
)
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-.]{0,63}", re.ASCII)


class PatientGuard:
    """Knows the one patient of a call, by id, under the FHIR base that the call is about."""

    def __init__(self, patient_id: str, base: str) -> None:
        """Remember both spellings of a reference to the patient."""
        self._id = patient_id
        self._base = base.rstrip("/")
        self._own = frozenset({f"Patient/{patient_id}", f"{self._base}/Patient/{patient_id}"})
        self._server: str | None = None

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

    def check(self, resource: Mapping[str, object], aliases: frozenset[str] = frozenset(), full_url: str = "") -> bool:
        """True if the resource names this patient, False if it names none. Raises `WrongPatient` for another."""
        if "contained" in resource:
            self._check_contained(resource["contained"], aliases)
        kind = resource.get("resourceType")
        named = kind == "Patient"
        if named and resource.get("id") != self._id:
            raise WrongPatient("A Patient resource in the data is not the patient of this call.")
        for reference, agrees in _references(resource):
            if reference not in self._own and not self._is_known(reference, aliases):
                raise WrongPatient("A resource in the data names another patient than this call.")
            named = named or agrees
        if kind in _APPOINTMENTS:
            named = self._check_taking_part(resource, aliases) or named
        if named and full_url:
            self._check_server(full_url)
        return named

    def relative(self, url: str) -> str:
        """What follows the base of a URL on the server of the data, or an empty string for any other URL."""
        bases = (base for base in (self._base, self._server) if base and url.startswith(f"{base}/"))
        return next((url.removeprefix(f"{base}/") for base in bases), "")

    def _check_taking_part(self, appointment: Mapping[str, object], aliases: frozenset[str]) -> bool:
        """Whether patients take part; this one must be among them."""
        taking_part = list(_patients_taking_part(appointment, aliases))
        if not self._is_among(taking_part, aliases):
            raise WrongPatient("A resource in the data names another patient than this call.")
        return bool(taking_part)

    def _is_known(self, reference: str, aliases: frozenset[str]) -> bool:
        """Whether a reference is to this patient, by a local name too."""
        return reference in aliases or self._is_own(reference)

    def _is_among(self, patients: list[str], aliases: frozenset[str]) -> bool:
        """Whether this patient is one of those who take part; where no patient does, nobody is another."""
        return not patients or any(self._is_known(reference, aliases) for reference in patients)

    def _is_own(self, reference: str) -> bool:
        """Whether a reference is to this patient, or to a version of it."""
        if reference in self._own:
            return True
        whose, _, version = reference.partition("/_history/")
        return whose in self._own and _VERSION.fullmatch(version) is not None

    def _check_contained(self, contained: object, aliases: frozenset[str]) -> None:
        """A contained resource may name this patient, or one that is contained itself."""
        for inner in contained if isinstance(contained, list) else [contained]:
            if not isinstance(inner, dict):
                continue
            whose, taking_part = _outward(_whose(inner)), list(_outward(_patients_taking_part(inner, aliases)))
            if any(not self._is_known(name, aliases) for name in whose) or not self._is_among(taking_part, aliases):
                raise WrongPatient("A contained resource in the data names another patient than this call.")

    def _check_server(self, full_url: str) -> None:
        """All that names the patient stands under one FHIR base, because ids are unique within a server only.

        Which base is not asked: many a server behind a proxy does not know its public name.
        """
        parts = full_url.rsplit("/", 2)
        if parts[0] == self._server and len(parts) == 3 and parts[1] != "_history":
            return  # as below, with no version to cut off: there is none in a base that was taken from a URL before it
        if not full_url[:8].lower().startswith(_WEB):
            return
        server = full_url.partition("/_history/")[0].rsplit("/", 2)[0]
        if self._server is None:
            self._server = server
        elif self._server != server:
            raise WrongPatient("The data come from more than one FHIR server.")


def _references(resource: Mapping[str, object]) -> list[tuple[str, bool]]:
    """The literal references that say whose a resource is, and whether their stated type is a patient's."""
    found = []
    for name in _WHOSE:
        if name in resource:
            value = resource[name]
            for pointer in value if isinstance(value, list) else (value,):
                if isinstance(pointer, dict):
                    reference = pointer.get("reference")
                    if isinstance(reference, str) and reference:
                        found.append((reference, pointer.get("type") in _PATIENT_TYPES))
    return found


def _whose(resource: Mapping[str, object]) -> Iterator[str]:
    """The references of `_references` alone."""
    return (reference for reference, _ in _references(resource))


def _outward(references: Iterable[str]) -> Iterator[str]:
    """Those that lead out of the resource."""
    return (reference for reference in references if not reference.startswith("#"))


def _patients_taking_part(appointment: Mapping[str, object], aliases: frozenset[str]) -> Iterator[str]:
    """The references by which an Appointment, or an answer to one, names patients (FHIR R4 Appointment.participant)."""
    if appointment.get("resourceType") not in _APPOINTMENTS:
        return
    rows = appointment.get("participant")
    for row in (appointment, *(rows if isinstance(rows, list) else ())):
        actor = row.get("actor") if isinstance(row, dict) else None
        if not isinstance(actor, dict):
            continue
        reference, is_typed = actor.get("reference"), actor.get("type") in _PATIENT_TYPES[1:]
        if not isinstance(reference, str) or not reference:
            continue
        if is_typed or reference in aliases or _TO_A_PATIENT.search(reference):
            yield reference
