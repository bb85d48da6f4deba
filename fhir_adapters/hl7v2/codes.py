"""Codes in HL7 v2 fields → `Coding`, by the name of their table (HL7 table 0396)."""

from __future__ import annotations

from collections.abc import Iterator

from clinical.record import LOINC, Coding
from fhir_adapters.hl7v2.segments import Segment

# HL7 table 0396 → the URIs of FHIR R4 terminologies-systems.html. I10 is ICD-10 of the WHO; I10C its clinical
# modification in the United States. A system that is not listed keeps its own name.
_SYSTEMS = {
    "LN": LOINC,
    "SCT": "http://snomed.info/sct",
    "I10": "http://hl7.org/fhir/sid/icd-10",
    "I10C": "http://hl7.org/fhir/sid/icd-10-cm",
    "I9C": "http://hl7.org/fhir/sid/icd-9-cm",
    "I9CDX": "http://hl7.org/fhir/sid/icd-9-cm",
    "RXNORM": "http://www.nlm.nih.gov/research/umls/rxnorm",
}


def codings(segment: Segment, field: int) -> Iterator[Coding]:
    """The first and the alternate identifier of a coded field (CE, CWE), each with a code and a system."""
    for first in (1, 4):
        code, system = segment.get(field, first), segment.get(field, first + 2)
        if code and system:
            yield Coding(_SYSTEMS.get(system, f"urn:hl7v2:{system}"), code, segment.get(field, first + 1))


def table(segment: Segment, field: int, number: str) -> Coding | None:
    """A code of one HL7 table (IS), or None where the field is empty."""
    code = segment.get(field)
    return Coding(f"http://terminology.hl7.org/CodeSystem/v2-{number}", code, segment.get(field, 2)) if code else None
