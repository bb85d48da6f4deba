"""A CDS Hooks response as the chart shows it. The response is foreign: nothing in it is taken for granted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from markupsafe import Markup

from ehr_simulator.chart.markdown import safe_html

WORDS = {"info": "Information", "warning": "Warning", "critical": "Critical"}


@dataclass(frozen=True, slots=True)
class Link:
    """A link of a card. `opens_app` says that it is a SMART app of the registered origin."""

    label: str
    url: str
    opens_app: bool
    app_context: str | None


@dataclass(frozen=True, slots=True)
class Choice:
    """A suggestion (id and label) or an override reason (code and display)."""

    id: str
    label: str
    system: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """One card."""

    uuid: str
    summary: str
    indicator: str
    word: str
    detail: Markup
    source: str
    source_url: str
    suggestions: tuple[Choice, ...]
    reasons: tuple[Choice, ...]
    links: tuple[Link, ...]


def cards(response: Mapping[str, Any], app_origin: str) -> list[Card]:
    """The cards of a response."""
    return [_card(one, app_origin) for one in response.get("cards", []) if isinstance(one, dict)]


def reason_for_none(response: Mapping[str, Any]) -> str:
    """Why there is no card, if the response's `extension` says it in words; else empty."""
    extension = response.get("extension")
    parts = extension.values() if isinstance(extension, dict) else ()
    for part in parts:
        if isinstance(part, dict):
            said = [str(part[name]) for name in ("text", "withheld", "reason") if isinstance(part.get(name), str)]
            if said:
                return said[0]
    return ""


def _card(card: Mapping[str, Any], app_origin: str) -> Card:
    """One card; an unknown indicator counts as a warning rather than as information."""
    indicator = str(card.get("indicator"))
    known = indicator if indicator in WORDS else "warning"
    source = _object(card.get("source"))
    return Card(
        uuid=_text(card.get("uuid")),
        summary=_text(card.get("summary")),
        indicator=known,
        word=WORDS[known],
        detail=safe_html(_text(card.get("detail"))),
        source=_text(source.get("label")),
        source_url=_web_address(source.get("url")),
        suggestions=tuple(Choice(_text(s.get("uuid")), _text(s.get("label"))) for s in _objects(card, "suggestions")),
        reasons=tuple(
            Choice(_text(r.get("code")), _text(r.get("display") or r.get("code")), _text(r.get("system")))
            for r in _objects(card, "overrideReasons")
        ),
        links=tuple(_link(link, app_origin) for link in _objects(card, "links")),
    )


def _link(link: Mapping[str, Any], app_origin: str) -> Link:
    """A link. A SMART link to an origin that is not registered is shown and cannot be opened."""
    url = _web_address(link.get("url"))
    parts = urlsplit(url)
    ours = link.get("type") == "smart" and f"{parts.scheme}://{parts.netloc}" == app_origin
    context = link.get("appContext")
    usable = url if ours or link.get("type") == "absolute" else ""
    return Link(_text(link.get("label")), usable, ours, context if isinstance(context, str) else None)


def _web_address(value: object) -> str:
    """An http(s) address, or nothing."""
    return value if isinstance(value, str) and value.startswith(("http://", "https://")) else ""


def _objects(holder: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """The objects in a list member."""
    items = holder.get(name)
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _object(value: object) -> Mapping[str, Any]:
    """An object, or an empty one."""
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    """A string, or an empty one."""
    return value if isinstance(value, str) else ""
