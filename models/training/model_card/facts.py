"""The facts of a manifest that a card may refer to by name."""

from __future__ import annotations

from collections.abc import Sequence

from clinical.assessment import ModelInfo, Tier
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
        "thresholds": ", ".join(f"{tier.name} from {percent(tier.at_least)}" for tier in tiers[1:]),
    }
