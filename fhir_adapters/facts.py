"""The rules of the record for one number or answer, whichever door it came through.

Final status, a moment with a zone that is not in the future, and for a number: finite, without a comparator, in a unit
that the analyte's allow-list knows. What fails one of them is set aside with its reason, and the value is not repeated.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from clinical.record import Answer, Coding, Observation, Says, SetAside, SetAsideReason, Source
from fhir_adapters.units import Analyte, Analytes

# FHIR observation-status codes that stand for a result somebody has put their name to.
USABLE_STATUSES = frozenset({"final", "amended", "corrected"})
# Those of what was never true, or never measured (FHIR R4 ValueSet observation-status).
_VOID_STATUSES = frozenset({"entered-in-error", "cancelled"})


# People do not end a collection to the minute: a twelfth more than is meant (two hours of a day) is still that.
LATE_ENDS = 1 + 1 / 12


@dataclass(frozen=True, slots=True)
class Said:
    """A value that is a code: its codings, and what the sender calls it."""

    values: tuple[Coding, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Span:
    """When something may have been true where that is not told to the moment; None where nothing says so.

    `first` is None also for a moment, which is `last`.
    """

    first: datetime | None = None
    last: datetime | None = None


NO_SPAN = Span()


def joined(spans: Sequence[Span]) -> Span:
    """From the first of all to the last; of moments alone, the last of them."""
    last = max((span.last for span in spans if span.last is not None), default=None)
    begins = [span.first or span.last for span in spans]
    inexact = any(span.first is not None for span in spans)
    return Span(min((time for time in begins if time is not None), default=None) if inexact else None, last)


@dataclass(frozen=True, slots=True)
class Reported:
    """A measurement as a sender reported it, before any rule was applied. `problem` is what the reader found wrong.

    `said` is there where its value is a code and not a number; `reference_range` is as in `Observation`. `span`
    is when it may have been true where there is no `time` (a day); `absent` says that the sender sent no value, and not
    one that cannot be read. `over` is how long it was measured; nothing for what was measured at one moment.
    """

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
    said: Said | None = None
    reference_range: str = ""
    span: Span = NO_SPAN
    absent: bool = False
    over: timedelta = timedelta()


def judged(reported: Reported, analytes: Analytes, now: datetime) -> Iterator[Observation | Answer | SetAside]:
    """What the rules make of a report.

    An answer to a question that asks for a number (lactate: "haemolysed") is an answer, and no number all the same.
    """
    if reported.said is None:
        yield accept(reported, analytes, now)
        return
    fact = answered(reported, reported.said, now)
    yield fact
    analyte = analytes.of(reported.codings)
    if analyte is not None and isinstance(fact, Answer):
        yield _aside(reported, SetAsideReason.NO_VALUE, "it holds no number", analyte)


def answered(reported: Reported, said: Said, now: datetime) -> Answer | SetAside:
    """Apply the rules to a coded value: status and time as for a number."""
    if reported.status not in USABLE_STATUSES:
        return _aside(reported, SetAsideReason.STATUS, f"status '{_printable(reported.status)}' is not final")
    if reported.time is None:
        aside = _aside(reported, SetAsideReason.NO_TIME, "it has no time of day with a zone")
        return replace(aside, says=Says(values=said.values))
    if reported.time > now:
        return _aside(reported, SetAsideReason.FUTURE, "its time lies in the future")
    return Answer(
        reference=reported.reference,
        codings=reported.codings,
        values=said.values,
        text=said.text,
        time=reported.time,
        status=reported.status,
        source=reported.source,
    )


def accept(reported: Reported, analytes: Analytes, now: datetime) -> Observation | SetAside:
    """Apply the rules to a number. A code may hold for years (smoking status); a number is that of a moment."""
    analyte = analytes.of(reported.codings)
    if analyte is None:
        return _unlisted(reported)
    if reported.status not in USABLE_STATUSES:
        return _aside(reported, SetAsideReason.STATUS, f"status '{_printable(reported.status)}' is not final", analyte)
    if reported.value is None or not math.isfinite(reported.value):
        return _aside(reported, SetAsideReason.NO_VALUE, reported.problem or "it holds no number", analyte)
    if reported.time is None:
        aside = _aside(reported, SetAsideReason.NO_TIME, "it has no time of day with a zone", analyte)
        return replace(aside, says=_says(reported, reported.value, analyte))
    if reported.time > now:
        return _aside(reported, SetAsideReason.FUTURE, "its time lies in the future", analyte)
    if reported.over > analyte.longest * LATE_ENDS:
        return _aside(reported, SetAsideReason.NO_TIME, _too_long(reported.over), analyte)
    return _canonical(
        replace(reported, codings=analytes.kept(reported.codings)), reported.value, reported.time, analyte
    )


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
        reference_range=reported.reference_range,
    )


def _says(reported: Reported, number: float, analyte: Analyte) -> Says | None:
    """What a number without a moment says; None where its unit is not known."""
    conversion = analyte.conversion(code=reported.unit_code, system=reported.unit_system, text=reported.unit_text)
    return None if conversion is None else Says(conversion(number), analyte.unit)


def _unlisted(reported: Reported) -> SetAside:
    """Set a report aside that names no analyte; one that should have held a code is not a matter of units."""
    if reported.value is None and reported.status in USABLE_STATUSES:
        return _aside(reported, SetAsideReason.NO_VALUE, reported.problem or "it holds no number")
    return _aside(reported, SetAsideReason.UNIT, "its codes name no analyte of the list, or more than one")


def _aside(reported: Reported, reason: SetAsideReason, detail: str, analyte: Analyte | None = None) -> SetAside:
    """Set a report aside, naming the analyte where it is known."""
    name = f"{analyte.name.replace('_', ' ')}: " if analyte else ""
    empty = reported.absent or reported.status in _VOID_STATUSES
    span = reported.span if reported.time is None else Span(None, reported.time)
    return SetAside(reported.reference, reason, name + detail, reported.codings, span.last, empty, span.first)


def _too_long(over: timedelta) -> str:
    """How long a number was measured over, for people: in days, else to the minute, rounded to the nearest."""
    if over >= timedelta(hours=48):
        return f"it was measured over {round(over / timedelta(days=1))} days"
    hours, minutes = divmod(round(over / timedelta(minutes=1)), 60)
    return f"it was measured over {hours} h {minutes} min" if minutes else f"it was measured over {hours} hours"


def _printable(text: str) -> str:
    """Foreign text, short and without control characters, for a message to people."""
    return "".join(char if char.isprintable() else "?" for char in text[:24])
