"""Whether a model's card is whole and is the one that its source and its figures make: 31 of 31, or the build fails."""

from __future__ import annotations

from pathlib import Path

from clinical.errors import ChartsideError
from models.runtime.manifest import Manifest
from models.runtime.read_manifest import read_manifest
from models.training.evidence.files import evidence_files
from models.training.model_card.card import CardInvalid
from models.training.model_card.read import SOURCE_FILE, check_source

AGAIN = "write the evidence anew"


def check_card(folder: Path, manifest: Manifest | None = None) -> list[str]:
    """The faults of the card of a risk model in this folder; none where it is whole.

    Checked are the source (all 31 attributes answered, or said why not), the figures (of the artefact that is there),
    and that every file below `evidence/` is what the two make. `manifest` spares reading it. Scores have no card.
    """
    if not (folder / SOURCE_FILE).is_file():
        return [f"{SOURCE_FILE} is missing: the model has no card"]
    faults = [f"{SOURCE_FILE}: {fault}" for fault in check_source(folder)]
    if faults:
        return faults
    try:
        made = evidence_files(folder, manifest or read_manifest(folder / "model.toml"))
    except CardInvalid as fault:
        return [fault.message]
    except (ChartsideError, OSError, KeyError, ValueError) as fault:
        return [f"the card cannot be made: {fault}"]
    return [fault for name, content in made.items() for fault in _changed(folder / name, content)]


def _changed(path: Path, content: bytes) -> list[str]:
    """Whether a file is missing or another than it should be."""
    if not path.is_file():
        return [f"{path.parent.name}/{path.name} is missing; {AGAIN}"]
    return [] if path.read_bytes() == content else [f"{path.parent.name}/{path.name} is not what was measured; {AGAIN}"]
