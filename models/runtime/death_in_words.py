"""Whether words about where a patient goes may mean death or a hospice.

A list of signs, not of proofs: a word that begins as one of these in English, Spanish, Portuguese, French, German,
Italian or Dutch. What is in other letters cannot be looked through, so it may mean anything.
"""

from __future__ import annotations

import re
import unicodedata

_WORD = re.compile(r"[^\W\d_]+")
_BEGINNINGS = (
    "expir", "dead", "death", "deceas", "demise", "dying", "mort", "postmort", "perish", "fatal", "passed",
    "hospice", "hospicio", "hospiz", "palliat", "paliat", "comfort", "confort", "terminal",
    "morgue", "morib", "funeral", "coroner", "autops", "cadav", "donor",
    "exitus", "fallec", "falec", "muert", "muri", "morir", "moria", "difunt", "defunc", "defunt", "obit",
    "deces", "deced", "verst", "gestorb", "gestorv", "todes", "leich", "sterb", "sterv", "overled", "overlij", "dood",
)  # fmt: skip
_WHOLE = frozenset({"die", "dies", "died", "exp", "doa", "rip", "tod", "tot", "ster"})
_PHRASES = ("end of life", "fin de vie", "fin de vida", "fim de vida", "medical examiner")


def may_mean_death(text: str) -> bool:
    """Whether one of the words is a sign of death or a hospice, or cannot be looked through."""
    bare = "".join(sign for sign in unicodedata.normalize("NFKD", text) if not unicodedata.combining(sign))
    words = _WORD.findall(bare.casefold())
    if any(phrase in " ".join(words) for phrase in _PHRASES):
        return True
    return any(not word.isascii() or word.startswith(_BEGINNINGS) or word in _WHOLE for word in words)
