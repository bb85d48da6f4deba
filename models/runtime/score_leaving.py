"""Whether somebody leaves the hospital alive and to come back: what the discharge disposition of a stay says.

HL7's own codes and those of the American hospital bill (UB-04, by the NUBC), under all names that FHIR and HL7 v2 give
them; `models/readmission_30d/destinations.py` reads the same, and a test holds the two equal (a folder with a trained
model stands for itself).
"""

from __future__ import annotations

from clinical.assessment import AbstentionReason
from clinical.record import Coding, Stay
from models.runtime.whereabouts import Refusal, outside

_DISPOSITION = "http://terminology.hl7.org/CodeSystem/discharge-disposition"
_BILL = frozenset(
    {
        "https://www.nubc.org/CodeSystem/PatDischargeStatus",
        "http://terminology.hl7.org/CodeSystem/v2-0112",
        "http://hl7.org/fhir/v2/0112",
        "urn:oid:2.16.840.1.113883.12.112",
    }
)
_GONE = frozenset({"exp", "hosp"})
_GONE_BILL = frozenset({"20", "40", "41", "42", "50", "51"})
_ALIVE = frozenset({"home", "alt-home", "other-hcf", "long", "aadvice", "psy", "rehab", "snf", "oth"})
# 81 to 95 are the same with a planned readmission.
_ALIVE_BILL = frozenset(
    {f"{number:02}" for number in (*range(1, 10), 21, 30, 43, *range(61, 67), *range(69, 73), *range(81, 96))}
)


def not_leaving(stay: Stay) -> Refusal | None:
    """A refusal where the patient has died or goes to a hospice, or where nobody can rule that out."""
    disposition = stay.discharge_disposition
    if disposition is None or _is_one(disposition, _ALIVE, _ALIVE_BILL):
        return None
    if _is_one(disposition, _GONE, _GONE_BILL):
        return outside("the patient has died or goes to a hospice")
    text = "the record does not say whether the patient leaves alive"
    return Refusal(AbstentionReason.NOT_ENOUGH_DATA, text, in_population=True, missing=("Discharge disposition",))


def _is_one(disposition: Coding, own: frozenset[str], bill: frozenset[str]) -> bool:
    """Whether it is one of some codes of HL7, or of the hospital bill, where a leading zero may be left out."""
    code = disposition.code.strip()
    if disposition.system in _BILL:
        return code.zfill(2) in bill
    return disposition.system == _DISPOSITION and code in own
