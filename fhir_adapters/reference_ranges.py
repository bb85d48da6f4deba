"""Reference ranges in words: as the source sent them, for people alone. No rule and no feature reads them.

FHIR R4 Observation.referenceRange: the ends belong to the range; without a `type` it is the normal range; several
ranges mean "or" (for men or for women), and nothing says which of them is this patient's.
"""

from __future__ import annotations

import re

from clinical.wording import printed_unit
from fhir_adapters.decode import Json, member, members, text
from fhir_adapters.shapes import is_number

# HL7 code system of the kinds of range: recommended, treatment and pre-puberty ranges are no normal ranges.
MEANING = "http://terminology.hl7.org/CodeSystem/referencerange-meaning"
NORMAL = "normal"
# A text that is longer is no range but an essay; half of it could mislead.
LONGEST = 60
_NUMBER = r"[+-]?\d{1,15}(?:\.\d{1,15})?"
_SPAN = re.compile(rf"\s*({_NUMBER})\s*-\s*({_NUMBER})\s*", re.ASCII)
_BOUND = re.compile(rf"\s*(<=|>=|<|>)\s*({_NUMBER})\s*", re.ASCII)
_BOUNDS = {"<": "below", ">": "above", "<=": "up to", ">=": "from"}


def in_words(row: Json) -> str:
    """One range of FHIR: its ends with their units, else its text; empty where it says neither."""
    low, high = row.get("low"), row.get("high")
    least, most = quantity(low), quantity(high)
    if least and most:
        return f"{_amount(low) if _unit(low) == _unit(high) else least} to {most}"
    return text(row.get("text")) or (f"from {least}" if least else f"up to {most}" if most else "")


def quantity(value: object) -> str:
    """A number as it was sent, with its comparator and unit."""
    number = _amount(value)
    return f"{text(member(value, 'comparator'))}{number} {_unit(value)}".strip() if number else ""


def _amount(value: object) -> str:
    """The number of a Quantity, or an empty string."""
    number = member(value, "value")
    return f"{number:.10g}" if is_number(number) else ""


def _unit(value: object) -> str:
    """The unit of a Quantity as its sender writes it for people, else its code in print form."""
    unit, code = text(member(value, "unit")), text(member(value, "code"))
    return printed_unit(code) if unit in ("", code) else unit


def usual_range(part: Json) -> str:
    """The normal range of an Observation or component, in words.

    Empty where there is none, where several differ, where the ends contradict each other, and where its text is long.
    """
    rows = [row for row in members(part, "referenceRange") if _is_normal(row)]
    told = {printable(in_words(row)) for row in rows}
    if len(told) != 1 or any("modifierExtension" in row or _upside_down(row) for row in rows):
        return ""
    return told.pop()


def _is_normal(row: Json) -> bool:
    """Whether a range is the normal one: by its type, or because it has none."""
    if row.get("type") is None:
        return True
    return any(code.get("system") == MEANING and code.get("code") == NORMAL for code in members(row["type"], "coding"))


def _upside_down(row: Json) -> bool:
    """Whether a range in one unit ends before it begins."""
    low, high = row.get("low"), row.get("high")
    least, most = member(low, "value"), member(high, "value")
    plain = isinstance(least, int | float) and isinstance(most, int | float)
    return plain and _unit(low) == _unit(high) and least > most  # type: ignore[operator]


def of_hl7(sent: str, unit: str) -> str:
    """OBX-7 in words (HL7 v2.5.1, 7.4.2.7): `low-high`, `<high`, `>low`, each in the unit of OBX-6, else its text."""
    span, bound = _SPAN.fullmatch(sent), _BOUND.fullmatch(sent)
    if span:
        low, high = span.groups()
        return printable(f"{low} to {high} {unit}") if float(low) <= float(high) else ""
    if bound:
        return printable(f"{_BOUNDS[bound[1]]} {bound[2]} {unit}")
    # Escapes of HL7 v2 (\T\) are not for people.
    return "" if "\\" in sent else printable(sent)


def printable(words: str) -> str:
    """One short line of plain text, or nothing where it is too long."""
    if len(words) > 4 * LONGEST:
        return ""
    line = " ".join("".join(char if char.isprintable() else " " for char in words).split())
    return line if len(line) <= LONGEST else ""
