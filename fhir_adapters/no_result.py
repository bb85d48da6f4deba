"""Texts in the place of a number that say that there is no result: nothing was seen that an older value contradicts.

Sources: HL7 v2 table 0490, specimen reject reason (quantity not sufficient, clotting, hemolysis), with the words that
laboratories write for it; table 0085, X (no results available for this observation); "QNS" (quantity not sufficient)
and "TNP" (test not performed) as laboratories abbreviate them. Only a whole text counts: "hemolyzed, 6.9" says more.
"""

from __future__ import annotations

_NOTHING = frozenset({
    "qns", "quantity not sufficient", "tnp", "test not performed", "not performed",
    "cancelled", "canceled", "test cancelled", "test canceled",
    "hemolysis", "hemolyzed", "hemolysed", "haemolysis", "haemolysed", "haemolyzed",
    "specimen hemolyzed", "specimen haemolysed", "clotted", "specimen clotted",
})  # fmt: skip


def says_no_result(text: object) -> bool:
    """Whether a text says no more than that there is no result."""
    return isinstance(text, str) and " ".join(text.casefold().split()).strip(" .*") in _NOTHING
