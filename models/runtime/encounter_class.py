"""What the class of an encounter says: whether somebody is admitted, only visits, or nobody can tell."""

from __future__ import annotations

from clinical.record import Stay

# HL7 v3 ActCode by the names that FHIR R4, FHIR STU3 and HL7 v3 give it; many senders leave it out, and some name the
# value set of its classes.
_ACT_CODE = frozenset(
    (
        "",
        "http://terminology.hl7.org/CodeSystem/v3-ActCode",
        "http://hl7.org/fhir/v3/ActCode",
        "urn:oid:2.16.840.1.113883.5.4",
        "http://terminology.hl7.org/ValueSet/v3-ActEncounterCode",
        "http://hl7.org/fhir/ValueSet/v3-ActEncounterCode",
    )
)
# FHIR R4 v3-ActEncounterCode: contacts in which nobody is admitted, and stays in which somebody is.
_VISITS = frozenset({"AMB", "HH", "VR", "FLD", "PRENC"})
_ADMITTED = frozenset({"IMP", "ACUTE", "NONAC", "OBSENC", "SS"})
_EMERGENCY = "EMER"
CLASSES = _VISITS | _ADMITTED | {_EMERGENCY}
_LONGEST = 80


def class_of(stay: Stay) -> str | None:
    """The ActCode of a stay. None where the class is none of the list, or of another system: it may be any of them."""
    coding = stay.class_code
    if coding is None or coding.system not in _ACT_CODE:
        return None
    return coding.code if coding.code in CLASSES else None


def class_as_written(stay: Stay) -> str:
    """The class of a stay for people who have to look it up: its code and its system, of which a long one is cut."""
    coding = stay.class_code
    return "none" if coding is None else " of ".join(part[:_LONGEST] for part in (coding.code, coding.system) if part)


def admits(stay: Stay) -> bool:
    """Whether somebody is admitted in this stay."""
    return class_of(stay) in _ADMITTED


def is_visit(stay: Stay) -> bool:
    """Whether it is a contact in which nobody is admitted. An emergency visit is not: it may become a stay."""
    return class_of(stay) in _VISITS


def is_emergency(stay: Stay) -> bool:
    """Whether it is a visit to an emergency department."""
    return class_of(stay) == _EMERGENCY
