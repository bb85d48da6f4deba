"""The rules of the record for one number, whichever door it came through.

Final status, a finite number without a comparator, a moment with a zone that is not in the future, and a unit that
the analyte's allow-list knows. What fails one of them is set aside with its reason, and the value is not repeated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

from clinical.record import Coding, Observation, SetAside, SetAsideReason, Source
from fhir_adapters.units import Analyte, Analytes

# FHIR observation-status codes that stand for a result somebody has put their name to.
USABLE_STATUSES = frozenset({"final", "amended", "corrected"})


@dataclass(frozen=True, slots=True)
class Reported:
    """A measurement as a sender reported it, before any rule was applied. `problem` is what the reader found wrong."""

    reference: str
    codings: tuple[Coding, ...]
    status: str
    value: float | None
    unit_code: str | None
    unit_system: str | None
    unit_text: str | None
    time: datetime | None
    source: Source
    problem: str = ""


def accept(reported: Reported, analytes: Analytes, now: datetime) -> Observation | SetAside:
    """Apply the rules."""
    analyte = analytes.of(reported.codings)
    if analyte is None:
        return _aside(reported, SetAsideReason.UNIT, "its codes name no analyte of the list, or more than one")
    if reported.status not in USABLE_STATUSES:
        return _aside(reported, SetAsideReason.STATUS, f"status '{_printable(reported.status)}' is not final", analyte)
    if reported.value is None or not math.isfinite(reported.value):
        return _aside(reported, SetAsideReason.NO_VALUE, reported.problem or "it holds no number", analyte)
    if reported.time is None:
        return _aside(reported, SetAsideReason.NO_TIME, "it has no time of day with a zone", analyte)
    if reported.time > now:
        return _aside(reported, SetAsideReason.FUTURE, "its time lies in the future", analyte)
    return _canonical(reported, reported.value, reported.time, analyte)


def _canonical(reported: Reported, number: float, time: datetime, analyte: Analyte) -> Observation | SetAside:
    """Convert the unit, if the allow-list of the analyte says how."""
    unit = reported.unit_code or reported.unit_text or ""
    conversion = analyte.conversion(code=reported.unit_code, system=reported.unit_system, text=reported.unit_text)
    if conversion is None:
        shown = f"unit '{_printable(unit)}'" if unit else "an absent unit"
        return _aside(reported, SetAsideReason.UNIT, f"{shown} cannot be converted to {analyte.unit}", analyte)
    value = conversion(number)
    if not math.isfinite(value):
        return _aside(reported, SetAsideReason.NO_VALUE, "the value is not a finite number", analyte)
    return Observation(
        reference=reported.reference,
        codings=reported.codings,
        value=value,
        unit=analyte.unit,
        time=time,
        status=reported.status,
        source=reported.source,
        reported_value=number,
        reported_unit=unit,
    )


def _aside(reported: Reported, reason: SetAsideReason, detail: str, analyte: Analyte | None = None) -> SetAside:
    """Set a report aside, naming the analyte where it is known."""
    name = f"{analyte.name.replace('_', ' ')}: " if analyte else ""
    return SetAside(reported.reference, reason, name + detail, reported.codings)


def _printable(text: str) -> str:
    """Foreign text, short and without control characters, for a message to people."""
    return "".join(char if char.isprintable() else "?" for char in text[:24])
