"""An Observation of FHIR R4 → `Reported`: its own value and those of its components, before any rule is applied."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from clinical.record import EVER, Coding, Source
from fhir_adapters.decode import Json, codings, member, members, named, text
from fhir_adapters.facts import NO_SPAN, Reported, Said, Span, joined
from fhir_adapters.no_result import says_no_result
from fhir_adapters.reference_ranges import usual_range
from fhir_adapters.times import anywhere, fhir_end, fhir_moment

# HL7 table 0136, whose codes stand for a FHIR boolean (HL7 v2-to-FHIR maps them so).
YES_NO = "http://terminology.hl7.org/CodeSystem/v2-0136"
_AT_ONCE = timedelta()


def reported(resource: Json, name: str, source: Source) -> Iterator[Reported]:
    """The values of an Observation: its own, and that of each of its components. `name` is its reference."""
    time, over = _effective(resource), _over(resource)
    span = possible(resource) if time is None else NO_SPAN
    status = text(resource.get("status"))
    components = members(resource, "component")
    parts = [(name, resource), *((f"{name}#component-{index}", part) for index, part in enumerate(components))]
    for reference, part in parts:
        value, quantity, problem = _value(part)
        answer = said(part)
        if part is resource and value is None and answer is None and components:
            continue
        yield Reported(
            reference=reference,
            codings=codings(part.get("code")),
            status=status,
            value=value,
            unit_code=text(quantity.get("code")) or None,
            unit_system=text(quantity.get("system")) or None,
            unit_text=text(quantity.get("unit")) or None,
            time=time,
            source=source,
            problem=problem,
            said=answer,
            reference_range=usual_range(part),
            span=span,
            absent=value is None and answer is None and _absent(part),
            over=over,
        )


def said(part: Json) -> Said | None:
    """The coded value of an Observation or component. A boolean is a code of HL7 table 0136; a string is no answer."""
    if part.get("dataAbsentReason") is not None:
        return None
    truth = part.get("valueBoolean")
    if isinstance(truth, bool):
        return Said((Coding(YES_NO, "Y", "Yes") if truth else Coding(YES_NO, "N", "No"),), "Yes" if truth else "No")
    concept = part.get("valueCodeableConcept")
    values, words = codings(concept), named(concept)
    return Said(values, words) if values or words else None


def _effective(resource: Json) -> datetime | None:
    """When it was true: effectiveDateTime, effectiveInstant, or the end (else start) of effectivePeriod."""
    at = resource.get("effectiveDateTime")
    if at is None:
        at = resource.get("effectiveInstant")
    period = resource.get("effectivePeriod")
    if period is None:
        return fhir_moment(at)
    candidates = (at, member(period, "end"), member(period, "start"))
    time = fhir_moment(next((value for value in candidates if value is not None), None))
    start = fhir_moment(member(period, "start"))
    return None if time is not None and start is not None and time < start else time


def possible(resource: Json) -> Span:
    """When an Observation may have been true; for what is not used.

    Of what bears only a day, from where that day begins first to where it ends last. A result is no newer than its
    issue, nor than the last change of its resource: without any time, that bounds it, and nothing says since when.
    """
    period = resource.get("effectivePeriod")
    at = (resource.get("effectiveDateTime"), resource.get("effectiveInstant"))
    written = (*at, member(period, "start"), member(period, "end"))
    told = [span for text_ in written if (span := _read(text_)) is not None]
    if told:
        return joined(told)
    bound = fhir_moment(resource.get("issued")) or fhir_moment(member(resource, "meta", "lastUpdated"))
    return NO_SPAN if bound is None else Span(EVER, bound)


def _read(written: object) -> Span | None:
    """A moment, or the first and the last of a day, month or year."""
    moment = fhir_moment(written)
    whole = anywhere(written) if moment is None else None
    if moment is not None:
        return Span(None, moment)
    return None if whole is None else Span(*whole)


def _absent(part: Json) -> bool:
    """Whether no value was sent at all, or the sender says that there is none."""
    if part.get("dataAbsentReason") is not None or says_no_result(part.get("valueString")):
        return True
    return not any(name.startswith("value") for name in part)


def _over(resource: Json) -> timedelta:
    """How long it was measured, by an effectivePeriod with both ends. A day that it began on counts from its end."""
    period = resource.get("effectivePeriod")
    if period is None:
        return _AT_ONCE
    start, end = fhir_end(member(period, "start")), fhir_moment(member(period, "end"))
    return _AT_ONCE if start is None or end is None or end < start else end - start


def _value(part: Json) -> tuple[float | None, Json, str]:
    """The number, the quantity that holds its unit, and what is wrong with it."""
    sent = part.get("valueQuantity")
    quantity: Json = sent if isinstance(sent, dict) else {}
    value = part.get("valueInteger") if sent is None else quantity.get("value")
    if part.get("dataAbsentReason") is not None:
        return None, quantity, "it says that its value is absent"
    if quantity.get("comparator") is not None:
        return None, quantity, "its value is a bound, not a number"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None, quantity, "it holds no number"
    return float(value), quantity, ""
