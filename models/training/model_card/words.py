"""What a text of a card may not say, or not say alone."""

from __future__ import annotations

import re
from collections.abc import Iterator

from models.training.model_card.fill import REFERENCE

FEWEST_WORDS = 4
_UNFINISHED = re.compile(r"\b(?:to-?do|tbd|tbc|fixme|xxx+|lorem ipsum|fill (?:this )?in)\b", re.IGNORECASE)
_STUB = re.compile(
    r"(?:n\s?/\s?a|na|not applicable|does not apply|not available|not (?:yet )?(?:known|done|assessed)|none|nil|nothing"
    r"|unknown|pending|to be (?:done|decided|determined|added|written)|see (?:above|below)|same|yes|no|[-–—.?…]+)"
    r"(?![\w-])",
    re.IGNORECASE,
)
_CLAIM = re.compile(
    r"\b(?:(?:non-?)?complian(?:t|ce)|compl(?:y|ies) with|approv(?:ed|al)|certified|endorsed|guarantee[sd]?"
    r"|(?:FDA|regulator)[- ]clear(?:ed|ance)|CE[- ]mark(?:ed)?|clinically proven|proven (?:safe|effective)"
    r"|bias[- ]free|state of the art)\b",
    re.IGNORECASE,
)
# Shares and fractions are measured, so they come from the figures. 95 % names the interval.
_TYPED = re.compile(r"(?<![\w.,])(?!95 ?%)\d+(?:\.\d+)? ?%|(?<![\w.,])0?\.\d+")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


def source_faults(text: str) -> Iterator[str]:
    """What is wrong with a text as it was written, before anything is filled in."""
    if not text.strip():
        yield "is empty"
        return
    if found := _UNFINISHED.search(text):
        yield f"is not finished ({found[0]!r})"
    if _says_nothing(text):
        yield f"says nothing and gives no reason ({text.strip()!r})"
    if text.count("`") % 2:
        yield "has a ` without a partner"
    for figure in _TYPED.findall(REFERENCE.sub("", text)):
        yield f"has a figure typed by hand ({figure.strip()}); refer to it instead"


def filled_faults(text: str) -> Iterator[str]:
    """What is wrong with a text as people would read it."""
    for found in _CLAIM.findall(text):
        yield f"claims what a card may not claim ({found!r})"
    if _CONTROL.search(text):
        yield "has a character that cannot be printed"


def _says_nothing(text: str) -> bool:
    """Whether it is "n/a" or the like, with too little behind it to be a reason."""
    stub = _STUB.match(text.strip())
    return stub is not None and len(text.strip()[stub.end() :].split()) < FEWEST_WORDS


def speaks_of(text: str, word: str) -> bool:
    """Whether a word, or words, stand in the text as a whole."""
    return re.search(rf"\b{re.escape(word)}\b", " ".join(text.split()), re.IGNORECASE) is not None
