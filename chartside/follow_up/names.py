"""Which outcome a model is judged by: the words of its manifest's outcome, as a name."""

from __future__ import annotations

from collections.abc import Mapping

from chartside.settings import Settings
from models.runtime.catalogue import read_manifests
from oversight.follow_up.keys import outcome_name


def services_by_outcome(settings: Settings) -> Mapping[str, tuple[str, ...]]:
    """The services that are about each outcome, by its name, sorted. Reads manifests only."""
    found: dict[str, list[str]] = {}
    for id_, manifest in read_manifests(local=settings.local_models).items():
        found.setdefault(outcome_name(manifest.info.outcome), []).append(id_)
    return {name: tuple(found[name]) for name in sorted(found)}
