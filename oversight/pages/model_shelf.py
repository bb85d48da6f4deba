"""Which models are offered, as these pages need them: filled from the manifests and the registry by the wiring."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from oversight.switches import SwitchState


@dataclass(frozen=True, slots=True)
class Wish:
    """How one client runs a service: from which level cards are shown, and whether silently."""

    client: str
    shown_from: str
    shadow: str


@dataclass(frozen=True, slots=True)
class OfferedModel:
    """One offered service. `digest` is the SHA-256 of its artefact or code; `levels` are (name, where it begins).

    `attributes` is the card's file of 31 source attributes as parsed JSON; empty where the model has none.
    """

    id: str
    version: str
    digest: str
    title: str
    outcome: str
    horizon: str
    is_risk: bool
    levels: tuple[tuple[str, str], ...]
    wishes: tuple[Wish, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def live(self) -> str:
        """Shadow or live, over all clients."""
        silent = [wish for wish in self.wishes if wish.shadow]
        if not self.wishes:
            return "no client"
        if not silent:
            return "live"
        return (
            "shadow" if len(silent) == len(self.wishes) and all(w.shadow == "all" for w in silent) else "partly shadow"
        )


class ModelShelf(Protocol):
    """The offered models, sorted by id; it does not fail."""

    def models(self) -> tuple[OfferedModel, ...]:
        """All of them."""
        ...


class SwitchBook(Protocol):
    """The kill switch; `oversight.switches.SqlSwitches` is one."""

    def states(self) -> tuple[SwitchState, ...]:
        """The latest row of each client and service. Raises `LedgerUnavailable`."""
        ...
