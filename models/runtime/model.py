"""A risk model: its manifest, its artefact, and one method that answers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from clinical.assessment import Abstention, Explanation, Finding, ModelInfo, RiskAssessment, Score, Tier
from clinical.need import DataNeed
from clinical.ports import RiskModel
from clinical.record import PatientRecord, SetAside
from models.runtime.aggregate import Facts
from models.runtime.artefact import load_artefact
from models.runtime.attributions import attributions
from models.runtime.explain import Explainer, Reasons
from models.runtime.features import FeaturePlan, Person, Vector
from models.runtime.gather import Gathered, Gatherer
from models.runtime.manifest import Manifest
from models.runtime.population import Placed, missing_signals, place, too_little
from models.runtime.read_manifest import read_manifest
from models.runtime.whereabouts import Refusal


class TreeRiskModel:
    """Gradient-boosted trees behind a manifest. Fills `clinical.ports.RiskModel`; safe to share between threads."""

    def __init__(self, manifest: Manifest, comparators: Sequence[RiskModel] = ()) -> None:
        """Open the artefact and explain an empty chart, so that the first patient does not wait for a start-up.

        `comparators` are the scores that are worked out beside it.
        """
        self.manifest = manifest
        self._comparators = tuple(comparators)
        self._plan = FeaturePlan(manifest)
        self._gatherer = Gatherer(manifest.signals.values())
        self._explainer = Explainer(load_artefact(manifest, [f.name for f in self._plan.features]))
        row, facts = self._plan.measured({}, Person(0.0, None), 0.0)
        self._explanation(row, self._explainer.explain(row), facts)

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

    def assess(self, record: PatientRecord, as_of: datetime) -> Finding:
        """Assess at a moment with a time zone. Raises `ModelFault` rather than answer wrongly."""
        placed = place(record, self.manifest.population, as_of)
        if isinstance(placed, Refusal):
            return self._abstain(placed, as_of, self._gatherer.set_aside(record))
        opens = placed.start - self.manifest.population.allowance
        gathered = self._gatherer.gather(record, opens, placed.start, as_of)
        refusal = too_little(gathered.series, self.manifest, placed.hours)
        if refusal is not None:
            return self._abstain(refusal, as_of, gathered.unused)
        return self._answer(placed, gathered, as_of, self._beside(record, as_of))

    def _abstain(self, refusal: Refusal, as_of: datetime, unused: tuple[SetAside, ...]) -> Abstention:
        return Abstention(
            self.info, as_of, refusal.reason, refusal.text, refusal.in_population, refusal.missing, unused
        )

    def _beside(self, record: PatientRecord, as_of: datetime) -> tuple[Score, ...]:
        """Published scores of the same patient at the same moment; one that cannot be worked out is left out."""
        found = (model.assess(record, as_of) for model in self._comparators)
        return tuple(finding for finding in found if isinstance(finding, Score))

    def _answer(
        self, placed: Placed, gathered: Gathered, as_of: datetime, comparators: tuple[Score, ...]
    ) -> RiskAssessment:
        row, facts = self._plan.measured(gathered.series, placed.person, placed.hours)
        reasons = self._explainer.explain(row)
        evidence = self.manifest.evidence
        times = [fact.time for series in gathered.series.values() for fact in (series.facts[0], series.facts[-1])]
        return RiskAssessment(
            model=self.info,
            as_of=as_of,
            probability=reasons.probability,
            tier=self._tier(reasons.probability),
            explanation=self._explanation(row, reasons, facts),
            situation=f"hour {int(placed.hours)} of the intensive care stay",
            missing=missing_signals(gathered.series, self.manifest),
            unused=gathered.unused,
            oldest=min(times),
            newest=max(times),
            observed=evidence.observed(reasons.probability, placed.hours) if evidence else None,
            signals=len(self.manifest.signals),
            comparators=comparators,
        )

    def _tier(self, probability: float) -> Tier:
        return [tier for tier in self.manifest.tiers if probability >= tier.at_least][-1]

    def _explanation(self, row: Vector, reasons: Reasons, facts: list[Facts]) -> Explanation:
        parts = zip(self._plan.features, reasons.attributions.tolist(), row.tolist(), facts, strict=True)
        return Explanation(reasons.base, attributions(parts))
