"""The evidence of a model as files, made from its figures, its source of words and its manifest; nothing is fitted."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clinical import strict_json
from models.runtime.manifest import Manifest
from models.training.evidence.evaluation import EVALUATION_FILE, written
from models.training.evidence.report import about_site, report, report_of
from models.training.model_card.card import CardInvalid
from models.training.model_card.facts import facts_of_manifest
from models.training.model_card.forms import forms
from models.training.model_card.read import SOURCE_FILE, read_card, row_word
from models.training.model_card.view import view

EVIDENCE = "evidence"
REPORT = f"{EVIDENCE}/report.html"


def evidence_files(folder: Path, manifest: Manifest) -> dict[str, bytes]:
    """What `evaluation.json`, `attributes.toml` and the manifest of a folder make, by name; nothing is written."""
    found = strict_json.loads((folder / EVALUATION_FILE).read_bytes())
    if not isinstance(found, dict) or not isinstance(found.get("facts"), dict):
        raise CardInvalid(EVALUATION_FILE, ["it is not of the form that training writes"])
    if found.get("artefact_sha256") != manifest.info.digest:
        raise CardInvalid(EVALUATION_FILE, ["artefact_sha256 is not that of the artefact; train again"])
    return files_of(folder, found, manifest)


def files_of(folder: Path, found: Mapping[str, Any], manifest: Manifest) -> dict[str, bytes]:
    """Each file by its name relative to the model's folder."""
    files = {EVALUATION_FILE: written(found)}
    if not (folder / SOURCE_FILE).exists():
        return files
    if found.get("site"):
        return files | {REPORT: report(found, about_site(manifest.info, row_word(folder))).encode()}
    facts = facts_of_manifest(manifest) | found["facts"]
    card = read_card(folder, view(found), facts)
    files[REPORT] = report_of(found, card).encode()
    return files | {f"{EVIDENCE}/{name}": content for name, content in forms(card).items()}


def write(out: Path, files: Mapping[str, bytes]) -> dict[str, str]:
    """Write, and say what was written."""
    for name, content in files.items():
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
