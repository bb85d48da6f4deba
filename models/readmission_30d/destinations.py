"""Where a patient came from, how urgently, and where the patient goes: the codes of an encounter as the model's groups.

HL7's own code systems are coarse, so the codes of the American hospital bill (UB-04, by the NUBC) are read too; US Core
names them for Encounter.hospitalization. A code that is not in these tables says nothing; a group that is None is known
and is none of the model's.
"""

from __future__ import annotations

from collections.abc import Mapping

from clinical.record import Coding

ACT_PRIORITY = "http://terminology.hl7.org/CodeSystem/v3-ActPriority"
ADMIT_SOURCE = "http://terminology.hl7.org/CodeSystem/admit-source"
DISPOSITION = "http://terminology.hl7.org/CodeSystem/discharge-disposition"
NUBC_PRIORITY = "https://www.nubc.org/CodeSystem/PriorityTypeOfAdmitOrVisit"
NUBC_ORIGIN = "https://www.nubc.org/CodeSystem/PointOfOrigin"
NUBC_STATUS = "https://www.nubc.org/CodeSystem/PatDischargeStatus"
# The tables 0023 and 0112 of HL7 v2 hold the same codes of the hospital bill. Each also goes by other names: its object
# identifier (terminology.hl7.org), and the one that it had before FHIR R4.
_SAME: Mapping[str, str] = {
    "http://terminology.hl7.org/CodeSystem/v2-0023": NUBC_ORIGIN,
    "http://hl7.org/fhir/v2/0023": NUBC_ORIGIN,
    "urn:oid:2.16.840.1.113883.12.23": NUBC_ORIGIN,
    "http://terminology.hl7.org/CodeSystem/v2-0112": NUBC_STATUS,
    "http://hl7.org/fhir/v2/0112": NUBC_STATUS,
    "urn:oid:2.16.840.1.113883.12.112": NUBC_STATUS,
}

URGENCIES = ("emergency", "urgent", "elective")
ORIGINS = ("referral", "emergency_room", "hospital", "other_facility")
DESTINATIONS = (
    "home",
    "home_care",
    "skilled_nursing",
    "intermediate_care",
    "hospital",
    "other_inpatient",
    "rehabilitation",
    "long_term_hospital",
    "psychiatric",
    "swing_bed",
    "against_advice",
    "still_patient",
    "other",
)
# The patient is not expected back: there is nothing to prevent.
DIED_OR_HOSPICE = "died or hospice"

_URGENCY: Mapping[tuple[str, str], str | None] = {
    (ACT_PRIORITY, "EM"): "emergency",
    (ACT_PRIORITY, "S"): "emergency",
    (ACT_PRIORITY, "UR"): "urgent",
    (ACT_PRIORITY, "A"): "urgent",
    (ACT_PRIORITY, "EL"): "elective",
    (NUBC_PRIORITY, "1"): "emergency",
    (NUBC_PRIORITY, "5"): "emergency",
    (NUBC_PRIORITY, "2"): "urgent",
    (NUBC_PRIORITY, "3"): "elective",
}
_ORIGIN: Mapping[tuple[str, str], str | None] = {
    (ADMIT_SOURCE, "gp"): "referral",
    (ADMIT_SOURCE, "mp"): "referral",
    (ADMIT_SOURCE, "outp"): "referral",
    (ADMIT_SOURCE, "emd"): "emergency_room",
    (ADMIT_SOURCE, "hosp-trans"): "hospital",
    (ADMIT_SOURCE, "nursing"): "other_facility",
    (ADMIT_SOURCE, "psych"): "other_facility",
    (ADMIT_SOURCE, "rehab"): "other_facility",
    (ADMIT_SOURCE, "born"): None,
    (NUBC_ORIGIN, "1"): "referral",
    (NUBC_ORIGIN, "2"): "referral",
    (NUBC_ORIGIN, "3"): "referral",
    (NUBC_ORIGIN, "4"): "hospital",
    (NUBC_ORIGIN, "5"): "other_facility",
    (NUBC_ORIGIN, "6"): "other_facility",
    (NUBC_ORIGIN, "7"): "emergency_room",
    (NUBC_ORIGIN, "8"): None,
    (NUBC_ORIGIN, "A"): "hospital",
    (NUBC_ORIGIN, "B"): "other_facility",
    (NUBC_ORIGIN, "D"): "hospital",
    (NUBC_ORIGIN, "E"): "hospital",
    (NUBC_ORIGIN, "F"): "other_facility",
}
_DESTINATION: Mapping[tuple[str, str], str | None] = {
    (DISPOSITION, "home"): "home",
    (DISPOSITION, "alt-home"): "home",
    (DISPOSITION, "other-hcf"): "other_inpatient",
    (DISPOSITION, "hosp"): DIED_OR_HOSPICE,
    (DISPOSITION, "long"): "long_term_hospital",
    (DISPOSITION, "aadvice"): "against_advice",
    (DISPOSITION, "exp"): DIED_OR_HOSPICE,
    (DISPOSITION, "psy"): "psychiatric",
    (DISPOSITION, "rehab"): "rehabilitation",
    (DISPOSITION, "snf"): "skilled_nursing",
    (DISPOSITION, "oth"): "other",
    (NUBC_STATUS, "01"): "home",
    (NUBC_STATUS, "02"): "hospital",
    (NUBC_STATUS, "03"): "skilled_nursing",
    (NUBC_STATUS, "04"): "intermediate_care",
    (NUBC_STATUS, "05"): "other_inpatient",
    (NUBC_STATUS, "06"): "home_care",
    (NUBC_STATUS, "07"): "against_advice",
    (NUBC_STATUS, "08"): "home_care",
    (NUBC_STATUS, "09"): "still_patient",
    (NUBC_STATUS, "20"): DIED_OR_HOSPICE,
    (NUBC_STATUS, "21"): "other",
    (NUBC_STATUS, "30"): "still_patient",
    (NUBC_STATUS, "40"): DIED_OR_HOSPICE,
    (NUBC_STATUS, "41"): DIED_OR_HOSPICE,
    (NUBC_STATUS, "42"): DIED_OR_HOSPICE,
    (NUBC_STATUS, "43"): "hospital",
    (NUBC_STATUS, "50"): DIED_OR_HOSPICE,
    (NUBC_STATUS, "51"): DIED_OR_HOSPICE,
    (NUBC_STATUS, "61"): "swing_bed",
    (NUBC_STATUS, "62"): "rehabilitation",
    (NUBC_STATUS, "63"): "long_term_hospital",
    (NUBC_STATUS, "64"): "skilled_nursing",
    (NUBC_STATUS, "65"): "psychiatric",
    (NUBC_STATUS, "66"): "hospital",
    (NUBC_STATUS, "69"): "other",
    (NUBC_STATUS, "70"): "other",
    (NUBC_STATUS, "71"): "still_patient",
    (NUBC_STATUS, "72"): "still_patient",
}
# The same, where the patient is to come back as planned: 81 is 01 with a planned readmission.
_PLANNED: Mapping[str, str] = {
    "81": "01",
    "82": "02",
    "83": "03",
    "84": "04",
    "85": "05",
    "86": "06",
    "87": "21",
    "88": "43",
    "89": "61",
    "90": "62",
    "91": "63",
    "92": "64",
    "93": "65",
    "94": "66",
    "95": "70",
}
UNKNOWN = ""


def urgency_of(priority: Coding | None) -> str | None:
    """One of `URGENCIES`, or `UNKNOWN`."""
    return _group(_URGENCY, priority)


def origin_of(source: Coding | None) -> str | None:
    """One of `ORIGINS`, None for another one, or `UNKNOWN`."""
    return _group(_ORIGIN, source)


def destination_of(disposition: Coding | None) -> str | None:
    """One of `DESTINATIONS`, `DIED_OR_HOSPICE`, or `UNKNOWN`."""
    return _group(_DESTINATION, disposition)


def alive_is_not_told(disposition: Coding | None) -> bool:
    """Whether there is a disposition that cannot be read, so that nobody can rule out death or a hospice."""
    return disposition is not None and destination_of(disposition) == UNKNOWN


def _group(table: Mapping[tuple[str, str], str | None], coding: Coding | None) -> str | None:
    """The group of a code, or `UNKNOWN`."""
    if coding is None:
        return UNKNOWN
    system, code = _SAME.get(coding.system, coding.system), coding.code.strip()
    if system == NUBC_STATUS:
        code = _PLANNED.get(code, code.zfill(2))
    return table.get((system, code), UNKNOWN)
