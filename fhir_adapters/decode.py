"""Single FHIR R4 resources → words. Reads the few members that models need, and trusts no type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from unicodedata import category

from clinical.record import Coding
from fhir_adapters.times import fhir_birth_date, fhir_moment

# A JSON object. Checked by `dict`, which strict JSON makes; the check by `Mapping` takes ten times as long.
Json = Mapping[str, object]


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


def named(concept: object) -> str:
    """What the sender calls a CodeableConcept: its text, else the first display."""
    rows = members(concept, "coding")
    return text(member(concept, "text")) or next((shown for row in rows if (shown := text(row.get("display")))), "")


def reference_of(resource: Json) -> str:
    """`Type/id`, for people and for the ledger."""
    return f"{text(resource.get('resourceType'))}/{text(resource.get('id')) or '(no id)'}"


def all_codings(resource: Json) -> tuple[Coding, ...]:
    """The codings that say what a resource is about; those of the components of an Observation, too."""
    concepts = [part.get("code") for part in (resource, *members(resource, "component"))]
    return tuple(
        coding for concept in (*concepts, resource.get("medicationCodeableConcept")) for coding in codings(concept)
    )


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
        if _taken_back(copy):
            return copy
    ages = [(_version(copy), fhir_moment(member(copy, "meta", "lastUpdated"))) for copy in (first, second)]
    for mine, other in zip(*ages, strict=True):
        if mine is not None and other is not None and mine != other:
            return first if mine > other else second
    return None


def _taken_back(resource: Json) -> bool:
    """Whether a resource says that it was entered in error; a Condition says so in its verification status."""
    verified = members(resource.get("verificationStatus"), "coding")
    return resource.get("status") == "entered-in-error" or any(
        row.get("code") == "entered-in-error" for row in verified
    )


def _version(resource: Json) -> int | None:
    """A version id that can be compared."""
    version = text(member(resource, "meta", "versionId"))
    return int(version) if version.isascii() and version.isdigit() and len(version) < 10 else None


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
    return _plain(text(chosen.get("text")) or " ".join([*parts, text(chosen.get("family"))]))


def _plain(name: str) -> str:
    """A name without what turns text around or cannot be seen (Unicode categories Cc and Cf)."""
    return "".join(letter for letter in name if category(letter) not in ("Cc", "Cf")).strip()
