"""`Language`: a phrase, a finished sentence, or a moment in the reader's language."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime

from babel.dates import format_date

from smart_app.language.catalogue import MOMENT, PLACE, Catalogue, Pattern

ENGLISH = "en"
# What needs no words: a number with its unit, the age of a value, a sign.
_NEUTRAL = re.compile(r"(?:[<>×÷]? ?[<>−+-]?[\d.,]+(?: ?(?:to|/) ?[\d.,]+)? ?[^\s\d]?\S*|\W*)")
_MOMENT = re.compile(MOMENT)
# How deep sentences may stand in sentences.
DEEPEST = 4
# A longer text is none of ours: what a record says is not looked up, and no pattern is tried on it for long.
LONGEST = 1_500


@dataclass(frozen=True, slots=True)
class Language:
    """One language of the page. `code` is its tag (BCP 47), such as `es`."""

    code: str = ENGLISH
    catalogue: Catalogue = field(default_factory=Catalogue)

    def say(self, phrase: str) -> str:
        """A fixed phrase; English where the catalogue does not know it."""
        return self.catalogue.phrases.get(phrase, phrase)

    def told(self, sentence: str) -> str | None:
        """A finished sentence, or None where the catalogue has no words for it."""
        return sentence if self.code == ENGLISH else self._told(sentence, DEEPEST)

    def _told(self, text: str, depth: int) -> str | None:
        """The whole text, by its phrase or its pattern."""
        known = self.catalogue.phrases.get(text)
        if known is None and len(text) > LONGEST:
            return None
        if known is not None or not depth:
            return known
        for pattern in self._candidates(text):
            met = pattern.form.fullmatch(text)
            if met is not None:
                return self._fill(pattern.translation, met.groupdict(), depth)
        if _MOMENT.fullmatch(text):
            return self._moment(text)
        return text if _NEUTRAL.fullmatch(text) else None

    def _candidates(self, text: str) -> Iterator[Pattern]:
        """The patterns that may be met."""
        return (pattern for pattern in self.catalogue.patterns if text.startswith(pattern.start))

    def _fill(self, translation: str, found: dict[str, str], depth: int) -> str:
        """A pattern's translation with what stood in its places."""
        return PLACE.sub(lambda place: self._place(place[1], found[place[0][1:-1]], depth), translation)

    def _place(self, kind: str, text: str, depth: int) -> str:
        """What stands in one place."""
        if kind == "moment":
            return self._moment(text)
        if kind != "words":
            return text
        whole = self._told(text, depth - 1)
        if whole is not None:
            return whole
        between = next((one for one in ("; ", ", ") if one in text), "")
        return between.join(self._told(part, depth - 1) or part for part in text.split(between)) if between else text

    def _moment(self, text: str) -> str:
        """`12 Nov 2026, 14:05 UTC` with the month in this language; the order and the clock stay."""
        day, comma, clock = text.partition(", ")
        known = _day(day)
        return text if known is None else format_date(known, "d MMM y", locale=self.code) + comma + clock


def _day(text: str) -> date | None:
    """The day that `clinical.wording.day` wrote."""
    try:
        return datetime.strptime(text, "%d %b %Y").date()  # noqa: DTZ007  a day, not a moment
    except ValueError:
        return None


def spoken(locale: str, languages: Container[str]) -> str:
    """The language of those that fits a locale (RFC 4647 lookup by its first subtag); English else."""
    first = re.split(r"[-_]", locale.strip(), maxsplit=1)[0].lower()
    return first if first in languages else ENGLISH
