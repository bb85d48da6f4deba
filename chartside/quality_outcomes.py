"""What each service is judged by, out of its model's manifest, for the quality team's pages."""

from __future__ import annotations

from collections.abc import Mapping

from models.runtime.catalogue import AnyManifest
from models.runtime.manifest_monitoring import monitoring_of
from oversight.analytics.outcome_question import OutcomeQuestion
from oversight.monitors.thresholds import USUAL


def own_outcomes(shelf: Mapping[str, AnyManifest]) -> dict[str, OutcomeQuestion]:
    """By service, where `[monitoring]` names an outcome. Raises `ManifestInvalid`."""
    found = {name: USUAL.changed(monitoring_of(each.folder / "model.toml")) for name, each in shelf.items()}
    return {
        name: OutcomeQuestion(each.outcome, each.window_hours, each.outcome_hours)
        for name, each in found.items()
        if each.outcome
    }
