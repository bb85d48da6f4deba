"""The medicines of a stay: how many different ones, and which lower glucose.

A medicine is told by its ingredient: the RxNorm or ATC code of the ingredient, or its name as a word of the text,
because orders carry the code of a product ("insulin glargine 100 UNT/ML Injectable Solution"), of which there are
thousands. RxCUIs are those of RxNorm's ingredients; ATC is WHO's classification (A10).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from clinical.assessment import Basis
from clinical.record import Coding, MedicationUse, PatientRecord, Stay
from models.runtime.code_list import ATC, RXNORM, bare, canonical

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
_BY_ATC = {
    "A10A": "insulin",
    "A10BA02": "metformin",
    "A10BB01": "glyburide",
    "A10BB02": "chlorpropamide",
    "A10BB03": "tolbutamide",
    "A10BB05": "tolazamide",
    "A10BB07": "glipizide",
    "A10BB09": "gliclazide",
    "A10BB12": "glimepiride",
    "A10BF01": "acarbose",
    "A10BF02": "miglitol",
    "A10BG02": "rosiglitazone",
    "A10BG03": "pioglitazone",
    "A10BH01": "sitagliptin",
    "A10BH02": "vildagliptin",
    "A10BH03": "saxagliptin",
    "A10BH04": "alogliptin",
    "A10BH05": "linagliptin",
    "A10BX02": "repaglinide",
    "A10BX03": "nateglinide",
}
# Of the group of medicines for diabetes, GLP-1 analogues and SGLT2 inhibitors by themselves are given for more.
_DIABETES_ATC, _NEWER_ATC = "A10", ("A10BJ", "A10BK")
# What is needed to give insulin is none: told by its name, unless that also names a kind of insulin or a strength.
_SUPPLY = re.compile(r"\b(?:needles?|syringes?|lancets?|(?:test )?strips?|pumps?|infusion sets?|reservoirs?)\b")
_REAL_INSULIN = re.compile(
    r"\b(?:glargine|lispro|aspart|detemir|degludec|glulisine|isophane|nph|regular|human|icodec|zinc)\b"
    r"|[0-9] ?(?:unt|units?|iu) ?/ ?ml\b"
)
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


def medicines_of(record: PatientRecord, stay: Stay, as_of: datetime) -> tuple[Medicine, ...]:
    """The different medicines ordered in a stay, in the order of the record."""
    found: dict[object, Medicine] = {}
    for use in record.medications:
        if _is_of(use, stay) and _is_used(use, as_of):
            key, ingredients = _what(use.text, use.codings)
            found.setdefault(key, Medicine(ingredients, Basis(use.reference, _text(use), use.start)))
    return tuple(found.values())


def tells_of_diabetes(use: MedicationUse, as_of: datetime) -> bool:
    """Whether a medicine, of whichever stay or at home, is given for diabetes only."""
    if not _is_used(use, as_of):
        return False
    _, ingredients = _what(use.text, use.codings)
    if any(INGREDIENTS[name][0] != _NEWER for name in ingredients):
        return True
    codes = (bare(coding.code) for coding in use.codings if canonical(coding.system) == ATC)
    return any(code.startswith(_DIABETES_ATC) and not code.startswith(_NEWER_ATC) for code in codes)


def _is_used(use: MedicationUse, as_of: datetime) -> bool:
    """Whether it is no order that is on hold or begins later."""
    return use.status != "on-hold" and (use.start is None or use.start <= as_of)


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
        system = canonical(coding.system)
        if system == RXNORM and coding.code in _BY_RXCUI:
            yield _BY_RXCUI[coding.code]
        if system == ATC:
            yield from (name for branch, name in _BY_ATC.items() if bare(coding.code).startswith(branch))
    name = " ".join([text, *(coding.display for coding in codings)]).lower()
    is_supply = _SUPPLY.search(name) and not _REAL_INSULIN.search(name)
    yield from (word for word in _WORD.findall(name) if word in INGREDIENTS and not (is_supply and word == "insulin"))


def _text(use: MedicationUse) -> str:
    """What the sender calls it, else its code."""
    display = next((coding.display for coding in use.codings if coding.display), "")
    return use.text or display or next((coding.code for coding in use.codings), "")
