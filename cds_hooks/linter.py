"""Checks every answer before it leaves. A card that breaks the specification becomes a 5xx, never a quiet omission."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping

from clinical.errors import ChartsideError

_MAY_BE_EMPTY = {"cards"}


class CardRejected(ChartsideError):
    """An answer of ours that must not leave."""


def check(response: Mapping[str, object]) -> None:
    """Raise `CardRejected` with every fault found (CDS Hooks 2.0.1, "CDS Service Response" and "Card Attributes")."""
    faults = list(_empties(response, "response"))
    cards = response.get("cards")
    if not isinstance(cards, list):
        faults.append("cards is not a list")
    else:
        for index, card in enumerate(cards):
            faults += [f"card {index}: {fault}" for fault in _card(card)]
    if faults:
        raise CardRejected("The answer was held back by the card linter: " + "; ".join(faults[:10]) + ".")


def _empties(value: object, path: str) -> Iterator[str]:
    """Nulls and empty members, which CDS Hooks forbids."""
    if value is None or value in ("", {}):
        yield f"{path} is empty"
    elif isinstance(value, Mapping):
        for name, member in value.items():
            yield from _empties(member, f"{path}.{name}")
    elif isinstance(value, list):
        if not value and path.rsplit(".", 1)[-1] not in _MAY_BE_EMPTY:
            yield f"{path} is empty"
        for member in value:
            yield from _empties(member, path)


def _card(card: Mapping[str, object]) -> Iterator[str]:
    """The rules for one card."""
    summary = card.get("summary")
    if not isinstance(summary, str) or len(summary) >= 140:
        yield "summary is missing or has 140 characters or more"
    if card.get("indicator") not in ("info", "warning", "critical"):
        yield "indicator"
    if not _is_uuid(card.get("uuid")):
        yield "uuid"
    source = card.get("source")
    if not isinstance(source, Mapping) or not {"label", "topic"} <= source.keys():
        yield "source without label or topic"
    yield from _choices(card)
    for link in _rows(card, "links"):
        yield from _link(link)


def _choices(card: Mapping[str, object]) -> Iterator[str]:
    """The rules for what a clinician may choose: suggestions and override reasons."""
    if "suggestions" in card and card.get("selectionBehavior") not in ("any", "at-most-one"):
        yield "suggestions without selectionBehavior"
    for suggestion in _rows(card, "suggestions"):
        yield from _suggestion(suggestion)
    for reason in _rows(card, "overrideReasons"):
        if not {"code", "system", "display"} <= reason.keys():
            yield "override reason without code, system or display"


def _suggestion(suggestion: Mapping[str, object]) -> Iterator[str]:
    """The rules for a suggestion and its actions."""
    if "label" not in suggestion or not _is_uuid(suggestion.get("uuid")):
        yield "suggestion without label or uuid"
    for action in _rows(suggestion, "actions"):
        if action.get("type") not in ("create", "update", "delete") or "description" not in action:
            yield "action without type or description"
        if action.get("type") in ("create", "update") and "resource" not in action:
            yield "action without resource"


def _link(link: Mapping[str, object]) -> Iterator[str]:
    """The rules for a link."""
    if not {"label", "url", "type"} <= link.keys() or link["type"] not in ("absolute", "smart"):
        yield "link without label, url or type"
    if link.get("type") == "absolute" and "appContext" in link:
        yield "absolute link with appContext"


def _rows(value: Mapping[str, object], name: str) -> list[Mapping[str, object]]:
    """The objects of a list member."""
    found = value.get(name)
    return [row for row in found if isinstance(row, Mapping)] if isinstance(found, list) else []


def _is_uuid(value: object) -> bool:
    """Whether a value is a UUID."""
    try:
        return isinstance(value, str) and str(uuid.UUID(value)) == value
    except ValueError:
        return False
