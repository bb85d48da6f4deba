"""The finding as the text that stands in the ledger.

References of facts stay, because the entry must say what the risk was computed from. Where the id of the patient is
part of one (`Patient/p1`, `Observation/p1-hr-3`), a mark takes its place, and `read_finding` puts the id of the caller
back: nobody learns it from the database, and nothing is lost. `Encounter/<id>` of the call's own encounter is treated
the same way, but comes back as the pseudonym, because the caller does not name the encounter.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from clinical.assessment import Abstention, Finding, RiskAssessment
from clinical.errors import LedgerUnavailable
from oversight.dataclass_json import from_tree, to_tree

FORMAT = 1

_KINDS: dict[str, type[RiskAssessment] | type[Abstention]] = {
    "RiskAssessment": RiskAssessment,
    "Abstention": Abstention,
}
# Braces cannot stand in a FHIR id or reference (FHIR R4 datatypes, `id`: letters, digits, "-" and ".").
_PATIENT_MARK = "{patient}"
_ENCOUNTER_MARK = "{encounter}"


def write_finding(finding: Finding, *, patient_id: str, encounter_id: str | None) -> str:
    """The finding as ASCII JSON. Raises `LedgerUnavailable` for NaN, infinity and foreign types."""

    def veil(reference: str) -> str:
        """Put the marks in."""
        if encounter_id:
            own = rf"(?<=Encounter/){re.escape(encounter_id)}(?![A-Za-z0-9\-.])"
            reference = re.sub(own, _ENCOUNTER_MARK, reference)
        # Around the marks only: the id may be as short as "e", which is a letter of "{encounter}".
        parts = reference.split(_ENCOUNTER_MARK)
        return _ENCOUNTER_MARK.join(part.replace(patient_id, _PATIENT_MARK) if patient_id else part for part in parts)

    try:
        tree = _with_references(to_tree(finding), veil)
        return json.dumps({"kind": type(finding).__name__, "finding": tree}, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError):
        raise LedgerUnavailable("The advice holds something that the ledger cannot write down.") from None


def read_finding(text: str, *, patient_id: str, encounter: str | None) -> Finding:
    """The finding that was written. `encounter` is the pseudonym. Raises `LedgerUnavailable` if it cannot be read."""

    def unveil(reference: str) -> str:
        """Replace the marks."""
        return reference.replace(_PATIENT_MARK, patient_id).replace(_ENCOUNTER_MARK, encounter or "")

    try:
        entry = json.loads(text)  # noqa: TID251 (our own text, written above)
        finding: Finding = from_tree(_KINDS[entry["kind"]], _with_references(entry["finding"], unveil))
    except (TypeError, ValueError, KeyError):
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
