"""A risk model: its manifest, its artefact, and one method that answers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from clinical.assessment import Abstention, Explanation, Finding, ModelInfo, RiskAssessment, Tier
from clinical.need import DataNeed
from clinical.ports import RiskModel
from clinical.record import PatientRecord, SetAside
from models.runtime.aggregate import Facts
from models.runtime.artefact import load_artefact
from models.runtime.attributions import Bases, attributions, words_of
from models.runtime.beside import Beside, Told
from models.runtime.columns import Given
from models.runtime.explain import Explainer, Reasons
from models.runtime.features import FeaturePlan, Vector
from models.runtime.manifest import Manifest
from models.runtime.placed import Person
from models.runtime.read_manifest import read_manifest
from models.runtime.scope import Scope, weakness
from models.runtime.sight import Looked, Refused, TreeSight
from models.runtime.utc import in_utc
from models.runtime.what_if import WhatIf
from models.runtime.whereabouts import Refusal


class TreeRiskModel:
    """Gradient-boosted trees behind a manifest. Fills `clinical.ports.RiskModel`; safe to share between threads."""

    def __init__(self, manifest: Manifest, comparators: Sequence[RiskModel] = ()) -> None:
        """Open the artefact and explain an empty chart, so that the first patient does not wait for a start-up.

        `comparators` are the scores and equations that are worked out beside it. They never change its answer, nor
        stop it; one that cannot be worked out says why.
        """
        self.manifest = manifest
        self._beside = Beside(comparators, manifest.needs)
        self._sight = TreeSight(manifest)
        self._artefact = load_artefact(manifest, [f.name for f in self._sight.features])
        self._explainer = Explainer(self._artefact)
        self._scope = Scope(manifest, self._sight.features, self._artefact)
        self._words = [words_of(feature) for feature in self._sight.features]
        self._place = {feature.name: place for place, feature in enumerate(self._sight.features)}
        row, facts = FeaturePlan(manifest).measured({}, Person(0.0, None), 0.0)
        self._explanation(row, self._explainer.explain(row), facts, {})

    @classmethod
    def load(cls, path: Path) -> TreeRiskModel:
        """Read `model.toml` and its artefact. Raises `ManifestInvalid` or `ArtefactRejected`."""
        return cls(read_manifest(path))

    @property
    def info(self) -> ModelInfo:
        """Name, version and meaning."""
        return self.manifest.info

    @property
    def needs(self) -> tuple[DataNeed, ...]:
        """What must be read."""
        return self.manifest.needs

    @property
    def served(self) -> bool:
        """Whether it is offered unasked."""
        return self.manifest.served

    def what_if(self) -> WhatIf:
        """What it would answer to other numbers, on the same tables. Raises `ArtefactRejected`."""
        return WhatIf(self.manifest, self._artefact, self._explainer, self.manifest.artefact.path.read_bytes())

    def assess(self, record: PatientRecord, as_of: datetime) -> Finding:
        """Assess at a moment with a time zone. Raises `ModelFault` rather than answer wrongly."""
        record, as_of = in_utc(record), as_of.astimezone(UTC)
        looked = self._sight.look(record, as_of)
        if isinstance(looked, Refused):
            return self._abstain(looked.refusal, as_of, looked.unused)
        return self._answer(looked, as_of, self._beside.found(record, as_of, looked.unused))

    def _abstain(self, refusal: Refusal, as_of: datetime, unused: tuple[SetAside, ...]) -> Abstention:
        return Abstention(
            self.info, as_of, refusal.reason, refusal.text, refusal.in_population, refusal.missing, unused
        )

    def _answer(self, looked: Looked, as_of: datetime, beside: Told) -> RiskAssessment:
        reasons = self._explainer.explain(looked.row)
        evidence, hours = self.manifest.evidence, looked.placed.hours
        times = _times(looked)
        coverage = self._scope.coverage(looked.row)
        return RiskAssessment(
            model=self.info,
            as_of=as_of,
            probability=reasons.probability,
            tier=self._tier(reasons.probability),
            explanation=self._explanation(looked.row, reasons, looked.facts, looked.given),
            situation=looked.placed.situation,
            missing=self._scope.missing(looked.series, looked.row),
            unused=looked.unused,
            oldest=min(times, default=None),
            newest=max(times, default=None),
            observed=evidence.observed(reasons.probability, hours) if evidence else None,
            signals=self._scope.things,
            interval=self._artefact.interval(reasons.probability, hours),
            coverage=coverage,
            unusual=self._scope.unusual(looked.row),
            weak=weakness(coverage),
            comparators=beside.scores,
            others=beside.estimates,
            unanswered=beside.unanswered,
        )

    def _tier(self, probability: float) -> Tier:
        return [tier for tier in self.manifest.tiers if probability >= tier.at_least][-1]

    def _explanation(self, row: Vector, reasons: Reasons, facts: list[Facts], given: Given) -> Explanation:
        bases = self._bases(given)
        parts = attributions(self._words, reasons.attributions.tolist(), row.tolist(), facts, bases)
        return Explanation(reasons.base, parts)

    def _bases(self, given: Given) -> list[Bases]:
        """By feature, the facts behind it that are no measured numbers."""
        bases: list[Bases] = [()] * len(self._words)
        for name, value in given.items():
            place = self._place.get(name)
            if place is not None:
                bases[place] = value.basis
        return bases


def _times(looked: Looked) -> list[datetime]:
    """When the oldest and the newest facts of each signal were measured, and those behind the other numbers."""
    times = [fact.time for series in looked.series.values() for fact in (series.behind(0)[0], series.facts[-1])]
    for value in looked.given.values():
        times += [fact.time for fact in value.facts]
        times += [basis.time for basis in value.basis if basis.time is not None]
    return times
