"""FHIR R4 `Measure`: what the override, acceptance and no-answer figures are, for machines.

Plain JSON in the shape of http://hl7.org/fhir/R4/measure.html; a proportion is numerator / (denominator − exclusion).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

VERSION = "1.0.0"
SINCE = date(2026, 11, 1)
_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
SCOPE = "Chartside supports clinical judgement, it does not replace it."
STRATIFIERS: Mapping[str, str] = {
    "unit": "The unit in which the card was shown",
    "role": "The role of who was shown the card",
    "service": "The service that gave the card",
}


@dataclass(frozen=True, slots=True)
class Metric:
    """A proportion of cards: `numerator` and `excluded` are names of counts, `improves` how it gets better."""

    name: str
    title: str
    description: str
    numerator: str
    numerator_words: str
    excluded: tuple[str, ...]
    excluded_words: str
    improves: str


METRICS = (
    Metric(
        "override-rate", "Override rate",
        "Overridden of the cards that were accepted or overridden. It speaks only of answered cards: read it beside "
        "the no-answer share of the same period. A lower rate is not always better: a right override is good care.",
        "overridden", "Cards whose deciding answer is overridden", ("snoozed", "no_answer"),
        "Cards that were put off, not answered, or whose answer was withdrawn", "decrease",
    ),
    Metric(
        "acceptance-rate", "Acceptance rate", "Accepted of all cards, answered or not.",
        "accepted", "Cards whose deciding answer is accepted", (), "None", "increase",
    ),
    Metric(
        "no-answer-share", "No-answer share",
        "Cards that were not answered, or whose answer was withdrawn, of all cards.",
        "no_answer", "Cards without a deciding answer", (), "None", "decrease",
    ),
)  # fmt: skip


def coded(system: str, code: str) -> dict[str, Any]:
    """A CodeableConcept of HL7's terminology."""
    return {"coding": [{"system": f"{_TERMINOLOGY}/{system}", "code": code}]}


def resource_id(metric: Metric) -> str:
    """The id of a measure."""
    return f"chartside-{metric.name}"


def canonical(metric: Metric, base_url: str) -> str:
    """The canonical URL, without its version."""
    return f"{base_url}/Measure/{resource_id(metric)}"


def measure(metric: Metric, base_url: str) -> dict[str, Any]:
    """The definition of a metric."""
    return {
        "resourceType": "Measure",
        "id": resource_id(metric),
        "url": canonical(metric, base_url),
        "version": VERSION,
        "name": "Chartside" + metric.title.replace("-", " ").title().replace(" ", ""),
        "title": metric.title,
        "status": "active",
        "experimental": False,
        "subjectCodeableConcept": {"text": "Card: advice that was shown to a clinician at a CDS Hooks hook"},
        "date": SINCE.isoformat(),
        "publisher": "Chartside",
        "description": metric.description,
        "disclaimer": SCOPE,
        "scoring": coded("measure-scoring", "proportion"),
        "type": [coded("measure-type", "process")],
        "improvementNotation": coded("measure-improvement-notation", metric.improves),
        "group": [
            {
                "code": {"text": metric.title},
                "population": [
                    _population("initial-population", "Cards of the period that were shown, with a risk or a score"),
                    _population("denominator", "The initial population"),
                    _population("denominator-exclusion", metric.excluded_words),
                    _population("numerator", metric.numerator_words),
                ],
                "stratifier": [
                    {"code": {"text": name}, "criteria": _criteria(words)} for name, words in STRATIFIERS.items()
                ],
            }
        ],
    }


def _population(code: str, words: str) -> dict[str, Any]:
    """A population of the group."""
    return {"code": coded("measure-population", code), "description": words, "criteria": _criteria(words)}


def _criteria(words: str) -> dict[str, Any]:
    """The ledger is no FHIR store, so a criterion is told in words."""
    return {"language": "text/plain", "expression": words}
