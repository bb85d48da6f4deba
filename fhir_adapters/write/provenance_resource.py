"""Who made a written risk, from what, and when: a FHIR R4 Provenance (provenance.html)."""

from __future__ import annotations

from datetime import datetime

from clinical.advice import Advice
from fhir_adapters.write.horizons import moment
from fhir_adapters.write.risk_resource import sources
from fhir_adapters.write.risk_words import Answer
from fhir_adapters.write.software_device import DEVICE, Software

PARTICIPANT = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
OPERATION = "http://terminology.hl7.org/CodeSystem/v3-DataOperation"


def provenance_resource(
    advice: Advice, found: Answer, software: Software, *, target: str, user: str, recorded: datetime
) -> dict[str, object]:
    """The Provenance of the RiskAssessment at `target` (with its version, where that is known).

    The software is the author. The clinician is who had it entered; that they agree with it is not said anywhere.
    """
    listed, _ = sources(found)
    resource: dict[str, object] = {
        "resourceType": "Provenance",
        "language": "en",
        "contained": [software.device(found.model)],
        "target": [{"reference": target}],
        "occurredDateTime": moment(advice.time),
        "recorded": moment(recorded),
        "activity": {"coding": [{"system": OPERATION, "code": "CREATE", "display": "create"}]},
        "agent": [
            {"type": _role("author", "Author"), "who": dict(DEVICE)},
            {"type": _role("enterer", "Enterer"), "who": {"reference": user}},
        ],
    }
    if listed:
        resource["entity"] = [{"role": "source", "what": {"reference": reference}} for reference in listed]
    return resource


def _role(code: str, display: str) -> dict[str, object]:
    """What an agent did."""
    return {"coding": [{"system": PARTICIPANT, "code": code, "display": display}]}
