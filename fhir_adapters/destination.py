"""FHIR R4 Encounter.hospitalization.dischargeDisposition → where the patient goes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from clinical.record import Coding
from fhir_adapters.decode import Json, codings, members, text

# The code system of FHIR R4's own value set.
_DISPOSITION = "http://terminology.hl7.org/CodeSystem/discharge-disposition"
_NUBC = "https://www.nubc.org/CodeSystem/PatDischargeStatus"
# Names of the same list: of Synthea, and of the terminology of earlier releases of FHIR.
_RENAMED = {"http://www.nubc.org/patient-discharge": _NUBC, "urn:oid:2.16.840.1.113883.6.301.5": _NUBC}
# The list of the American hospital bill, and HL7's table of the same codes.
_BILL = frozenset(
    {
        _NUBC,
        "http://terminology.hl7.org/CodeSystem/v2-0112",
        "http://hl7.org/fhir/v2/0112",
        "urn:oid:2.16.840.1.113883.12.112",
    }
)
# Of both lists the codes of who has died or goes to a hospice (FHIR discharge-disposition; NUBC form locator 17).
_NOT_HOME = frozenset({"exp", "hosp", "20", "40", "41", "42", "50", "51"})
_CONTRADICTS = Coding("", "", "")


def destination(concept: object) -> Coding | None:
    """A code of a list that all know; else the first code, with all words that are said. None where nothing is said.

    A hospital's own code often stands before that of the bill. Two codes of one list contradict: that is none, and not
    nothing. So do two lists of which one alone says that somebody died or goes to a hospice. Where only an extension
    stands (data-absent-reason), nothing is said.
    """
    if not isinstance(concept, Mapping):
        return None
    found = [replace(coding, system=_RENAMED.get(coding.system, coding.system)) for coding in codings(concept)]
    # Of one code under several names the first counts, and that of the bill itself before HL7's table.
    in_order = sorted(found, key=lambda coding: coding.system != _NUBC)
    lists = [
        {coding.code.strip().zfill(2): coding for coding in reversed(in_order) if coding.system in names}
        for names in (frozenset({_DISPOSITION}), _BILL)
    ]
    told = [codes for codes in lists if codes]
    if told:
        contradicts = len(told[0]) > 1 or len({code in _NOT_HOME for codes in told for code in codes}) > 1
        return _CONTRADICTS if contradicts else next(iter(told[0].values()))
    words = "; ".join(dict.fromkeys(filter(None, _words(concept))))
    if found:
        return replace(found[0], display=words)
    coded = any(row.get("code") for row in members(concept, "coding"))
    return Coding("", "", words) if words or coded else None


def _words(concept: Json) -> Iterator[str]:
    """What is said in words: of the whole, and of each code."""
    yield text(concept.get("text"))
    yield from (text(row.get("display")) for row in members(concept, "coding"))
