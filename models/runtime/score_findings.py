"""From what was found and what was worked out to the words of an answer: `Score` or `RiskAssessment`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

from clinical.assessment import (
    Attribution,
    Basis,
    Estimate,
    Explanation,
    RiskAssessment,
    Score,
    ScoreItem,
    Tier,
)
from clinical.errors import ModelFault
from clinical.record import Observation, SetAside
from models.formulae.worked import Line, Worked
from models.runtime.chart import Found
from models.runtime.score_answer import Probability
from models.runtime.score_doubts import Doubts
from models.runtime.score_inputs import AnyInput, Diagnosed, Medicated
from models.runtime.score_manifest import ScoreManifest

TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Finds:
    """All inputs of one record: `found` by name, where the patient is, in words, and what may be otherwise."""

    manifest: ScoreManifest
    found: Mapping[str, Found]
    situation: str
    as_of: datetime
    unused: tuple[SetAside, ...]
    doubts: Doubts = field(default_factory=Doubts)
    missing: tuple[str, ...] = field(init=False)
    _parts: Mapping[str, list[tuple[AnyInput, Found]]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Sort by item what is asked for several times; `missing` are the labels of items without anything."""
        parts = {item: self._found_for(inputs) for item, inputs in self.manifest.of_item.items()}
        missing = tuple([label for item, label in self.manifest.labels.items() if not parts.get(item)])
        object.__setattr__(self, "_parts", parts)
        object.__setattr__(self, "missing", missing)

    def _found_for(self, inputs: tuple[AnyInput, ...]) -> list[tuple[AnyInput, Found]]:
        """Those of some inputs that were found."""
        return [(one, found) for one in inputs if (found := self.found[one.name]).value is not None]

    def of_item(self, item: str) -> list[tuple[AnyInput, Found]]:
        """The inputs that feed an item and were found."""
        return self._parts.get(item, [])

    @property
    def times(self) -> list[datetime]:
        """When the facts of the lines were measured or answered; what only helps to find them is none."""
        helpers = {one.name for one in self.manifest.inputs.values() if one.helper}
        return [time for name, found in self.found.items() if name not in helpers for time in found.times]


def score_of(result: Worked, finds: Finds) -> Score:
    """A score, or the number of an equation. Raises `ModelFault` for a result that cannot be."""
    worked = result if result.lines else _equation(result, finds)
    scale = finds.manifest.scale
    if not (math.isfinite(worked.value) and math.isfinite(worked.highest) and worked.value <= worked.highest):
        raise ModelFault("The score gave a number that it cannot give; no answer is given.")
    times = finds.times
    tier = _tier(finds.manifest, -worked.value if scale.falling else worked.value, worked.band)
    # Of a falling score the least value, which is the one that is known, is the worst.
    settled = scale.falling or worked.highest == worked.value
    worst = tier if settled else _reached(finds.manifest, worked.highest)[-1]
    return Score(
        model=finds.manifest.info,
        as_of=finds.as_of,
        value=worked.value,
        unit=scale.unit,
        tier=tier,
        worst=worst if worst.at_least > tier.at_least else None,
        items=tuple(_item(line, finds) for line in worked.lines),
        situation=finds.situation,
        highest=worked.highest,
        maximum=worked.maximum,
        falling=scale.falling,
        missing=_missing(worked.lines, finds),
        unused=finds.unused,
        oldest=min(times, default=None),
        newest=max(times, default=None),
    )


def _equation(result: Worked, finds: Finds) -> Worked:
    """The number of an equation as it is reported; its inputs are its lines, and none of them has points."""
    lines = tuple(Line(item, None, 0.0, "") for item in finds.manifest.labels)
    decimals = finds.manifest.scale.decimals
    value, highest = (_rounded(number, decimals) for number in (result.value, result.highest))
    return Worked(value, highest, lines, result.band, result.maximum)


def _rounded(value: float, decimals: int | None) -> float:
    """Rounded half up; so that the number that is shown and its tier cannot contradict each other."""
    if decimals is None or not math.isfinite(value):
        return value
    return float(Decimal(repr(value)).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP))


def _tier(manifest: ScoreManifest, level: float, band: str) -> Tier:
    by_band = [tier for tier in manifest.tiers if tier.name == band]
    reached = by_band if manifest.scale.by_band else _reached(manifest, level)
    if not reached:
        raise ModelFault("The score gave a number or a band that has no tier; no answer is given.")
    return reached[-1]


def _reached(manifest: ScoreManifest, level: float) -> list[Tier]:
    """The tiers that a level reaches, the highest last."""
    return [tier for tier in manifest.tiers if level >= tier.at_least]


def _item(line: Line, finds: Finds) -> ScoreItem:
    """One line with what was found for it."""
    if line.name not in finds.manifest.labels:
        raise ModelFault("The score has a line that its manifest does not know; no answer is given.")
    parts = finds.of_item(line.name)
    return ScoreItem(
        name=line.name,
        label=finds.manifest.labels[line.name],
        points=line.points,
        found=_found(parts, finds.manifest.labels[line.name]),
        rule=line.rule,
        facts=_facts(parts),
        basis=_basis(parts),
    )


def _found(parts: Sequence[tuple[AnyInput, Found]], label: str) -> str:
    """What was found; with the name of the input, where that is not the name of the line.

    Of several diagnoses or medicines "no" says nothing.
    """
    if len(parts) == 1:
        one, found = parts[0]
        plain = one.label == label or isinstance(one, Diagnosed | Medicated)
        return found.text if plain else f"{one.label} {found.text}"
    telling = [(one, found) for one, found in parts if found.value or not isinstance(one, Diagnosed | Medicated)]
    if not telling:
        return "none recorded" if parts else ""
    return "; ".join(_named(one, found) for one, found in telling if found.text)


def _named(one: AnyInput, found: Found) -> str:
    """An input with what was found; a diagnosis that is there needs no more words."""
    name = one.label[:1].lower() + one.label[1:] if one.label[1:2].islower() else one.label
    return name if isinstance(one, Diagnosed | Medicated) else f"{name} {found.text}"


def _facts(parts: Sequence[tuple[AnyInput, Found]]) -> tuple[Observation, ...]:
    return tuple(dict.fromkeys(fact for _, found in parts for fact in found.facts))


def _basis(parts: Sequence[tuple[AnyInput, Found]]) -> tuple[Basis, ...]:
    return tuple(dict.fromkeys(basis for _, found in parts for basis in found.basis))


def _missing(lines: Sequence[Line], finds: Finds) -> tuple[str, ...]:
    """Labels of lines for which nothing was found, and of those that could still gain points from what was not.

    The lines of an equation have no points: there, what was found decides.
    """
    empty = {line.name for line in lines if line.points is None and not finds.of_item(line.name)}
    short = empty | {line.name for line in lines if line.unsettled}
    return tuple(label for item, label in finds.manifest.labels.items() if item in short)


def risk_of(result: Probability, finds: Finds) -> RiskAssessment:
    """A probability with its exact parts. Raises `ModelFault` if they do not add up to it."""
    manifest, times = finds.manifest, finds.times
    attributions = tuple(
        _attribution(item, log_odds, finds, result.shown.get(item)) for item, log_odds in result.parts.items()
    )
    explanation = Explanation(result.base_log_odds, attributions)
    if not abs(_probability(explanation.log_odds) - result.value) <= TOLERANCE:
        raise ModelFault("The reasons do not add up to the risk; no answer is given.")
    return RiskAssessment(
        model=manifest.info,
        as_of=finds.as_of,
        probability=result.value,
        tier=_tier(manifest, result.value, ""),
        explanation=explanation,
        situation=finds.situation,
        missing=finds.missing,
        unused=finds.unused,
        oldest=min(times, default=None),
        newest=max(times, default=None),
        signals=len(manifest.labels),
        others=tuple(Estimate(label, probability) for label, probability in result.others),
    )


def _probability(log_odds: float) -> float:
    return 1.0 / (1.0 + math.exp(-log_odds))


def _attribution(item: str, log_odds: float, finds: Finds, shown: tuple[float, str] | None) -> Attribution:
    """The part of one item, with what is to be shown of it, else with the first of its inputs that was found."""
    if item not in finds.manifest.labels:
        raise ModelFault("The equation has a part that its manifest does not know; no answer is given.")
    parts = finds.of_item(item)
    label = finds.manifest.labels[item]
    value, unit = shown or ((parts[0][1].value, parts[0][0].unit) if parts else (None, ""))
    return Attribution(
        feature=item,
        concept=item,
        concept_label=label,
        label=label,
        log_odds=log_odds,
        value=value,
        unit=unit,
        facts=_facts(parts),
        basis=_basis(parts),
        derived=shown is not None or len(parts) > 1,
        lead=True,
    )
