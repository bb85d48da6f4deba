"""What a model would answer to other latest values, and what a missing or old one could change.

Everything is worked out from a `RiskAssessment` alone, as it comes back from the ledger: the page of a card and the
page of the moment give the same. Nothing is offered unless the row that is put together again gives the stored
probability.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import timedelta
from math import isfinite
from typing import Any

import numpy as np

from clinical.assessment import Explanation, RiskAssessment, Tier
from clinical.errors import ArtefactRejected, MalformedRequest, ModelFault
from clinical.what_if import Response, Sensitivity, WhatIfOffer
from models.runtime.artefact import HOURS, Artefact, load_artefact
from models.runtime.attributions import attributions, words_of
from models.runtime.explain import Explainer
from models.runtime.features import Vector, features_of
from models.runtime.manifest import Kind, Manifest, Signal
from models.runtime.what_if_case import Case, case_of, row_of
from models.runtime.what_if_columns import Columns
from models.runtime.what_if_series import Knowledge
from models.runtime.what_if_usual import Usual, usual_values

TOLERANCE = 1e-9
EARLIER = "It was worked out by another version of the model."
NOT_REBUILT = "What the model saw cannot be put together again from what was stored."
# When a value is old: this product's choice. A day is the longest window of the hospital models.
OLD_IN_HOSPITAL = timedelta(hours=24)
OLD_OUTSIDE = timedelta(days=365)


class WhatIf:
    """Answers about the assessments of one model of trees. Safe to share between threads."""

    def __init__(self, manifest: Manifest, artefact: Artefact, explainer: Explainer, content: bytes) -> None:
        """`content` is the artefact's file. Raises `ArtefactRejected` if it is another, or `ManifestInvalid`."""
        if hashlib.sha256(content).hexdigest() != manifest.artefact.sha256:
            raise ArtefactRejected(f"{manifest.artefact.file} is not the file that artefact.toml names.")
        self.content = content
        self._manifest = manifest
        self._artefact = artefact
        self._explainer = explainer
        self._features = features_of(manifest)
        self._used = frozenset(artefact.features[place] for place in _columns_of_trees(artefact))
        self._usual = usual_values(manifest, artefact)

    @classmethod
    def load(cls, manifest: Manifest) -> WhatIf:
        """With an artefact and an explainer of its own. Raises `ArtefactRejected` or `ManifestInvalid`."""
        artefact = load_artefact(manifest, [feature.name for feature in features_of(manifest)])
        return cls(manifest, artefact, Explainer(artefact), manifest.artefact.path.read_bytes())

    @property
    def modifiable(self) -> bool:
        """Whether the model has any input that treatment changes."""
        return any(signal.modifiable is not None for signal in self._manifest.signals.values())

    def offer(self, finding: RiskAssessment) -> WhatIfOffer:
        """What may be asked about an assessment."""
        found = self._case(finding)
        if isinstance(found, str):
            return WhatIfOffer(refused=found)
        return WhatIfOffer(tuple(found.inputs.values()), found.withheld, tuple(self._sensitivities(found, finding)))

    def respond(self, finding: RiskAssessment, values: Mapping[str, float]) -> Response:
        """The answer if the latest values of some inputs were others, each clamped to its range.

        Raises `MalformedRequest` where nothing may be asked, or something else than `offer` names.
        """
        case = self._case(finding)
        if isinstance(case, str):
            raise MalformedRequest(case)
        if any(name not in case.inputs or not isfinite(value) for name, value in values.items()):
            raise MalformedRequest("This is no input of the model that may be changed, or no number.")
        clamped = {name: case.inputs[name].clamped(value) for name, value in values.items()}
        row, touched = case.changed(clamped)
        probability, explanation = self._explained(finding, row, touched)
        return Response(
            probability=probability,
            tier=self._tier(probability),
            explanation=explanation,
            values=tuple(clamped.items()),
            unusual=self._unusual(row, case.row),
        )

    def sheet(self, finding: RiskAssessment) -> dict[str, Any]:
        """All that a browser needs beside the artefact's file to answer as `respond` does, as plain JSON.

        `row` has null for NaN; `concepts` are places in `labels`, one for each column. Raises `MalformedRequest`.
        """
        case = self._case(finding)
        if isinstance(case, str):
            raise MalformedRequest(case)
        labels = list(dict.fromkeys((f.concept, f.concept_label) for f in self._features))
        where = {concept: number for number, (concept, _) in enumerate(labels)}
        names = list(self._artefact.features)
        return {
            "digest": self._manifest.artefact.sha256,
            "hours": names.index(HOURS) if HOURS in names else -1,
            "row": [None if value != value else value for value in case.row.tolist()],  # noqa: PLR0124 (NaN)
            "concepts": [where[feature.concept] for feature in self._features],
            "labels": [label for _, label in labels],
            "latest": {name: one.value for name, one in case.inputs.items()},
            "program": [
                {"column": place, "signals": sorted(one.signals), "value": one.as_json()}
                for place, one in sorted(case.program.items())
            ],
            "tiers": [{"name": tier.name, "at_least": tier.at_least} for tier in self._manifest.tiers],
            "probability": finding.probability,
        }

    def _case(self, finding: RiskAssessment) -> Case | str:
        """The assessment put together again, or why it cannot be."""
        if finding.model.id != self._manifest.info.id or finding.model.digest != self._manifest.artefact.sha256:
            return EARLIER
        row = row_of(finding, self._artefact.features, self._used)
        if row is None or not abs(self._explainer.explain(row).probability - finding.probability) <= TOLERANCE:
            return NOT_REBUILT
        return case_of(finding, self._manifest, self._artefact, row, self._used)

    def _explained(self, finding: RiskAssessment, row: Vector, touched: frozenset[int]) -> tuple[float, Explanation]:
        """The risk with its reasons; no fact stands behind a number that was not measured."""
        reasons = self._explainer.explain(row)
        before = {a.feature: a for a in finding.explanation.attributions}
        concepts = {self._features[place].concept for place in touched}
        kept = {n: a for n, a in before.items() if a.concept not in concepts}
        facts = [kept[f.name].facts if f.name in kept else () for f in self._features]
        bases = [before[f.name].basis if f.name in before else () for f in self._features]
        words = list(map(words_of, self._features))
        parts = attributions(words, reasons.attributions.tolist(), row.tolist(), facts, bases)
        return reasons.probability, Explanation(reasons.base, parts)

    def _tier(self, probability: float) -> Tier:
        return [tier for tier in self._manifest.tiers if probability >= tier.at_least][-1]

    def _unusual(self, row: Vector, before: Vector) -> tuple[str, ...]:
        """Labels of concepts that the change takes out of what training saw."""
        low, high = self._artefact.lowest, self._artefact.highest
        outside = ((row < low) | (row > high)) & ~((before < low) | (before > high))
        return tuple(dict.fromkeys(self._features[place].concept_label for place in np.flatnonzero(outside)))

    def _sensitivities(self, case: Case, finding: RiskAssessment) -> Iterator[Sensitivity]:
        """Missing and old signals, what could change most first."""
        found = []
        for signal in self._manifest.signals.values():
            usual = self._usual.get(signal.name)
            age = self._age(signal, case.knowledge, finding)
            if usual is not None and age is not None:
                risks = self._risks(signal, usual, case)
                if risks is not None:
                    values = (usual.low, usual.high)
                    found.append(Sensitivity(signal.label, signal.unit, values, risks, usual.source, age or None))
        yield from sorted(found, key=lambda one: -one.span)

    def _age(self, signal: Signal, knowledge: Knowledge, finding: RiskAssessment) -> timedelta | None:
        """How old the latest value is where it is too old, 0 where there is none, None where it is well."""
        known = knowledge.known[signal.name]
        if not known.entries:
            # What stands in for another measured signal is not missing.
            covered = signal.unless and knowledge.known[signal.unless].entries
            return None if covered else timedelta()
        limit = OLD_OUTSIDE if self._manifest.population.kind is Kind.OUTPATIENT else OLD_IN_HOSPITAL
        age = None if known.newest is None else finding.as_of - known.newest.fact.time
        return age if age is not None and age > limit else None

    def _risks(self, signal: Signal, usual: Usual, case: Case) -> tuple[float, float] | None:
        """The risk at both usual values; None where a column cannot be told, or the model gives no answer."""
        place = {name: i for i, name in enumerate(self._artefact.features)}
        by_name = dict(zip(self._artefact.features, case.row.tolist(), strict=True))
        columns = Columns(self._manifest, case.knowledge, by_name, appended=True)
        program = {n: one for n, one in columns.all(frozenset({signal.name})) if n in self._used}
        found = []
        for value in (usual.low, usual.high):
            row = case.row.copy()
            for name, expression in program.items():
                if expression is None:
                    return None
                row[place[name]] = expression.value({signal.name: value})
            try:
                found.append(self._explainer.explain(row).probability)
            except ModelFault:
                return None
        return found[0], found[1]


def _columns_of_trees(artefact: Artefact) -> frozenset[int]:
    """The columns that any tree looks at, and the hours where the calibration goes by them."""
    trees = (tree for member in artefact.members for tree in member.trees)
    found = {int(column) for tree in trees for column in np.unique(tree["feature_idx"][~tree["is_leaf"]])}
    if artefact.calibration.by_day:
        found.add(artefact.features.index(HOURS))
    return frozenset(found)
