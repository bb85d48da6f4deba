"""Findings in the first form, which is read and no longer written: one JSON tree, each fact once, compressed."""

from __future__ import annotations

import json
import zlib
from typing import Any

from clinical.assessment import Abstention, Finding, RiskAssessment
from clinical.errors import LedgerUnavailable
from oversight.dataclass_json import from_tree
from oversight.stored_parts import UNREADABLE
from oversight.veil import unveil

FORMAT = 1

_KINDS = {"RiskAssessment": RiskAssessment, "Abstention": Abstention}


def read_finding(content: bytes, *, patient_id: str, encounter: str | None) -> Finding:
    """The finding of an entry; `encounter` is its id or pseudonym. Raises `LedgerUnavailable` if it cannot be read."""
    try:
        entry: Any = json.loads(zlib.decompress(content))  # noqa: TID251 (our own text)
        tree, facts = entry["finding"], entry["facts"]
        clear = unveil(patient_id, encounter)
        for fact in (*facts, *tree["unused"]):
            fact["reference"] = clear(fact["reference"])
        for attribution in tree.get("explanation", {"attributions": ()})["attributions"]:
            attribution["facts"] = [facts[place] for place in attribution["facts"]]
        finding: Finding = from_tree(_KINDS[entry["kind"]], tree)
    except (TypeError, ValueError, LookupError, AttributeError, zlib.error):
        raise LedgerUnavailable(UNREADABLE) from None
    return finding
