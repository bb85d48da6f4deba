"""The next events of an incident as forms, and what comes back from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from werkzeug.datastructures import MultiDict

from clinical.errors import Unprocessable
from clinical.typed_words import typed
from oversight.device_report_fields import BLOCKS, KEYS
from oversight.incident_events import CHOICES, FACTS, MOST_LETTERS, IncidentHistory, asked_for, possible

_HEADINGS = {
    "triaged": ("Triage", "Keep the triage"),
    "reportable": ("It must be reported", "Keep the decision"),
    "not-reportable": ("It need not be reported", "Keep the decision"),
    "submitted": ("It was submitted", "Keep it"),
    "closed": ("Close", "Close the incident"),
    FACTS: ("Fill in a block of the report", "Keep the block"),
}
_LABELS = {
    "harm": "What came of it",
    "aware": "Day on which somebody became aware",
    "remedial": "Is remedial action needed against substantial harm?",
    "as": "Who reports",
    "on": "Day of submission",
    "number": "Report number",
    "words": "In words (no names of patients)",
}
_DAYS = ("aware", "on")
# What a fault calls a field that somebody writes in.
_TOLD = {"words": "words", "number": "report number"}


@dataclass(frozen=True, slots=True)
class Field:
    """One field: `kind` is choice, day, line or text."""

    name: str
    label: str
    kind: str
    needed: bool
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EventForm:
    """One form; that of facts asks for a block by its key."""

    kind: str
    heading: str
    button: str
    fields: tuple[Field, ...]


def event_forms(history: IncidentHistory) -> tuple[EventForm, ...]:
    """What may come now."""
    return tuple(
        EventForm(kind, *_HEADINGS[kind], () if kind == FACTS else _fields(kind)) for kind in possible(history.state)
    )


def _fields(kind: str) -> tuple[Field, ...]:
    """What an event asks for."""
    takes, needs = asked_for(kind)
    return tuple(Field(name, _LABELS[name], _kind(name), name in needs, CHOICES.get(name, ())) for name in takes)


def _kind(name: str) -> str:
    """How a field is drawn."""
    if name in CHOICES:
        return "choice"
    return "day" if name in _DAYS else "text" if name == "words" else "line"


def blocks() -> tuple[tuple[str, str], ...]:
    """Keys and names of the blocks of the form."""
    return tuple((block.key, f"{block.key} {block.name}") for block in BLOCKS)


def said(form: MultiDict[str, str]) -> tuple[str, Mapping[str, str]]:
    """The kind of an event and its facts.

    Raises `Unprocessable` for a block that there is not, and for what is too long or no plain text.
    """
    kind = form.get("kind", "")
    if kind == FACTS:
        block, value = form.get("block", ""), typed(form.get("value", ""), MOST_LETTERS, "block")
        if block not in KEYS or not value:
            raise Unprocessable("A block of the form and what stands in it are needed.")
        return kind, {block: value}
    given = {name: typed(form.get(name, ""), MOST_LETTERS, _TOLD.get(name, "field")) for name in _LABELS}
    return kind, {name: value for name, value in given.items() if value}
