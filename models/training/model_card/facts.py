"""The facts of a manifest that a card may refer to by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from clinical.assessment import ModelInfo, Tier
from models.runtime.manifest import Manifest
from models.training.model_card.formats import percent

# What the forms themselves need; a model may bring more for its own texts.
REQUIRED = ("id", "title", "version", "digest", "description", "intended_use", "outcome")


def facts_of(info: ModelInfo, tiers: Sequence[Tier]) -> dict[str, str]:
    """What every manifest of a risk model says. `tiers` in rising order; the lowest has no threshold."""
    return {
        "id": info.id,
        "title": info.title,
        "version": info.version,
        "digest": info.digest,
        "description": info.description,
        "intended_use": info.intended_use,
        "outcome": info.outcome,
        "horizon": info.horizon,
        "action": info.action,
        "hooks": ", ".join(info.hooks),
        "base_rate": percent(info.base_rate),
        "guidelines": "; ".join(f"{one.title} ({one.url})" for one in info.guidelines),
        "thresholds": ", ".join(f"{tier.name} from {percent(tier.at_least)}" for tier in tiers[1:]),
    }


class Labelled(Protocol):
    """Whatever has a label for people."""

    @property
    def label(self) -> str:
        """In a clinician's words."""
        ...


def facts_of_manifest(manifest: Manifest) -> dict[str, str]:
    """The same, and what a manifest of trees says of its inputs and its population.

    `signals` names all that is measured, `vital_signs` those of which one must have been, within `vital_hours`.
    """
    population, minimum = manifest.population, manifest.minimum
    return facts_of(manifest.info, manifest.tiers) | {
        "signals": _labels(manifest.signals.values()),
        "columns": _labels(manifest.columns.values()),
        "minimum_age": f"{population.minimum_age}",
        "maximum_age": f"{population.maximum_age}",
        "from_hour": f"{population.from_hour:g}",
        "to_hour": f"{population.to_hour:g}",
        "look_back_days": f"{population.look_back.days}",
        "minimum_signals": f"{minimum.signals}",
        "vital_signs": _named(manifest.signals, minimum.any_of),
        "vital_hours": f"{minimum.hours:g}",
        "required_signals": _named(manifest.signals, minimum.required),
        "comparators": ", ".join(manifest.comparators) or "none",
    }


def _labels(named: Iterable[Labelled]) -> str:
    """`Heart rate; Lactate`, each label once."""
    return "; ".join(dict.fromkeys(one.label for one in named)) or "none"


def _named(signals: Mapping[str, Labelled], names: Sequence[str]) -> str:
    """`heart rate, mean arterial pressure`."""
    return ", ".join(_lower(signals[name].label) for name in names if name in signals) or "none"


def _lower(label: str) -> str:
    """A label amid a sentence; an abbreviation keeps its capitals."""
    return label if label[:2].isupper() else label[:1].lower() + label[1:]
