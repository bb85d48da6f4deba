"""Which mistaken unit explains that values are so many times as large as they were.

Factors: molar masses as in the SI conversion tables of the AMA Manual of Style (11th edition, table 17.5-2), and
powers of ten.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

# How far a ratio of medians may lie from a conversion factor, on the log scale: wards also differ by chance.
_NEAR = math.log(1.12)


@dataclass(frozen=True, slots=True)
class _Conversion:
    """A number in `small` is so many times as large in `large`."""

    analytes: tuple[str, ...]
    small: str
    large: str
    factor: float


_CONVERSIONS = (
    _Conversion(("glucose",), "mmol/L", "mg/dL", 18.016),
    _Conversion(("creatinine",), "mg/dL", "umol/L", 88.4),
    _Conversion(("bilirubin",), "mg/dL", "umol/L", 17.1),
    _Conversion(("urea nitrogen", "bun"), "mmol/L", "mg/dL", 2.801),
    _Conversion(("urea",), "mmol/L", "mg/dL", 6.006),
    _Conversion(("lactate",), "mmol/L", "mg/dL", 9.008),
    _Conversion(("calcium",), "mmol/L", "mg/dL", 4.008),
    _Conversion(("magnesium",), "mmol/L", "mg/dL", 2.431),
    _Conversion(("phosph",), "mmol/L", "mg/dL", 3.097),
    _Conversion(("triglyceride",), "mmol/L", "mg/dL", 88.57),
    _Conversion(("cholesterol",), "mmol/L", "mg/dL", 38.67),
    _Conversion(("albumin", "protein", "hemoglobin", "haemoglobin"), "g/dL", "g/L", 10.0),
    _Conversion(("weight", "mass"), "kg", "[lb_av]", 2.2046),
    _Conversion(("height", "length"), "[in_i]", "cm", 2.54),
)


def mixup(name: str, unit: str, factor: float) -> str:
    """`mg/dL read as mmol/L`; "" where no usual mistake explains the factor. `unit` is the one that was taken."""
    known = [each for each in _CONVERSIONS if any(word in name.casefold() for word in each.analytes)]
    for each in known:
        if unit in {each.small, ""} and _near(factor, each.factor):
            return f"{each.large} read as {each.small}"
        if unit in {each.large, ""} and _near(factor, 1 / each.factor):
            return f"{each.small} read as {each.large}"
    tens = round(math.log10(factor))
    if tens and _near(factor, 10.0**tens):
        return f"a unit {10 ** abs(tens):,} times {'smaller' if tens > 0 else 'larger'} than {unit or 'expected'}"
    return ""


def _near(factor: float, known: float) -> bool:
    """Whether two factors are the same but for chance."""
    return abs(math.log(factor / known)) < _NEAR
