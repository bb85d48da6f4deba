"""Whether somebody leaves the hospital alive and to come back: what the discharge disposition of a stay says.

HL7's own codes and those of the American hospital bill (UB-04, by the NUBC), under all names that FHIR and HL7 v2 give
them; `models/readmission_30d/destinations.py` reads the same under most of the names, and a test holds the two equal (a
folder with a trained model stands for itself).

Where a hospital says it in words, or in a list of its own with words beside the code, that is as if it said nothing,
unless the words may mean death or a hospice; the answer tells it.
"""

from __future__ import annotations

from clinical.assessment import AbstentionReason
from clinical.record import Coding, Stay
from models.runtime.death_in_words import may_mean_death
from models.runtime.whereabouts import Refusal, outside

_DISPOSITION = "http://terminology.hl7.org/CodeSystem/discharge-disposition"
_NUBC = frozenset(
    {
        "https://www.nubc.org/CodeSystem/PatDischargeStatus",
        # Synthea, and the terminology of earlier releases of FHIR.
        "http://www.nubc.org/patient-discharge",
        "urn:oid:2.16.840.1.113883.6.301.5",
    }
)
_TABLE_0112 = frozenset(
    {
        "http://terminology.hl7.org/CodeSystem/v2-0112",
        "http://hl7.org/fhir/v2/0112",
        "urn:oid:2.16.840.1.113883.12.112",
    }
)
_GONE = frozenset({"exp", "hosp"})
_GONE_BILL = frozenset({"20", "40", "41", "42", "50", "51"})
_ALIVE = frozenset({"home", "alt-home", "other-hcf", "long", "aadvice", "psy", "rehab", "snf", "oth"})
# To a court or the police. HL7's table has "expired, to be defined at state level" from 21 to 29 instead, so there it
# does not say who leaves alive.
_COURT = 21
# 81 to 95 are the same with a planned readmission.
_ALIVE_NUBC = frozenset(
    {f"{number:02}" for number in (*range(1, 10), _COURT, 30, 43, *range(61, 67), *range(69, 73), *range(81, 96))}
)
_ALIVE_0112 = _ALIVE_NUBC - {str(_COURT)}
_NOT_READ = "the discharge disposition cannot be read"


def not_leaving(stay: Stay) -> Refusal | None:
    """A refusal where the patient has died or goes to a hospice, or where nobody can rule that out."""
    disposition = stay.discharge_disposition
    if disposition is None or _is_alive(disposition):
        return None
    if _is_gone(disposition):
        return outside("the patient has died or goes to a hospice")
    if not _is_in_words(disposition):
        return _not_told("the record does not say whether the patient leaves alive")
    if may_mean_death(disposition.display):
        return _not_told("the words of the discharge disposition may mean death or a hospice")
    return None


def not_read(stay: Stay) -> str:
    """What the answer tells of a disposition that is not used, though there is one; else nothing."""
    disposition = stay.discharge_disposition
    return "" if disposition is None or _is_alive(disposition) else _NOT_READ


def _not_told(text: str) -> Refusal:
    return Refusal(AbstentionReason.NOT_ENOUGH_DATA, text, in_population=True, missing=("Discharge disposition",))


def _is_in_words(disposition: Coding) -> bool:
    """Whether it is told in words, and by no code of a list that is known here, where another code means what it is."""
    named = any(sign.isalpha() for sign in disposition.display)
    return named and disposition.system not in {_DISPOSITION, *_NUBC, *_TABLE_0112}


def _is_alive(disposition: Coding) -> bool:
    """Whether somebody leaves alive and may come back."""
    if disposition.system in _TABLE_0112:
        return _number(disposition) in _ALIVE_0112
    if disposition.system in _NUBC:
        return _number(disposition) in _ALIVE_NUBC
    return disposition.system == _DISPOSITION and disposition.code.strip() in _ALIVE


def _is_gone(disposition: Coding) -> bool:
    """Whether somebody has died or goes to a hospice."""
    if disposition.system in _NUBC | _TABLE_0112:
        return _number(disposition) in _GONE_BILL
    return disposition.system == _DISPOSITION and disposition.code.strip() in _GONE


def _number(disposition: Coding) -> str:
    """A code of the hospital bill, where a leading zero may be left out."""
    return disposition.code.strip().zfill(2)
