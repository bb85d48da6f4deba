"""The CHAI Applied Model Card as XML, version 0.2.

Names and order of the elements follow the schema that the Coalition for Health AI publishes as v0.2/schema.xsd in
coalition-for-health-ai/mc-schema (namespace https://mc.chai.org/v0.2/schema.xsd). `ValueJson` is JSON of the kinds
`estimate_ci` and `single`, as in the examples there. The optional XML signature is not written.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from xml.etree import ElementTree as ET

from models.training.model_card.card import ModelCard

NAMESPACE = "https://mc.chai.org/v0.2/schema.xsd"
Node = tuple[str, "str | Sequence[Node]"]
Results = Iterator[tuple[str, Mapping[str, object]]]
_CONFIDENCE = 95


def as_chai_xml(card: ModelCard) -> bytes:
    """UTF-8 with an XML declaration; the same card gives the same bytes."""
    root = _element(("AppliedModelCard", _parts(card)))
    ET.indent(root)
    content: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True, default_namespace=NAMESPACE)
    return content + b"\n"


def _element(node: Node) -> ET.Element:
    """An element with its text or its children."""
    name, content = node
    element = ET.Element(f"{{{NAMESPACE}}}{name}")
    if isinstance(content, str):
        element.text = content
    else:
        element.extend(_element(child) for child in content)
    return element


def _parts(card: ModelCard) -> list[Node]:
    """The nine parts, in the schema's order."""
    return [
        ("BasicInfo", _basic(card)),
        ("ReleaseInfo", _release(card)),
        ("ModelSummary", _summary(card)),
        ("UsesAndDirections", _uses(card)),
        ("Warnings", _warnings(card)),
        ("TrustIngredients", [("AISystemFacts", _system(card)), ("TransparencyInformation", _transparency(card))]),
        ("KeyMetrics", _metrics(card)),
        ("Resources", _resources(card)),
        ("Bibliography", card.bibliography),
    ]


def _basic(card: ModelCard) -> list[Node]:
    """Which model, and whose."""
    return [
        ("ModelName", card.facts["title"]),
        ("ModelDeveloper", card.notes["developer_name"]),
        ("DeveloperContact", card.says("developer")),
    ]


def _release(card: ModelCard) -> list[Node]:
    """Stage, date, version, and where it works."""
    return [
        ("ReleaseStage", card.notes["stage"]),
        ("ReleaseDate", card.notes["released"]),
        ("ReleaseVersion", card.facts["version"]),
        ("GlobalAvailability", card.notes["availability"]),
        ("EHRCompatibility", [("EHR", card.notes["ehr"])]),
        ("RegulatoryApproval", card.notes["regulatory_status"]),
    ]


def _summary(card: ModelCard) -> list[Node]:
    """In short."""
    words: list[Node] = [("Keyword", word) for word in card.keywords]
    return [("Summary", _joined(card.facts["description"], card.facts["intended_use"])), ("Keywords", words)]


def _uses(card: ModelCard) -> list[Node]:
    """What for, for whom, and what not for."""
    return [
        ("IntendedUseAndWorkflow", _of(card, "intended-use", "decision-role")),
        ("PrimaryIntendedUsers", card.says("intended-users")),
        ("HowToUse", _joined(card.notes["how_to_use"], card.notes["locally_first"])),
        ("TargetedPatientPopulation", card.says("intended-patients")),
        ("CautionedOutOfScopeSettings", card.says("cautioned-uses")),
    ]


def _warnings(card: ModelCard) -> list[Node]:
    """Risks and limits."""
    return [
        ("KnownRisksAndLimitations", card.says("known-limits")),
        ("KnownBiasesOrEthicalConsiderations", _of(card, "training-representativeness", "sensitive-inputs")),
        ("ClinicalRiskLevel", card.notes["risk_level"]),
    ]


def _system(card: ModelCard) -> list[Node]:
    """What goes in, what comes out, how it was made and is kept."""
    upkeep = ("validity-monitoring", "validity-local", "fairness-monitoring", "fairness-local")
    return [
        ("OutcomesAndOutputs", _of(card, "output-value", "output-type")),
        ("ModelType", card.notes["model_type"]),
        ("InputDataSource", card.notes["inputs"]),
        ("OutputAndInputDataTypes", card.notes["data_types"]),
        ("DevelopmentDataCharacterization", _of(card, "training-criteria", "training-relevance")),
        ("BiasMitigationApproaches", _of(card, "fairness-approach", "bias-management")),
        ("OngoingMaintenance", _of(card, *upkeep, "update-process", "correction-frequency")),
        ("Security", card.notes["security"]),
        ("Transparency", card.notes["transparency"]),
    ]


def _transparency(card: ModelCard) -> list[Node]:
    """Money, parts of others, and people."""
    return [
        ("FundingSource", card.says("funding")),
        ("ThirdPartyInformation", card.notes["third_parties"]),
        ("StakeholdersConsulted", card.notes["stakeholders"]),
    ]


def _metrics(card: ModelCard) -> list[Node]:
    """Usefulness, fairness, safety: each with its aim, results and how they came about."""
    figures = card.figures
    useful = "To tell those with the outcome from those without, and to flag few for each one found."
    fair = "To see whether the model orders and calibrates equally well in each group that the data record."
    safe = "Predicted risks that agree with what happens, and few flags without the outcome."
    elsewhere = _of(card, "external-data", "external-tester", "external-process", "validity-external")
    return [
        ("UsefulnessUsabilityEfficacy", _metric(card, useful, _useful(figures), card.says("validity-same-source"))),
        ("FairnessEquity", _metric(card, fair, _fair(figures), _of(card, "fairness-same-source", "fairness-external"))),
        ("SafetyReliability", _metric(card, safe, _safe(figures), elsewhere)),
    ]


def _metric(card: ModelCard, goal: str, results: Results, interpretation: str) -> list[Node]:
    """One of the three."""
    found: list[Node] = [
        (
            "MetricResult",
            [("Label", label), ("ValueJson", json.dumps(value, ensure_ascii=False, separators=(",", ":")))],
        )
        for label, value in results
    ]
    return [
        ("MetricGoal", goal),
        ("Results", found),
        ("Interpretation", interpretation),
        ("TestType", card.notes["test_type"]),
        ("TestingDataDescription", _joined(card.notes["testing_data"], card.says("external-representativeness"))),
        ("ValidationProcessAndJustification", card.notes["validation_process"]),
    ]


def _useful(figures: Mapping[str, Any]) -> Results:
    """Discrimination of each slice, and what flags find."""
    for name, one in figures["slices"].items():
        yield from _intervals(one, name, {"auroc": "AUROC", "auprc": "AUPRC"})
    yield from _at(figures, {"alerted": "Flagged", "sensitivity": "Sensitivity", "positive_predictive_value": "PPV"})
    for name, other in figures["comparators"].items():
        yield from _intervals(other, f"against {name}", {"difference": "Difference in AUROC"})


def _fair(figures: Mapping[str, Any]) -> Results:
    """Discrimination and calibration of each group; without groups, that there is none."""
    names = {"auroc": "AUROC", "observed_per_expected": "Observed/expected", "ece": "ECE"}
    for attribute, members in figures["groups"].items():
        for name, one in members.items():
            yield from _intervals(one, f"{attribute} {name}", names)
    if not any(figures["groups"].values()):
        yield "Groups judged", {"kind": "single", "value": 0}


def _safe(figures: Mapping[str, Any]) -> Results:
    """Calibration of each slice, and how often a flag is right to stay away."""
    names = {"slope": "Calibration slope", "observed_per_expected": "Observed/expected", "ece": "ECE"}
    for name, one in figures["slices"].items():
        yield from _intervals(one, name, names)
    yield from _at(figures, {"specificity": "Specificity"})


def _intervals(one: Mapping[str, Any], where: str, names: Mapping[str, str]) -> Results:
    """Estimates with their 95 % intervals; where there were too few, their number instead."""
    if one.get("too_few"):
        yield f"Rows, {where} (too few to judge)", {"kind": "single", "value": one["rows"]}
        return
    for name, label in names.items():
        value, low, high = one[name]
        interval = {"estimate": value, "lower": low, "upper": high, "level": _CONFIDENCE}
        yield f"{label}, {where}", {"kind": "estimate_ci"} | interval


def _at(figures: Mapping[str, Any], names: Mapping[str, str]) -> Results:
    """Rates at the thresholds, in percent."""
    for tier, at in figures["thresholds"].items():
        for name, label in names.items():
            if name in at:
                value = round(100 * at[name], 3)
                yield f"{label}, threshold {tier}", {"kind": "single", "value": value, "unit": "%"}


def _resources(card: ModelCard) -> list[Node]:
    """Where to read on."""
    return [
        ("EvaluationReferences", card.says("outcome-evaluations")),
        ("PeerReviewedPublications", card.notes["publications"]),
        ("PatientConsentOrDisclosure", card.notes["consent"]),
    ]


def _of(card: ModelCard, *attributes: str) -> str:
    """Several attributes, one paragraph after the other."""
    return _joined(*(card.says(attribute) for attribute in attributes))


def _joined(*texts: str) -> str:
    """Texts with an empty line between, each once."""
    return "\n\n".join(dict.fromkeys(texts))
