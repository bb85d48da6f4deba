"""The offered models for the quality team's pages: out of the manifests, the registry and the cards' files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from chartside.clients.client import ServiceRules
from chartside.house import House
from chartside.model_words import tier_from
from clinical import strict_json
from clinical.assessment import Indicator
from clinical.wording import percent
from models.runtime.catalogue import AnyManifest
from oversight.pages.model_shelf import OfferedModel, Wish

ATTRIBUTES = "evidence/attributes.json"


@dataclass(frozen=True)
class HouseShelf:
    """Fills `oversight.pages.model_shelf.ModelShelf`. Files are read once."""

    house: House

    def models(self) -> tuple[OfferedModel, ...]:
        """Those that are offered, sorted by id."""
        return self._models

    @cached_property
    def _models(self) -> tuple[OfferedModel, ...]:
        """Read them."""
        return tuple(_offered(self.house, self.house.shelf[name]) for name in sorted(self.house.models))


def _offered(house: House, manifest: AnyManifest) -> OfferedModel:
    """One model."""
    info, is_risk = manifest.info, manifest.info.id not in house.scores
    usual = _usual_level(manifest)
    wishes = tuple(
        _wish(client.id, client.rules(info.id, is_risk=is_risk), usual, is_risk=is_risk)
        for client in house.clients.values()
    )
    return OfferedModel(
        id=info.id,
        version=info.version,
        digest=info.digest,
        title=info.title,
        outcome=info.outcome,
        horizon=info.horizon,
        is_risk=is_risk,
        levels=tuple((tier.name, tier_from(manifest, tier)) for tier in manifest.tiers),
        wishes=wishes,
        attributes=_attributes(manifest),
    )


def _usual_level(manifest: AnyManifest) -> str:
    """From where cards are shown unless a client says otherwise: the first tier that is more than information."""
    tier = next((tier for tier in manifest.tiers if tier.indicator is not Indicator.INFO), None)
    return f"from “{tier.name}” ({tier_from(manifest, tier)})" if tier else "never by itself"


def _wish(client: str, rules: ServiceRules, usual: str, *, is_risk: bool) -> Wish:
    """How a client runs it."""
    shown = usual
    if (level := rules.show_from) is not None:
        shown = f"from {percent(level) if is_risk else format(level, 'g')}" if level > 0 else "at any level"
    shadow = "all" if rules.shadow else f"{rules.shadow_share:.0%} of users" if rules.shadow_share > 0 else ""
    return Wish(client, shown, shadow)


def _attributes(manifest: AnyManifest) -> Mapping[str, Any]:
    """The card's file of source attributes; nothing where there is none."""
    path = manifest.folder / ATTRIBUTES
    found = strict_json.loads(path.read_bytes()) if path.is_file() else {}
    return found if isinstance(found, dict) else {}
