"""The finding as it stands in the ledger: JSON, each fact once, compressed (a tenth of its size).

References of facts stay, because the entry must say what the risk was computed from. Where the id of the patient is
part of one (`Patient/p1`, `Observation/p1-hr-3`), a mark takes its place, and `read_finding` puts the id of the caller
back: nobody learns it from the database, and nothing is lost. `Encounter/<id>` of the call's own encounter is treated
the same way, but comes back as the pseudonym, because the caller does not name the encounter.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable
from typing import Any

from clinical.assessment import Abstention, Finding, RiskAssessment
from clinical.errors import LedgerUnavailable
from clinical.record import Observation
from oversight.dataclass_json import Reader, Writer

FORMAT = 1

_KINDS: dict[str, type[RiskAssessment] | type[Abstention]] = {
    "RiskAssessment": RiskAssessment,
    "Abstention": Abstention,
}
# Braces cannot stand in a FHIR id or reference (FHIR R4 datatypes, `id`: letters, digits, "-" and ".").
_PATIENT_MARK = "{patient}"
_ENCOUNTER_MARK = "{encounter}"


def write_finding(finding: Finding, *, patient_id: str, encounter_id: str | None) -> bytes:
    """The finding as compressed ASCII JSON. Raises `LedgerUnavailable` for NaN, infinity and foreign types."""

    def veil(reference: str) -> str:
        """Put the marks in."""
        if encounter_id:
            own = rf"(?<=Encounter/){re.escape(encounter_id)}(?![A-Za-z0-9\-.])"
            reference = re.sub(own, _ENCOUNTER_MARK, reference)
        # Around the marks only: the id may be as short as "e", which is a letter of "{encounter}".
        parts = reference.split(_ENCOUNTER_MARK)
        return _ENCOUNTER_MARK.join(part.replace(patient_id, _PATIENT_MARK) if patient_id else part for part in parts)

    try:
        writer = Writer(Observation)
        entry = {"kind": type(finding).__name__, "finding": writer.tree(finding), "facts": writer.shared}
        text = json.dumps(_with_references(entry, veil), allow_nan=False, separators=(",", ":"))
        return zlib.compress(text.encode("ascii"))
    except (TypeError, ValueError):
        raise LedgerUnavailable("The advice holds something that the ledger cannot write down.") from None


def read_finding(content: bytes, *, patient_id: str, encounter: str | None) -> Finding:
    """The finding that was written. `encounter` is the pseudonym. Raises `LedgerUnavailable` if it cannot be read."""

    def unveil(reference: str) -> str:
        """Replace the marks."""
        return reference.replace(_PATIENT_MARK, patient_id).replace(_ENCOUNTER_MARK, encounter or "")

    try:
        entry: Any = _with_references(json.loads(zlib.decompress(content)), unveil)  # noqa: TID251 (our own text)
        finding: Finding = Reader(Observation, entry["facts"]).value(_KINDS[entry["kind"]], entry["finding"])
    except (TypeError, ValueError, LookupError, zlib.error):
        raise LedgerUnavailable("An entry of the ledger is not in a form that this version reads.") from None
    return finding


def _with_references(tree: object, change: Callable[[str], str]) -> object:
    """The tree with every member `reference` changed."""
    if isinstance(tree, dict):
        return {
            key: change(value) if key == "reference" and isinstance(value, str) else _with_references(value, change)
            for key, value in tree.items()
        }
    return [_with_references(item, change) for item in tree] if isinstance(tree, list) else tree
