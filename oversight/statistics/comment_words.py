"""A comment as the features that the ranker counts: words, pairs of words, and how it was typed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

_WORD = re.compile(r"[a-z]+(?:'[a-z]+)?|\d+(?:[.,]\d+)?|[!?]+|[.;]")
_NEGATIONS = frozenset({"not", "no", "never", "without", "none", "cannot", "nor"})
_REACH = 3
FILLERS = frozenset({"a", "an", "the", "of", "to", "in", "on", "at", "and", "is", "are", "was", "be", "it", "for"})
LOUD = "(exclamation or question mark)"
NUMBER = "(number)"
_STOP = "."


def features(comment: str) -> dict[str, str]:
    """What is in a comment, each once: stems of words, neighbours as pairs, and marks; with how it was written.

    A word up to three places after a negation also stands as "not … word"; a full stop ends its reach. Numbers are one
    feature, so that no value of a patient becomes a word. Words without content ("the", "is") stand alone only: who
    complains writes a sentence, who gives a reason writes a note.
    """
    words = [_word(raw) for raw in _WORD.findall(comment.lower().replace("’", "'"))]
    found = {stem: written for stem, written in words if stem in FILLERS}
    for stem, written in _features([word for word in words if word[0] not in FILLERS]):
        found.setdefault(stem, written)
    return found


def _features(words: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """All features as (stem, as written), some more than once."""
    left = 0
    for stem, written in words:
        if stem in {_STOP, *_NEGATIONS}:
            left = 0 if stem == _STOP else _REACH
        elif left:
            left -= 1
            yield f"not … {stem}", f"not … {written}"
    yield from (word for word in words if word[0] != _STOP)
    for first, second in pairwise(words):
        if _STOP not in {first[0], second[0]}:
            yield f"{first[0]} {second[0]}", f"{first[1]} {second[1]}"


def _word(raw: str) -> tuple[str, str]:
    """A word without its ending, or the name of a mark; and as written."""
    if raw[0] in "!?":
        return LOUD, raw
    if raw in {".", ";"}:
        return _STOP, raw
    if raw[0].isdigit():
        return NUMBER, NUMBER
    return ("not" if raw.endswith("n't") else _stem(raw.removesuffix("'s"))), raw


def _stem(word: str) -> str:
    """Cut plural s, -ed and -ing off longer words; rough, but alike for alike words."""
    for ending, least in (("ing", 6), ("ed", 5), ("es", 6), ("s", 5), ("e", 5)):
        if word.endswith(ending) and len(word) >= least and not word.endswith("ss"):
            return word[: -len(ending)]
    return word
