"""The 31 attributes as plain JSON, for a hospital's register of models."""

from __future__ import annotations

from typing import Any

from models.training.model_card.attributes import RULE, RULE_TEXT_OF
from models.training.model_card.card import Answer, ModelCard


def as_json(card: ModelCard) -> dict[str, Any]:
    """`attributes` holds all 31 in the order of the rule; where `available` is false, `text` says why."""
    return {
        "model": {name: card.facts[name] for name in ("id", "title", "version")} | {"sha256": card.facts["digest"]},
        "rule": {"name": f"{RULE}(iv)(B)", "text_of": RULE_TEXT_OF},
        "count": {"attributes": len(card.answers), "not_available": len(card.missing)},
        "attributes": [_answer(answer) for answer in card.answers],
    }


def _answer(answer: Answer) -> dict[str, Any]:
    """One attribute."""
    attribute = answer.attribute
    return {
        "id": attribute.id,
        "paragraph": attribute.paragraph,
        "group": attribute.group_title,
        "title": attribute.title,
        "available": answer.available,
        "text": answer.text,
    }
