"""The type of the intensive care unit, from the code or the name of the place where the patient lies now.

Four columns, one of them 1 and the others 0; all unknown where the place does not name exactly one of the four types
that the training data tell apart. An allow-list of codes and of whole words: half a match, two types, or a type that
the training data do not know (trauma, neuro, burns, children) leave it unknown, for which the model was trained too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from clinical.assessment import Basis
from clinical.record import Coding, PatientRecord, StayLocation
from models.runtime.columns import Value
from models.runtime.gather import Series
from models.runtime.placed import Placed

CORONARY, CARDIAC_SURGERY, MEDICAL, SURGICAL = "coronary", "cardiac_surgery", "medical", "surgical"
TYPES = (CORONARY, CARDIAC_SURGERY, MEDICAL, SURGICAL)
_OTHER = "other"
_NONE = ""

_ROLE_CODE = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
_HSLOC = ("https://www.cdc.gov/nhsn/cdaportal/terminology/codesystem/hsloc.html", "urn:oid:2.16.840.1.113883.6.259")
# v3-RoleCode: CCU is coronary care; ICU says nothing about the type. CDC NHSN: every other location is another type.
_ROLES = {"CCU": CORONARY}
_LOCATIONS = {"1028-0": CORONARY, "1032-2": CARDIAC_SURGERY, "1027-2": MEDICAL, "1030-6": SURGICAL}

# What a name may say, word for word; where two begin at the same word, the longer one counts.
_WORDS = {
    **dict.fromkeys(("coronary", "ccu", "cardiac care", "medical cardiac"), CORONARY),
    **dict.fromkeys(("csru", "csicu", "cticu", "ctsicu", "cardiothoracic", "surgical cardiothoracic"), CARDIAC_SURGERY),
    **dict.fromkeys(("cardiothoracic surgery", "cardiothoracic surgical", "heart surgery"), CARDIAC_SURGERY),
    **dict.fromkeys(("cardiac surgery", "cardiac surgical", "cardiovascular surgery"), CARDIAC_SURGERY),
    **dict.fromkeys(("medical", "micu"), MEDICAL),
    **dict.fromkeys(("surgical", "sicu"), SURGICAL),
    # The name of a hospital.
    **dict.fromkeys(("medical center", "medical centre", "medical college", "medical school"), _NONE),
    **dict.fromkeys(("neuro", "neurological", "neurology", "neurosurgical", "neurosurgery", "nsicu", "stroke"), _OTHER),
    **dict.fromkeys(("trauma", "tsicu", "burn", "burns", "respiratory", "transplant", "liver", "oncology"), _OTHER),
    **dict.fromkeys(("pediatric", "paediatric", "children", "neonatal", "nicu", "picu", "obstetric"), _OTHER),
}
_LONGEST = max(len(words.split()) for words in _WORDS)


def columns(_record: PatientRecord, placed: Placed, _series: Mapping[str, Series]) -> Mapping[str, Value]:
    """1 for the type of the unit and 0 for the other three; nothing where the type is not known."""
    found = None if placed.bed is None else unit_type(placed.bed)
    if found is None or placed.bed is None:
        return {}
    reference = "" if placed.stay is None else placed.stay.reference
    # Without a time: a place is no measurement, and must not make the facts look older than they are.
    basis = (Basis(reference, f"the place of the stay: {placed.bed.name or found.replace('_', ' ')}"),)
    return {name: Value(float(name == found), basis=basis) for name in TYPES}


def unit_type(bed: StayLocation) -> str | None:
    """One of `TYPES`, if codes and name of a place together name exactly one."""
    kinds = {*map(_of_code, bed.codings), *_of_name(bed.name)} - {_NONE}
    return kinds.pop() if len(kinds) == 1 and _OTHER not in kinds else None


def _of_code(coding: Coding) -> str:
    """What a code says about the type."""
    if coding.system in _HSLOC:
        return _LOCATIONS.get(coding.code, _OTHER)
    return _ROLES.get(coding.code, _NONE) if coding.system == _ROLE_CODE else _NONE


def _of_name(name: str) -> Iterator[str]:
    """What the words of a name say about the type. Beside "critical", CCU is short for critical care unit."""
    words = re.findall(r"[^\W_]+", name.casefold())
    if "critical" in words:
        words = [word for word in words if word != "ccu"]
    while words:
        taken = next((n for n in range(_LONGEST, 0, -1) if " ".join(words[:n]) in _WORDS), 0)
        if taken:
            yield _WORDS[" ".join(words[:taken])]
        words = words[taken or 1 :]
