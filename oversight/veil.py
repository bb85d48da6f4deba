"""References of facts, without the ids of the patient and of the call's encounter.

References stay in the ledger, because an entry must say what the risk was computed from. Where the id of the patient
is part of one (`Patient/p1`, `Observation/p1-hr-3`), a mark takes its place, and reading puts the id of the caller
back: nobody learns it from the database, and nothing is lost. `Encounter/<id>` of the call's own encounter is treated
the same way, but comes back without an id where the caller does not name the encounter.
"""

from __future__ import annotations

import re
from collections.abc import Callable

# Braces cannot stand in a FHIR id or reference (FHIR R4 datatypes, `id`: letters, digits, "-" and "."); a brace that
# does is marked too, so that whatever came goes back.
_PATIENT_MARK = "{patient}"
_ENCOUNTER_MARK = "{encounter}"
_BRACE_MARK = "{brace}"
_MARKS = re.compile(r"(\{encounter\}|\{brace\})")
_ALL_MARKS = re.compile(r"\{(?:patient|encounter|brace)\}")


def veil(patient_id: str, encounter_id: str | None) -> Callable[[str], str]:
    """A function that puts the marks into a reference."""
    own = f"Encounter/{encounter_id}" if encounter_id else None

    def mark(reference: str) -> str:
        """Most references hold neither id, and a glance is enough."""
        if patient_id not in reference and "{" not in reference and (own is None or own not in reference):
            return reference
        return _marked(reference, patient_id, own)

    return mark


def unveil(patient_id: str, encounter: str | None) -> Callable[[str], str]:
    """A function that replaces the marks: the patient's by the id, the encounter's by its id, or by nothing."""
    words = {_PATIENT_MARK: patient_id, _ENCOUNTER_MARK: encounter or "", _BRACE_MARK: "{"}

    def clear(reference: str) -> str:
        """In one pass, so that what is put in is not read again."""
        return _ALL_MARKS.sub(lambda mark: words[mark[0]], reference) if "{" in reference else reference

    return clear


def _marked(reference: str, patient_id: str, own: str | None) -> str:
    """Braces first, then the encounter, then the patient around the marks: an id may be as short as a letter of one."""
    reference = reference.replace("{", _BRACE_MARK)
    if own is not None and own in reference:
        whole = rf"(?<=Encounter/){re.escape(own[len('Encounter/') :])}(?![A-Za-z0-9\-.])"
        reference = re.sub(whole, _ENCOUNTER_MARK, reference)
    parts = _MARKS.split(reference)
    return "".join(
        part.replace(patient_id, _PATIENT_MARK) if patient_id and place % 2 == 0 else part
        for place, part in enumerate(parts)
    )
