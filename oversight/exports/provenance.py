"""FHIR R4 `Provenance` of an export: which files, made by whom and when, from what."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from oversight.tallies import Period


def provenance(
    hashes: Mapping[str, str], period: Period, entry: int, who: str, software: str, now: datetime
) -> dict[str, Any]:
    """`hashes` are the SHA-256 of the files by name; `entry` is the last one of the ledger that they know."""
    return {
        "resourceType": "Provenance",
        "target": [
            {"identifier": {"system": "urn:ietf:rfc:3986", "value": f"urn:hash::sha256:{digest}"}, "display": name}
            for name, digest in hashes.items()
        ],
        "occurredPeriod": {"start": period.first.isoformat(), "end": period.last.isoformat()},
        "recorded": now.isoformat(),
        "activity": {
            "coding": [{"system": "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle", "code": "extract"}],
            "text": "Export of oversight figures",
        },
        "agent": [_agent("assembler", software), _agent("enterer", who)],
        "entity": [{"role": "source", "what": {"display": f"Chartside's ledger up to entry {entry}"}}],
    }


def _agent(kind: str, name: str) -> dict[str, Any]:
    """A program or a person by name."""
    system = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
    return {"type": {"coding": [{"system": system, "code": kind}]}, "who": {"display": name}}
