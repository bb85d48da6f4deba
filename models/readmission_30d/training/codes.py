"""The source's own codes as a FHIR server would send them: HL7's where they are exact, else the hospital bill's."""

from __future__ import annotations

from collections.abc import Mapping

from clinical.record import Coding
from models.readmission_30d.destinations import (
    ACT_PRIORITY,
    ADMIT_SOURCE,
    DISPOSITION,
    NUBC_ORIGIN,
    NUBC_STATUS,
)

# diabetes130_IDs_mapping.csv. What is not here (not available, not mapped, newborn) is not said.
PRIORITIES: Mapping[int, Coding] = {
    1: Coding(ACT_PRIORITY, "EM", "emergency"),
    2: Coding(ACT_PRIORITY, "UR", "urgent"),
    3: Coding(ACT_PRIORITY, "EL", "elective"),
    7: Coding(ACT_PRIORITY, "EM", "emergency"),
}
# Whether such an admission is acute, for LACE.
ACUTE: Mapping[int, float] = {number: float(coding.code != "EL") for number, coding in PRIORITIES.items()}
SOURCES: Mapping[int, Coding] = {
    1: Coding(ADMIT_SOURCE, "gp", "referral by a physician"),
    2: Coding(ADMIT_SOURCE, "outp", "from a clinic"),
    3: Coding(ADMIT_SOURCE, "gp", "referral by an insurer"),
    4: Coding(ADMIT_SOURCE, "hosp-trans", "from another hospital"),
    5: Coding(ADMIT_SOURCE, "nursing", "from a nursing facility"),
    6: Coding(NUBC_ORIGIN, "6", "from another facility"),
    7: Coding(ADMIT_SOURCE, "emd", "from the emergency room"),
    8: Coding(NUBC_ORIGIN, "8", "by court or police"),
    10: Coding(NUBC_ORIGIN, "A", "from a critical access hospital"),
    11: Coding(ADMIT_SOURCE, "born", "born here"),
    12: Coding(ADMIT_SOURCE, "born", "born here"),
    13: Coding(ADMIT_SOURCE, "born", "born here"),
    14: Coding(ADMIT_SOURCE, "born", "born elsewhere"),
    18: Coding(NUBC_ORIGIN, "B", "from a home health agency"),
    22: Coding(NUBC_ORIGIN, "D", "from another unit of the hospital"),
    25: Coding(NUBC_ORIGIN, "E", "from a surgery centre"),
    26: Coding(NUBC_ORIGIN, "F", "from a hospice"),
}
DISPOSITIONS: Mapping[int, Coding] = {
    1: Coding(DISPOSITION, "home", "home"),
    2: Coding(NUBC_STATUS, "02", "to another hospital"),
    3: Coding(DISPOSITION, "snf", "to a skilled nursing facility"),
    4: Coding(NUBC_STATUS, "04", "to an intermediate care facility"),
    5: Coding(NUBC_STATUS, "05", "to another inpatient institution"),
    6: Coding(NUBC_STATUS, "06", "home with home care"),
    7: Coding(DISPOSITION, "aadvice", "against advice"),
    8: Coding(NUBC_STATUS, "08", "home with infusions"),
    9: Coding(NUBC_STATUS, "09", "admitted to this hospital"),
    10: Coding(NUBC_STATUS, "05", "to another inpatient institution"),
    12: Coding(NUBC_STATUS, "30", "still a patient"),
    15: Coding(NUBC_STATUS, "61", "to a swing bed"),
    16: Coding(NUBC_STATUS, "71", "to outpatient care elsewhere"),
    17: Coding(NUBC_STATUS, "72", "to outpatient care here"),
    22: Coding(DISPOSITION, "rehab", "to rehabilitation"),
    23: Coding(DISPOSITION, "long", "to a long-term care hospital"),
    24: Coding(NUBC_STATUS, "64", "to a nursing facility"),
    27: Coding(NUBC_STATUS, "43", "to a federal hospital"),
    28: Coding(DISPOSITION, "psy", "to a psychiatric hospital"),
    29: Coding(NUBC_STATUS, "66", "to a critical access hospital"),
    30: Coding(DISPOSITION, "oth", "elsewhere"),
}
# Died, or went to a hospice: nobody expects them back, and the source's own question leaves them out.
NOT_ASKED = frozenset({11, 13, 14, 19, 20, 21})
