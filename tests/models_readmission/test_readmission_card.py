"""The words of the model card, and what the manifest declares."""

from __future__ import annotations

from models.runtime.catalogue import MODELS_FOLDER
from models.runtime.read_manifest import read_untrained
from models.training.model_card.read import check_source

FOLDER = MODELS_FOLDER / "readmission_30d"


def test_the_words_of_the_card_hold_together() -> None:
    """All 31 attributes and every note."""
    assert check_source(FOLDER) == ()


def test_the_hooks_and_needs() -> None:
    """Asked at discharge; everything that features.py reads is asked for."""
    manifest = read_untrained(FOLDER / "model.toml")
    assert manifest.info.hooks == ("encounter-discharge", "order-sign")
    assert {need.resource_type for need in manifest.needs} == {
        "Patient",
        "Encounter",
        "Condition",
        "MedicationRequest",
        "Observation",
    }
