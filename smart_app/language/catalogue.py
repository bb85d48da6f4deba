"""A gettext catalogue (`.po`) as phrases and patterns.

A phrase is looked up as it stands. A pattern has places in braces for what differs from patient to patient; the name of
a place says what may stand there and what becomes of it, whatever digits follow the name:

    {number}     a number, also with a sign, a percent sign, `<` or `>`: kept
    {moment}     a day or a moment as `clinical.wording` writes it: written in the other language
    {words}      words of the catalogue itself, or several of them in a list: translated; unknown ones are kept
    {unit}       a unit behind a number: kept
    {verbatim}   anything: kept
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from babel.messages.pofile import PoFileError, read_po

from clinical.errors import SettingsInvalid

PLACE = re.compile(r"\{(number|moment|words|unit|verbatim)\d*\}")
MOMENT = r"\d{1,2} [A-Z][a-z]{2} \d{4}(?:, \d{2}:\d{2}(?: \S+)?)?"
# What any text may stand in. Where a pattern has several, each is bounded: trying them costs a power of their length.
OPEN = r".+?"
BOUNDED = r".{1,200}?"
KINDS = {
    "number": r"[<>−+-]?[\d.,]*\d(?: ?%)?",
    "moment": MOMENT,
    "words": OPEN,
    "unit": r"[^\s,;]+(?: m²)?",
    "verbatim": OPEN,
}


@dataclass(frozen=True, slots=True)
class Pattern:
    """A sentence with places, and its translation with the same places. `start` is the text before the first place."""

    start: str
    form: re.Pattern[str]
    translation: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Phrases by their English text, and patterns, those with the most text of their own first."""

    phrases: Mapping[str, str] = field(default_factory=dict)
    patterns: tuple[Pattern, ...] = ()


def read_catalogue(paths: Iterable[Path], code: str) -> Catalogue:
    """Several files of one language as one catalogue. Raises `SettingsInvalid`."""
    phrases: dict[str, str] = {}
    patterns: dict[str, str] = {}
    for path in paths:
        for english, translation in _entries(path, code):
            found = patterns if PLACE.search(english) else phrases
            if found.setdefault(english, translation) != translation:
                raise SettingsInvalid(f"The catalogues of '{code}' tell one text in two ways: {english[:60]!r}.")
    ordered = sorted(patterns, key=lambda english: -len(PLACE.sub("", english)))
    return Catalogue(phrases, tuple(_pattern(english, patterns[english]) for english in ordered))


def _entries(path: Path, code: str) -> Iterator[tuple[str, str]]:
    """What a file translates; what is marked fuzzy was not checked and is left out."""
    try:
        with path.open("rb") as file:
            read = read_po(file, locale=code, abort_invalid=True)
    except (PoFileError, ValueError, OSError) as fault:
        raise SettingsInvalid(
            f"The catalogue {path.name} of '{code}' cannot be read ({type(fault).__name__})."
        ) from None
    for message in read:
        if not message.id or message.fuzzy or not message.string:
            continue
        english, translation = str(message.id), str(message.string)
        if _places(english) != _places(translation):
            raise SettingsInvalid(
                f"In the catalogue {path.name} of '{code}', line {message.lineno}: the places differ."
            )
        yield english, translation


def _places(text: str) -> list[str]:
    """The names of the places of a pattern, sorted."""
    return sorted(found[0] for found in PLACE.finditer(text))


def _pattern(english: str, translation: str) -> Pattern:
    """A sentence as a form to be met as a whole."""
    places = list(PLACE.finditer(english))
    several = sum(KINDS[place[1]] == OPEN for place in places) > 1
    parts, end = [], 0
    for place in places:
        form = BOUNDED if several and KINDS[place[1]] == OPEN else KINDS[place[1]]
        parts += [re.escape(english[end : place.start()]), f"(?P<{place[0][1:-1]}>{form})"]
        end = place.end()
    whole = re.compile("".join([*parts, re.escape(english[end:])]), re.DOTALL)
    return Pattern(english[: places[0].start()] if places else english, whole, translation)
