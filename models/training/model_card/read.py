"""Reads `attributes.toml`, fills it, and refuses it whole where anything is missing or not said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from models.runtime.manifest_parts import parse
from models.training.model_card.attributes import ATTRIBUTES, BY_ID, Attribute
from models.training.model_card.card import Answer, CardInvalid, ModelCard
from models.training.model_card.facts import REQUIRED
from models.training.model_card.fill import Sources
from models.training.model_card.notes import BIBLIOGRAPHY, KEYWORDS, NOTES
from models.training.model_card.words import filled_faults, source_faults, speaks_of

SOURCE_FILE = "attributes.toml"
ANSWERS, NOT_AVAILABLE, CARD = "attributes", "not_available", "card"
Texts = dict[str, str]


def read_card(folder: Path, figures: Mapping[str, Any], facts: Mapping[str, str]) -> ModelCard:
    """The card of the model in this folder. Raises `CardInvalid`, which names every fault.

    `figures` are those of `models.training.evidence.figures`, or the JSON that they were written as; `facts` those of
    `facts.facts_of` and whatever else the texts refer to.
    """
    faults = [f"the fact {name} is missing" for name in REQUIRED if not facts.get(name, "").strip()]
    source = _Source(folder / SOURCE_FILE, faults)
    sources = Sources(facts, figures)
    card = ModelCard(
        facts=dict(facts),
        answers=source.answers(sources),
        notes={name: source.filled(CARD, name, sources) for name in NOTES if name in source.notes},
        keywords=source.keywords,
        bibliography=source.bibliography,
        figures=figures,
    )
    faults += (f"the fact {name} {fault}" for name, text in facts.items() for fault in filled_faults(text))
    if faults:
        raise CardInvalid(SOURCE_FILE, faults)
    return card


def row_word(folder: Path) -> str:
    """What a row of the figures is, in the plural ("stays"), as the source says; else "rows"."""
    path = folder / SOURCE_FILE
    card = parse(path, []).get(CARD) if path.exists() else None
    said = card.get("rows") if isinstance(card, dict) else None
    return said.strip() if isinstance(said, str) and said.strip() else "rows"


def check_source(folder: Path) -> tuple[str, ...]:
    """The faults of a source that show without figures and facts; none of its references is followed."""
    faults: list[str] = []
    _Source(folder / SOURCE_FILE, faults)
    return tuple(faults)


class _Source:
    """The texts as they were written. Their faults are noted while they are read."""

    def __init__(self, path: Path, faults: list[str]) -> None:
        """Read the file."""
        self.faults = faults
        document = parse(path, faults)
        self.faults += (f"unknown table {name}" for name in document if name not in (ANSWERS, NOT_AVAILABLE, CARD))
        card = _table(document, CARD, faults)
        self.keywords = self._keywords(card.pop(KEYWORDS, []))
        self.texts = {
            ANSWERS: self._texts(ANSWERS, _table(document, ANSWERS, faults)),
            NOT_AVAILABLE: self._texts(NOT_AVAILABLE, _table(document, NOT_AVAILABLE, faults)),
            CARD: self._texts(CARD, card),
        }
        self.bibliography = self.notes.get(BIBLIOGRAPHY, "")
        self.faults += [*self._attribute_faults(), *self._note_faults()]

    @property
    def notes(self) -> Texts:
        """The texts of `[card]`."""
        return self.texts[CARD]

    def answers(self, sources: Sources) -> tuple[Answer, ...]:
        """What is said to each attribute, in the order of the rule; what is missing has been noted."""
        found = []
        for attribute in ATTRIBUTES:
            for table in (ANSWERS, NOT_AVAILABLE):
                if attribute.id in self.texts[table]:
                    text = self.filled(table, attribute.id, sources)
                    found.append(Answer(attribute, text, available=table == ANSWERS))
        return tuple(found)

    def filled(self, table: str, name: str, sources: Sources) -> str:
        """One text with its references filled in."""
        where = f"{table}.{name}"
        text = sources.fill(self.texts[table][name], where, self.faults)
        self.faults += (f"{where} {fault}" for fault in filled_faults(text))
        return text

    def _texts(self, table: str, members: Mapping[str, object]) -> Texts:
        """The members that are texts and say something."""
        found = {}
        for name, value in members.items():
            if not isinstance(value, str):
                self.faults.append(f"{table}.{name} must be a text")
                continue
            found[name] = value.strip()
            if name != BIBLIOGRAPHY:
                self.faults += (f"{table}.{name} {fault}" for fault in source_faults(value))
        return found

    def _keywords(self, value: object) -> tuple[str, ...]:
        """The search words, at least one."""
        if isinstance(value, list) and value and all(isinstance(word, str) and word.strip() for word in value):
            return tuple(word.strip() for word in value)
        self.faults.append(f"{CARD}.{KEYWORDS} must be a list of texts and not empty")
        return ()

    def _attribute_faults(self) -> Iterator[str]:
        """What is missing, unknown, said twice, or may not be left out."""
        answered, missing = self.texts[ANSWERS], self.texts[NOT_AVAILABLE]
        for table, texts in ((ANSWERS, answered), (NOT_AVAILABLE, missing)):
            yield from (f"{table}.{name} is unknown" for name in texts if name not in BY_ID)
        for attribute in ATTRIBUTES:
            name = attribute.id
            if name not in answered and name not in missing:
                yield f"{ANSWERS}.{name} is missing ({attribute.paragraph})"
            if name in answered and name in missing:
                yield f"{name} is both answered and not available"
            if name in missing and not attribute.may_be_missing:
                yield f"{NOT_AVAILABLE}.{name}: the rule asks for an answer here ({attribute.paragraph})"
            yield from _unspoken(attribute, answered.get(name, ""))

    def _note_faults(self) -> Iterator[str]:
        """What is missing or unknown among the other texts."""
        yield from (f"{CARD}.{name} is missing ({what})" for name, what in NOTES.items() if name not in self.notes)
        yield from (f"{CARD}.{name} is unknown" for name in self.notes if name not in (*NOTES, BIBLIOGRAPHY))
        if not self.bibliography.startswith("@"):
            yield f"{CARD}.{BIBLIOGRAPHY} must be BibTeX"
        yield from (f"{CARD}.{BIBLIOGRAPHY} {fault}" for fault in filled_faults(self.bibliography))


def _table(document: Mapping[str, object], name: str, faults: list[str]) -> dict[str, object]:
    """A table of the document; only the table of what is not available may be left out."""
    value = document.get(name, {} if name == NOT_AVAILABLE else None)
    if isinstance(value, dict):
        return dict(value)
    faults.append(f"the table {name} is missing")
    return {}


def _unspoken(attribute: Attribute, text: str) -> Iterator[str]:
    """The words that an answer has to hold and does not."""
    if text:
        for word in attribute.speaks_of:
            if not speaks_of(text, word):
                yield f"{ANSWERS}.{attribute.id} does not speak of {word}"
