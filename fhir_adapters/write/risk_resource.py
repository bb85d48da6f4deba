"""A finding as a FHIR R4 RiskAssessment (riskassessment.html). The same advice always gives the same resource."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal

from clinical import wording
from clinical.advice import Advice
from clinical.assessment import Attribution, Indicator, RiskAssessment, ScoreItem
from fhir_adapters.ids import ID
from fhir_adapters.write.horizons import moment, period
from fhir_adapters.write.risk_words import Answer, about, note, plain, rationale, result
from fhir_adapters.write.software_device import DEVICE, Software

MOST_SOURCES = 50
MOST_OTHERS = 10
RISK_PROBABILITY = "http://terminology.hl7.org/CodeSystem/risk-probability"
# Facts have the types that are read; a panel's component is named by a fragment.
_FACT = re.compile(
    r"(?:Observation|Condition|MedicationRequest|MedicationStatement|MedicationAdministration|Procedure|Encounter)"
    rf"/{ID}",
    re.ASCII,
)


def risk_resource(advice: Advice, found: Answer, software: Software, encounter_id: str | None) -> dict[str, object]:
    """The RiskAssessment of an advice whose finding is `found`."""
    listed, more = sources(found)
    resource: dict[str, object] = {
        "resourceType": "RiskAssessment",
        # The identifier again, as a tag: the one thing to search by where a server has no search by identifier.
        "meta": {"tag": [{"system": software.advice_system, "code": advice.id}]},
        "language": "en",
        "text": _narrative(found),
        "contained": [software.device(found.model)],
        "identifier": [{"system": software.advice_system, "value": advice.id}],
        "status": "final",
        "method": software.method(found.model),
        "code": {"text": plain(found.model.title)},
        "subject": {"reference": f"Patient/{advice.patient_id}"},
        "occurrenceDateTime": moment(found.as_of),
        "performer": dict(DEVICE),
        "prediction": list(_predictions(found)),
        "mitigation": plain(found.suggestion, 600),
        "note": [{"authorString": "Chartside", "time": moment(found.as_of), "text": note(found, more)}],
    }
    if encounter_id is not None:
        resource["encounter"] = {"reference": f"Encounter/{encounter_id}"}
    if listed:
        resource["basis"] = [{"reference": reference} for reference in listed]
    return resource


def per_cent(probability: float) -> float:
    """A probability as RiskAssessment has it: in per cent, with two decimals (four of the probability).

    FHIR R4, prediction.probability[x]: "Decimal values are expressed as percentages as well (max = 100)", and ras-2.
    """
    return float((Decimal(repr(probability)) * 100).quantize(Decimal("0.01"), ROUND_HALF_UP))


def sources(found: Answer) -> tuple[tuple[str, ...], int]:
    """References of the facts behind the answer, each once, and how many more there are.

    First the newest fact and the diagnoses of each driver, strongest first, then the rest, so that no driver with many
    values crowds out the others. Only facts that the EHR's FHIR server can show: what came by another road (HL7 v2)
    has no reference there.
    """
    facts = (reference.partition("#")[0] for reference in _references(found))
    known = tuple(dict.fromkeys(fact for fact in facts if _FACT.fullmatch(fact)))
    return known[:MOST_SOURCES], max(len(known) - MOST_SOURCES, 0)


def _references(found: Answer) -> Iterator[str]:
    """What the facts behind an answer are called, the telling ones first; some come twice."""
    groups = _groups(found)
    for group in groups:
        newest = max((fact for part in group for fact in part.facts), key=lambda fact: fact.time, default=None)
        if newest is not None:
            yield newest.reference
        yield from (basis.reference for part in group for basis in part.basis)
    yield from (fact.reference for group in groups for part in group for fact in part.facts)


def _groups(found: Answer) -> list[tuple[Attribution, ...] | tuple[ScoreItem, ...]]:
    """The parts of each driver of a risk, strongest first, or the lines of a score."""
    if isinstance(found, RiskAssessment):
        return [driver.parts for driver in found.explanation.ranked()]
    return [(item,) for item in found.items]


def _predictions(found: Answer) -> Iterator[dict[str, object]]:
    """What is predicted, then the further probabilities of the same model. A score has no probability."""
    first: dict[str, object] = {"outcome": {"text": about(found)}}
    if isinstance(found, RiskAssessment):
        first["probabilityDecimal"] = per_cent(found.probability)
    first["qualitativeRisk"] = _qualitative(found)
    when = period(found.model, found.as_of)
    if when is not None:
        first["whenPeriod"] = when
    yield first | {"rationale": rationale(found)}
    if isinstance(found, RiskAssessment):
        for other in found.others[:MOST_OTHERS]:
            yield {"outcome": {"text": plain(other.label)}, "probabilityDecimal": per_cent(other.probability)}


def _qualitative(found: Answer) -> dict[str, object]:
    """The tier in words, with a code only where HL7's definition says a number that holds.

    `high` is "more likely to occur than not". The others (negligible, low, moderate) are defined by words alone, and a
    code that says less than the model's own tier would be read as reassurance.
    """
    if not isinstance(found, RiskAssessment):
        return {"text": plain(found.band)}
    named: dict[str, object] = {"text": plain(found.tier.name)}
    likely = wording.percent_points(found.probability) > 50
    if likely and not found.weak and found.tier.indicator is not Indicator.INFO:
        named["coding"] = [{"system": RISK_PROBABILITY, "code": "high", "display": "High likelihood"}]
    return named


def _narrative(found: Answer) -> dict[str, object]:
    """The one sentence for an EHR that shows narratives."""
    weak = " This answer is too weak for an alert." if isinstance(found, RiskAssessment) and found.weak else ""
    said = f"{plain(found.model.title)}, {about(found)}: {plain(result(found))}.{weak}"
    return {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{html.escape(said)}</div>'}
