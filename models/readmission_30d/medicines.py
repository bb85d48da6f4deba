"""The medicines of a stay: how many different ones, and which lower glucose.

A medicine is told by its ingredient: the RxNorm or ATC code of the ingredient, or its name as a word of the text,
because orders carry the code of a product ("insulin glargine 100 UNT/ML Injectable Solution"), of which there are
thousands. RxCUIs are those of RxNorm's ingredients; ATC is WHO's classification (A10).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from clinical.assessment import Basis
from clinical.record import Coding, MedicationUse, PatientRecord, Stay
from models.runtime.code_list import ATC, RXNORM, bare

INSULIN, METFORMIN, SULFONYLUREA, GLITAZONE, GLINIDE = "insulin", "metformin", "sulfonylurea", "glitazone", "glinide"
_OTHER, _NEWER = "other", "newer"
# Each ingredient with its class and its RxCUI. Newer ones are also given for the heart and for weight.
INGREDIENTS: Mapping[str, tuple[str, str]] = {
    "metformin": (METFORMIN, "6809"),
    "chlorpropamide": (SULFONYLUREA, "2404"),
    "glimepiride": (SULFONYLUREA, "25789"),
    "acetohexamide": (SULFONYLUREA, "173"),
    "glipizide": (SULFONYLUREA, "4821"),
    "glyburide": (SULFONYLUREA, "4815"),
    "tolbutamide": (SULFONYLUREA, "10635"),
    "tolazamide": (SULFONYLUREA, "10633"),
    "pioglitazone": (GLITAZONE, "33738"),
    "rosiglitazone": (GLITAZONE, "84108"),
    "troglitazone": (GLITAZONE, "72610"),
    "repaglinide": (GLINIDE, "73044"),
    "nateglinide": (GLINIDE, "274332"),
    "acarbose": (_OTHER, "16681"),
    "miglitol": (_OTHER, "30009"),
    "insulin": (INSULIN, "5856"),
    "glibenclamide": (SULFONYLUREA, ""),
    "gliclazide": (SULFONYLUREA, ""),
    "sitagliptin": (_OTHER, ""),
    "saxagliptin": (_OTHER, ""),
    "linagliptin": (_OTHER, ""),
    "alogliptin": (_OTHER, ""),
    "vildagliptin": (_OTHER, ""),
    "exenatide": (_NEWER, ""),
    "liraglutide": (_NEWER, ""),
    "dulaglutide": (_NEWER, ""),
    "semaglutide": (_NEWER, ""),
    "tirzepatide": (_NEWER, ""),
    "canagliflozin": (_NEWER, ""),
    "dapagliflozin": (_NEWER, ""),
    "empagliflozin": (_NEWER, ""),
    "ertugliflozin": (_NEWER, ""),
}
_BY_RXCUI = {code: name for name, (_, code) in INGREDIENTS.items() if code} | dict.fromkeys(
    ("253182", "274783", "86009", "51428", "139825", "400008", "1670007"), "insulin"
)
_BY_ATC = {"A10A": "insulin", "A10BA02": "metformin"}
_WORD = re.compile(r"[a-z]+")
# The name of a product up to its strength: what comes after tells two strengths apart, and not two medicines.
_NAME = re.compile(r"[^0-9]*")


@dataclass(frozen=True, slots=True)
class Medicine:
    """One medicine of the stay, however often it was ordered. `ingredients` are those of it that lower glucose."""

    ingredients: frozenset[str]
    basis: Basis

    @property
    def classes(self) -> frozenset[str]:
        """The classes of its ingredients."""
        return frozenset(INGREDIENTS[name][0] for name in self.ingredients)

    @property
    def tells_of_diabetes(self) -> bool:
        """Whether it is given for diabetes only."""
        return bool(self.classes - {_NEWER})


def medicines_of(record: PatientRecord, stay: Stay) -> tuple[Medicine, ...]:
    """The different medicines ordered in a stay, in the order of the record."""
    found: dict[object, Medicine] = {}
    for use in record.medications:
        if _is_of(use, stay):
            key, ingredients = _what(use.text, use.codings)
            found.setdefault(key, Medicine(ingredients, Basis(use.reference, _text(use), use.start)))
    return tuple(found.values())


def _is_of(use: MedicationUse, stay: Stay) -> bool:
    """Whether it was ordered in the stay: it names it, or names none and began in it."""
    if use.encounter:
        return use.encounter == stay.reference
    begun = use.start is not None and stay.start is not None and use.start >= stay.start
    return begun and (stay.end is None or use.start is None or use.start <= stay.end)


@lru_cache(maxsize=8192)
def _what(text: str, codings: tuple[Coding, ...]) -> tuple[object, frozenset[str]]:
    """What tells a medicine from others, and its ingredients that lower glucose."""
    ingredients = frozenset(_ingredients(text, codings))
    if ingredients:
        return ingredients, ingredients
    name = text or next((coding.display for coding in codings if coding.display), "")
    found = _NAME.match(name.lower())
    return (found[0].strip() if found else "") or codings, ingredients


def _ingredients(text: str, codings: tuple[Coding, ...]) -> Iterable[str]:
    for coding in codings:
        if coding.system == RXNORM and coding.code in _BY_RXCUI:
            yield _BY_RXCUI[coding.code]
        if coding.system == ATC:
            yield from (name for branch, name in _BY_ATC.items() if bare(coding.code).startswith(branch))
    words = _WORD.findall(" ".join([text, *(coding.display for coding in codings)]).lower())
    yield from (word for word in words if word in INGREDIENTS)


def _text(use: MedicationUse) -> str:
    """What the sender calls it, else its code."""
    display = next((coding.display for coding in use.codings if coding.display), "")
    return use.text or display or next((coding.code for coding in use.codings), "")
