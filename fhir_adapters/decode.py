"""Single FHIR R4 resources → words. Reads the few members that models need, and trusts no type."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from clinical.record import Coding, Source, Stay, StayLocation
from fhir_adapters.facts import Reported
from fhir_adapters.intensive_care import IntensiveCare
from fhir_adapters.times import fhir_birth_date, fhir_moment

# A JSON object. Checked by `dict`, which strict JSON makes; the check by `Mapping` takes ten times as long.
Json = Mapping[str, object]
FAR_FUTURE = 9000
# FHIR R4 EncounterLocationStatus: where the patient is not, or not yet.
_NOT_YET = ("planned", "reserved")
# A place that can be looked up. It goes into a URL, so nothing else may stand in it.
_PLACE = re.compile(r"Location/(?!\.+\Z)[A-Za-z0-9\-.]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Person:
    """What a Patient resource says about the person."""

    birth_date: date | None
    sex: str | None
    name: str
    deceased: bool
    caveats: tuple[str, ...]


def member(value: object, *path: str) -> object:
    """Walk down objects; None where the path leaves them."""
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value


def members(value: object, name: str) -> list[Json]:
    """The objects in a list member."""
    found = value.get(name) if isinstance(value, dict) else None
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def text(value: object) -> str:
    """A string, or an empty one."""
    return value if isinstance(value, str) else ""


def codings(concept: object) -> tuple[Coding, ...]:
    """The codings of a CodeableConcept that have both a system and a code."""
    return tuple(
        Coding(system, code, text(coding.get("display")))
        for coding in members(concept, "coding")
        if (system := text(coding.get("system"))) and (code := text(coding.get("code")))
    )


def reference_of(resource: Json) -> str:
    """`Type/id`, for people and for the ledger."""
    return f"{text(resource.get('resourceType'))}/{text(resource.get('id')) or '(no id)'}"


def all_codings(resource: Json) -> tuple[Coding, ...]:
    """The codings of an Observation and of its components."""
    parts = [resource, *members(resource, "component")]
    return tuple(coding for part in parts for coding in codings(part.get("code")))


def has_code(resource: Json, wanted: frozenset[tuple[str, str]]) -> bool:
    """Whether an Observation or one of its components has one of some codes, given as (system, code)."""
    if _names(resource.get("code"), wanted):
        return True
    return any(_names(part.get("code"), wanted) for part in members(resource, "component"))


def _names(concept: object, wanted: frozenset[tuple[str, str]]) -> bool:
    """Whether a CodeableConcept has one of some codes. This is asked of all that is sent, so it is a plain loop."""
    found = concept.get("coding") if isinstance(concept, dict) else None
    for coding in found if isinstance(found, list) else ():
        if isinstance(coding, dict):
            system, code = coding.get("system"), coding.get("code")
            pair = system if isinstance(system, str) else "", code if isinstance(code, str) else ""
            if pair in wanted:
                return True
    return False


def newer(first: Json, second: Json) -> Json | None:
    """Which of two copies of a resource counts, or None where they differ and nothing says which is newer.

    A copy that takes the resource back (entered-in-error) always counts.
    """
    if first == second:
        return first
    for copy in (first, second):
        if copy.get("status") == "entered-in-error":
            return copy
    ages = [(_version(copy), fhir_moment(member(copy, "meta", "lastUpdated"))) for copy in (first, second)]
    for mine, other in zip(*ages, strict=True):
        if mine is not None and other is not None and mine != other:
            return first if mine > other else second
    return None


def _version(resource: Json) -> int | None:
    """A version id that can be compared."""
    version = text(member(resource, "meta", "versionId"))
    return int(version) if version.isascii() and version.isdigit() and len(version) < 10 else None


def reported(resource: Json, name: str, source: Source) -> Iterator[Reported]:
    """The measurements of an Observation: its own value, and each of its components. `name` is its reference."""
    time = _effective(resource)
    status = text(resource.get("status"))
    components = members(resource, "component")
    parts = [(name, resource), *((f"{name}#component-{index}", part) for index, part in enumerate(components))]
    for reference, part in parts:
        value, quantity, problem = _value(part)
        if part is resource and value is None and components:
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
        )


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


def stay(resource: Json, rule: IntensiveCare, places: Mapping[str, Json]) -> Stay:
    """An Encounter. `places` are Location resources by reference, for their type and name."""
    coding = resource.get("class")
    code = text(member(coding, "code"))
    contained = {f"#{text(item.get('id'))}": item for item in members(resource, "contained")}
    known = {**places, **contained}
    rows = members(resource, "location")
    return Stay(
        reference=reference_of(resource),
        status=text(resource.get("status")),
        class_code=Coding(text(member(coding, "system")), code, text(member(coding, "display"))) if code else None,
        start=fhir_moment(member(resource, "period", "start")),
        end=_end(member(resource, "period", "end")),
        locations=tuple(_place(item, rule, known) for item in rows if item.get("status") not in _NOT_YET),
    )


def _place(item: Json, rule: IntensiveCare, places: Mapping[str, Json]) -> StayLocation:
    """One Encounter.location with what its Location resource says."""
    pointer = item.get("location")
    reference = text(member(pointer, "reference"))
    location = _location(reference, places)
    found = tuple(coding for concept in members(location, "type") for coding in codings(concept))
    name = text(member(pointer, "display")) or text(location.get("name"))
    why = rule.recognise(name, found) or rule.recognise(text(location.get("name")), ())
    start, end = fhir_moment(member(item, "period", "start")), _end(member(item, "period", "end"))
    return StayLocation(
        name=name,
        codings=found,
        start=start,
        end=start if item.get("status") == "completed" and end is None else end,
        intensive_care=bool(why),
        recognised_by=why,
        known=bool(why or location or (name and (rule.has_names or not reference))),
    )


def _end(value: object) -> datetime | None:
    """The end of a period; the year 9999 is how some systems write "open"."""
    end = fhir_moment(value)
    return None if end is None or end.year >= FAR_FUTURE else end


def _location(reference: str, places: Mapping[str, Json]) -> Json:
    """The Location behind a reference, relative or absolute."""
    tail = "/".join(reference.rsplit("/", 2)[-2:])
    return places.get(reference) or places.get(tail) or {}


def places_to_look_up(resource: Json, rule: IntensiveCare, base: str) -> list[str]:
    """References (`Location/…`) to places that an Encounter neither contains nor names as intensive care."""
    rows = (
        (text(member(item, "location", "reference")), text(member(item, "location", "display")))
        for item in members(resource, "location")
    )
    relative = ((ref.removeprefix(f"{base.rstrip('/')}/"), name) for ref, name in rows)
    return [ref for ref, name in relative if _PLACE.fullmatch(ref) and not rule.recognise(name, ())]


def person(resource: Json) -> Person:
    """A Patient."""
    birth = fhir_birth_date(resource.get("birthDate"))
    return Person(
        birth_date=birth[0] if birth else None,
        sex=text(resource.get("gender")) or None,
        name=_name(resource),
        deceased=resource.get("deceasedBoolean") is True or resource.get("deceasedDateTime") is not None,
        caveats=() if birth is None or birth[1] else ("The birth date is not complete; its middle is used.",),
    )


def _name(resource: Json) -> str:
    """The official name, else the first one."""
    names = members(resource, "name")
    chosen = next((name for name in names if name.get("use") == "official"), names[0] if names else {})
    given = chosen.get("given")
    parts = [part for part in given if isinstance(part, str)] if isinstance(given, list) else []
    return text(chosen.get("text")) or " ".join([*parts, text(chosen.get("family"))]).strip()
