"""Checks every answer before it leaves. A card that breaks the specification becomes a 5xx, never a quiet omission.

The rules are those of CDS Hooks 2.0.1, "CDS Service Response" to "Link", the invariants of the 3.0 ballot's logical
models (cds-resp-1 to -7), and four of our own: plain Markdown only, no links but the two into this service (the page,
and its form that reports a problem), nothing unknown, and a card that says what the answer says to machines
(`cds_hooks.agreement`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from cds_hooks.agreement import disagreements
from cds_hooks.card_parts import REPORT
from cds_hooks.cards import EXTENSION
from clinical.app_context import LENGTH
from clinical.errors import ChartsideError

_MAY_BE_EMPTY = {"cards"}
MAX_CARDS = 2
MAX_LINKS = 2
MAX_LABEL = 80
CARD_MEMBERS = {
    "uuid", "summary", "detail", "indicator", "source", "suggestions", "selectionBehavior", "overrideReasons", "links",
}  # fmt: skip
# Markup that a card of ours never needs: raw HTML, links, images, and URLs that a reader might make a link of.
_MARKUP = re.compile(r"(?<!\\)(?:<[a-z!/?]|\]\s?[(\[:]|!\[|://)|\bwww\.", re.IGNORECASE)
# Without any of these there is no such markup: to look for them takes a tenth of the time.
_MARKS = ("<", "]", "[", "//", "w.", "W.")
_ORDER = {"delete": 0, "create": 1, "update": 2}
_EXTENSION = re.compile(r"[a-z0-9-]+(?:\.[A-Za-z0-9-]+){2,}", re.ASCII)
# What `clinical.app_context` writes: nothing that could be read in it.
_APP_CONTEXT = re.compile(rf"[A-Za-z0-9_-]{{{LENGTH}}}", re.ASCII)
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_RELATIVE = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z0-9\-.]{1,64}", re.ASCII)


class CardRejected(ChartsideError):
    """An answer of ours that must not leave."""


def check(response: Mapping[str, object], base_url: str) -> None:
    """Raise `CardRejected` with every fault found. `base_url` is where links may lead."""
    found = list(faults_in(response, base_url))
    if found:
        raise CardRejected("The answer was held back by the card linter: " + "; ".join(found[:10]) + ".")


def faults_in(response: Mapping[str, object], base_url: str) -> Iterator[str]:
    """What is wrong with an answer; the words name members, never their content."""
    if not _is_filled(response):
        yield from _empties(response, "response")
    if response.keys() - {"cards", "extension"}:
        yield "a member other than cards and extension"
    extension = response.get("extension", {})
    if not isinstance(extension, dict) or not all(_is_extension(name, v) for name, v in extension.items()):
        yield "an extension that is not an object under a reverse-domain name"
    cards = response.get("cards")
    if not isinstance(cards, list):
        yield "cards is not a list"
        return
    if len(cards) > MAX_CARDS:
        yield f"more than {MAX_CARDS} cards"
    for index, card in enumerate(cards):
        yield from (f"card {index}: {fault}" for fault in _card(card, base_url))
    yield from _repeated_ids(cards)
    yield from _agreement(cards, extension)


def _agreement(cards: list[object], extension: object) -> Iterator[str]:
    """The rules for what is told twice: to people and to machines."""
    outcome = extension.get(EXTENSION) if isinstance(extension, dict) else None
    if isinstance(outcome, dict):
        for index, card in enumerate(cards):
            if isinstance(card, dict):
                yield from (f"card {index}: {fault}" for fault in disagreements(card, outcome))


def _is_extension(name: object, value: object) -> bool:
    """A reverse-domain name with an object."""
    return isinstance(name, str) and bool(_EXTENSION.fullmatch(name)) and isinstance(value, dict)


def _is_filled(value: object) -> bool:
    """Whether there is surely no null or empty member: nearly always so, and sooner seen than told with its path."""
    if isinstance(value, str):
        return value != ""
    if isinstance(value, dict):
        return bool(value) and all(_is_filled(member) for member in value.values())
    if isinstance(value, list):
        return bool(value) and all(_is_filled(member) for member in value)
    return value is not None


def _empties(value: object, path: str) -> Iterator[str]:
    """Nulls and empty members, which CDS Hooks forbids."""
    if value is None or value in ("", {}):
        yield f"{path} is empty"
    elif isinstance(value, dict):
        for name, member in value.items():
            yield from _empties(member, f"{path}.{name}")
    elif isinstance(value, list):
        if not value and path.rsplit(".", 1)[-1] not in _MAY_BE_EMPTY:
            yield f"{path} is empty"
        for member in value:
            yield from _empties(member, path)


def _repeated_ids(cards: list[object]) -> Iterator[str]:
    """Card and suggestion ids that stand for two things."""
    rows = [card for card in cards if isinstance(card, dict)]
    ids = [str(card.get("uuid")) for card in rows]
    ids += [str(suggestion.get("uuid")) for card in rows for suggestion in _rows(card, "suggestions")]
    if any(number > 1 for number in Counter(ids).values()):
        yield "a uuid is used twice"


def _card(card: object, base_url: str) -> Iterator[str]:
    """The rules for one card."""
    if not isinstance(card, dict):
        yield "is not an object"
        return
    if card.keys() - CARD_MEMBERS:
        yield "a member that cards do not have"
    yield from _text(card)
    if card.get("indicator") not in ("info", "warning", "critical"):
        yield "indicator"
    if not _is_uuid(card.get("uuid")):
        yield "uuid"
    yield from _source(card.get("source"))
    yield from _choices(card)
    yield from _links(card, base_url)


def _text(card: Mapping[str, object]) -> Iterator[str]:
    """The rules for what people read."""
    summary, detail = card.get("summary"), card.get("detail")
    if not isinstance(summary, str) or len(summary) >= 140 or not summary.isprintable():
        yield "summary is missing, has 140 characters or more, or is not one line"
    if "detail" in card and (not isinstance(detail, str) or _has_markup(detail)):
        yield "detail is not plain Markdown"


def _has_markup(detail: str) -> bool:
    """Whether markup is in it that a card of ours never needs."""
    return any(mark in detail for mark in _MARKS) and _MARKUP.search(detail) is not None


def _source(source: object) -> Iterator[str]:
    """The rules for the source."""
    topic = source.get("topic") if isinstance(source, dict) else None
    if not isinstance(source, dict) or not isinstance(source.get("label"), str):
        yield "source without label"
    if not isinstance(topic, dict) or not {"code", "system"} <= topic.keys():
        yield "source without a topic that has code and system"


def _choices(card: Mapping[str, object]) -> Iterator[str]:
    """The rules for what a clinician may choose: suggestions and override reasons."""
    suggestions = _rows(card, "suggestions")
    if "suggestions" in card and card.get("selectionBehavior") not in ("any", "at-most-one"):
        yield "suggestions without selectionBehavior"
    recommended = sum(suggestion.get("isRecommended") is True for suggestion in suggestions)
    if card.get("selectionBehavior") == "at-most-one" and recommended > 1:
        yield "more than one recommended suggestion where at most one may be chosen"
    for suggestion in suggestions:
        yield from _suggestion(suggestion)
    for reason in _rows(card, "overrideReasons"):
        if not all(isinstance(reason.get(name), str) for name in ("code", "system", "display")):
            yield "override reason without code, system or display"


def _suggestion(suggestion: Mapping[str, object]) -> Iterator[str]:
    """The rules for a suggestion and its actions."""
    if not isinstance(suggestion.get("label"), str) or not _is_uuid(suggestion.get("uuid")):
        yield "suggestion without label or uuid"
    if not isinstance(suggestion.get("isRecommended", False), bool):
        yield "isRecommended is not a boolean"
    if "actionSelectionBehavior" in suggestion:
        yield "actionSelectionBehavior, which this client is not known to support"
    kinds = [str(action.get("type")) for action in _rows(suggestion, "actions")]
    if [_ORDER.get(kind, 0) for kind in kinds] != sorted(_ORDER.get(kind, 0) for kind in kinds):
        yield "actions out of order (delete, create, update)"
    for action in _rows(suggestion, "actions"):
        yield from _action(action)


def _action(action: Mapping[str, object]) -> Iterator[str]:
    """The rules for an action."""
    kind, resource, target = action.get("type"), action.get("resource"), action.get("resourceId")
    if kind not in _ORDER or not isinstance(action.get("description"), str):
        yield "action without type or description"
    if kind in ("create", "update") and not (isinstance(resource, dict) and "resourceType" in resource):
        yield "action without resource"
    if kind == "create" and isinstance(resource, dict) and "id" in resource:
        yield "action creates a resource that has an id already"
    if kind == "delete" and (resource is not None or not (isinstance(target, str) and _RELATIVE.fullmatch(target))):
        yield "delete without a relative resourceId, or with a resource"


def _links(card: Mapping[str, object], base_url: str) -> Iterator[str]:
    """The rules for the links: two ways into the page, each its own, and the one that reports second."""
    links = _rows(card, "links")
    for link in links:
        yield from _link(link, base_url)
    if len(links) > MAX_LINKS:
        yield f"more than {MAX_LINKS} links"
    for name in ("label", "appContext"):
        values = [str(link[name]) for link in links if name in link]
        if len(set(values)) < len(values):
            yield f"two links with the same {name}"
    if [link.get("label") == REPORT for link in links] not in ([], [False, True]):
        yield "not a link to the page first and a link that reports a problem second"


def _link(link: Mapping[str, object], base_url: str) -> Iterator[str]:
    """The rules for a link."""
    label, url, kind, context = link.get("label"), link.get("url"), link.get("type"), link.get("appContext")
    if not isinstance(label, str) or kind not in ("absolute", "smart"):
        yield "link without label or type"
    elif len(label) > MAX_LABEL or not label.isprintable():
        yield f"link whose label is longer than {MAX_LABEL} characters or more than one line"
    if not isinstance(url, str) or not url.startswith(f"{base_url}/"):
        yield "link that leads away from this service"
    if "appContext" in link and kind != "smart":
        yield "appContext on a link that is not smart"
    if kind == "smart" and not (isinstance(context, str) and _APP_CONTEXT.fullmatch(context)):
        yield "smart link whose appContext is none of our tokens"
    if "autolaunchable" in link:
        yield "autolaunchable, which is not used here"


def _rows(value: Mapping[str, object], name: str) -> list[Mapping[str, object]]:
    """The objects of a list member."""
    found = value.get(name)
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


def _is_uuid(value: object) -> bool:
    """Whether a value is a UUID in the one form that RFC 9562 tells to write."""
    return isinstance(value, str) and _UUID.fullmatch(value) is not None
