"""Numbers, times and ages as a clinician reads them.

Number and words are made from the same rounded value, so that they cannot contradict each other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta, tzinfo
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

MINUS = "\N{MINUS SIGN}"
TIMES = "\N{MULTIPLICATION SIGN}"

# UCUM writes for machines; these are print forms. What is not here is shown as it came.
_WHOLE = {"1": "", "a": "years", "[pH]": "", "mo": "months", "wk": "weeks"}
_ANNOTATION = re.compile(r"\{([^{}]*)\}")
_PRINT = (
    ("mm[Hg]", "mmHg"),
    ("Cel", "°C"),
    ("[degF]", "°F"),
    ("10*3/", "×10³/"),
    ("10*6/", "×10⁶/"),
    ("10*9/", "×10⁹/"),
    ("uL", "µL"),
    ("umol", "µmol"),
    ("ug", "µg"),
    ("m2", "m²"),
)


# A card has some thirty numbers; hardly any needs another step than these.
_STEPS = {exponent: Decimal(1).scaleb(exponent) for exponent in range(-12, 13)}


def _step(exponent: int) -> Decimal:
    """What a number is rounded to: a power of ten."""
    return _STEPS.get(exponent) or Decimal(1).scaleb(exponent)


def percent_points(probability: float) -> int:
    """Whole percent, rounded half up."""
    return int((Decimal(repr(probability)) * 100).quantize(_step(0), ROUND_HALF_UP))


def percent(probability: float) -> str:
    """`21 %`; `<1 %` and `>99 %` at the ends, because a model knows no certainty."""
    if probability < 0.01:
        return "<1 %"
    return ">99 %" if probability > 0.99 else f"{percent_points(probability)} %"


def of_hundred(probability: float) -> str:
    """`about 21 of 100`: the same number as a natural frequency."""
    if probability < 0.01:
        return "fewer than 1 of 100"
    return "more than 99 of 100" if probability > 0.99 else f"about {percent_points(probability)} of 100"


def spread(ends: Iterable[float]) -> str:
    """`18 to 27 %`, or `21 %` where both ends read the same."""
    known = tuple(ends)
    low, high = percent(min(known)), percent(max(known))
    return high if low == high else f"{low.removesuffix(' %')} to {high}"


def compared(probability: float, base_rate: float) -> str:
    """How the risk stands to the base rate, judged by the numbers as shown."""
    mine, base = percent(probability), percent(base_rate)
    if mine == base:
        return "about the same as"
    return "higher than" if probability > base_rate else "lower than"


def significant(value: float, digits: int) -> str:
    """A positive or negative number with so many significant digits, without an exponent."""
    if value == 0:
        return "0"
    exact = Decimal(repr(value))
    rounded = exact.quantize(_step(exact.adjusted() - digits + 1), ROUND_HALF_UP)
    if rounded.adjusted() > exact.adjusted():  # 9.96 became 10.0: one digit too many
        rounded = rounded.quantize(_step(rounded.adjusted() - digits + 1), ROUND_HALF_UP)
    return f"{rounded:f}".replace("-", MINUS)


def multiplier(value: float) -> str:
    """`× 1.8`: what a driver does to the odds, with two significant digits."""
    return f"{TIMES} {significant(value, 2)}"


def direction(value: float) -> str:
    """`raises`, `lowers` or `no change`, judged by the multiplier as shown."""
    shown = float(significant(value, 2))
    if shown == 1:
        return "no change"
    return "raises" if shown > 1 else "lowers"


def number(value: float) -> str:
    """A measured value with up to four significant digits and no empty decimals."""
    text = significant(value, 4)
    return text.rstrip("0").rstrip(".") if "." in text else text


def measured(value: float, unit: str) -> str:
    """A value with its unit in print form; hours from ten on are whole."""
    if unit == "h" and abs(value) >= 10:
        value = round(value)
    return f"{number(value)} {printed_unit(unit)}".rstrip()


def scored(value: float, unit: str) -> str:
    """The value of a score: `7`, `48 mL/min/1.73 m²`. Points are no unit to a reader."""
    return f"{number(value)} {printed_unit(unit)}".rstrip()


@lru_cache(maxsize=256)
def printed_unit(unit: str) -> str:
    """A UCUM unit as it is printed; `1` and annotations in braces are no unit to a reader."""
    if unit in _WHOLE or unit.startswith("{"):
        return _WHOLE.get(unit, "")
    for code, text in _PRINT:
        unit = unit.replace(code, text)
    # An annotation within a unit says what it is counted for: mL/min/{1.73_m2}.
    return _ANNOTATION.sub(lambda found: found[1].replace("_", " "), unit)


def age(span: timedelta) -> str:
    """`25 min`, `3 h`, `2 d`: how old a value is. A clock that runs ahead gives 0 min."""
    minutes = max(int(span.total_seconds() // 60), 0)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // (24 * 60)} d"


def moment(time: datetime, zone: tzinfo) -> str:
    """`12 Nov 2026, 14:05 UTC`."""
    local = time.astimezone(zone)
    return f"{day(local.date())}, {local:%H:%M} {local.tzname()}"


def day(value: date) -> str:
    """`12 Nov 2026`: no order of day and month to mistake."""
    return f"{value.day} {value:%b} {value.year}"
