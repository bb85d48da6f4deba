"""All forms of a card, written into a folder beside the evaluation."""

from __future__ import annotations

import json
from pathlib import Path

from models.training.model_card.card import ModelCard
from models.training.model_card.chai import as_chai_xml
from models.training.model_card.json_form import as_json
from models.training.model_card.markdown import as_markdown
from models.training.model_card.page import as_html


def forms(card: ModelCard) -> dict[str, bytes]:
    """The content of each file, by its name."""
    attributes = json.dumps(as_json(card), indent=1, ensure_ascii=False) + "\n"
    return {
        "card.md": as_markdown(card).encode(),
        "card.html": as_html(card).encode(),
        "card.xml": as_chai_xml(card),
        "attributes.json": attributes.encode(),
    }


def write_forms(card: ModelCard, folder: Path) -> None:
    """Write them all; files of these names are replaced."""
    for name, content in forms(card).items():
        (folder / name).write_bytes(content)
