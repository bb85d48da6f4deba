"""What diagnoses, medicines and procedures are called, and how sure it is that one of them is meant."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import IntEnum

from clinical.record import Coding, Condition, MedicationUse, ProcedureDone

_WORD = re.compile(r"[^\W\d_]+")


class Sure(IntEnum):
    """Whether something holds; of two that must both hold, the lower counts."""

    NO = 0
    UNCLEAR = 1
    YES = 2


def name_of(fact: Condition | MedicationUse | ProcedureDone) -> str:
    """What the sender calls it, else its code."""
    display = next((coding.display for coding in fact.codings if coding.display), "")
    return fact.text or display or next((coding.code for coding in fact.codings), "")


def words_of(text: str, codings: Iterable[Coding]) -> frozenset[str]:
    """All words in the sender's text and in the names of the codes, in small letters."""
    texts = (text, *(coding.display for coding in codings))
    return frozenset(word for one in texts for word in _WORD.findall(one.lower()))
