"""FHIR R4 Encounter → `Stay`, with the places that it names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta

from clinical.record import Coding, Stay, StayDiagnosis, StayLocation
from fhir_adapters.decode import Json, codings, member, members, reference_of, text
from fhir_adapters.destination import destination
from fhir_adapters.http.links import Links
from fhir_adapters.ids import ID
from fhir_adapters.intensive_care import IntensiveCare
from fhir_adapters.times import FAR_FUTURE, fhir_moment, fhir_start, is_date, is_moment, last_anywhere

# FHIR R4 EncounterLocationStatus: where the patient is not, or not yet; where they were; and where they may be.
_NOT_YET = ("planned", "reserved")
_OVER = "completed"
_KNOWN_STATUS = (None, "active", _OVER)
# A place that can be looked up. It goes into a URL, so nothing else may stand in it.
_PLACE = re.compile(rf"Location/{ID}", re.ASCII)
# FHIR R4 Encounter: the code systems of its own value sets.
_PRIORITY = "http://terminology.hl7.org/CodeSystem/v3-ActPriority"
_ADMIT_SOURCE = "http://terminology.hl7.org/CodeSystem/admit-source"
_DAY = len("2026-01-31")
# FHIR R4 valueset-diagnosis-role.html.
_ROLE = "http://terminology.hl7.org/CodeSystem/diagnosis-role"


def stay(resource: Json, rule: IntensiveCare, places: Mapping[str, Json], links: Links, now: datetime) -> Stay:
    """An Encounter. `places` are Location resources by reference, for their type and name."""
    coding = resource.get("class")
    code = text(member(coding, "code"))
    contained = {f"#{text(item.get('id'))}": item for item in members(resource, "contained")}
    known = {**places, **contained}
    rows = (item for item in members(resource, "location") if not _is_yet_to_come(item, now))
    return Stay(
        reference=reference_of(resource),
        status=text(resource.get("status")),
        class_code=Coding(text(member(coding, "system")), code, text(member(coding, "display"))) if code else None,
        start=fhir_moment(member(resource, "period", "start")),
        end=_end(member(resource, "period", "end")),
        locations=tuple(_place(item, rule, known, now) for item in rows),
        priority=_chosen(resource.get("priority"), _PRIORITY),
        admit_source=_chosen(member(resource, "hospitalization", "admitSource"), _ADMIT_SOURCE),
        discharge_disposition=destination(member(resource, "hospitalization", "dischargeDisposition")),
        diagnoses=tuple(_diagnoses(resource, links)),
        start_day=_day(member(resource, "period", "start")),
        end_day=_day(member(resource, "period", "end")),
        offset=_offset(member(resource, "period", "start")),
        latest_end=last_anywhere(member(resource, "period", "end")),
    )


def _chosen(concept: object, system: str) -> Coding | None:
    """The coding in FHIR's own system, else the first that has a system and a code; none where two contradict."""
    found = codings(concept)
    own = {coding.code: coding for coding in found if coding.system == system}
    if len(own) > 1:
        return None
    return next(iter(own.values()), None) or next(iter(found), None)


def _day(value: object) -> date | None:
    """The calendar day of a date or moment as it was written; None where less than a day is told, or a far one."""
    if not isinstance(value, str) or not (is_date(value[:10]) and len(value) >= _DAY):
        return None
    found = date.fromisoformat(value[:10]) if is_date(value) or is_moment(value) else None
    return None if found is None or found.year >= FAR_FUTURE else found


def _offset(value: object) -> timedelta | None:
    """How far the clock of a moment is from UTC, where it was written with one of its own."""
    if not is_moment(value) or str(value).endswith("Z"):
        return None
    return datetime.fromisoformat(str(value)).utcoffset()


def _diagnoses(resource: Json, links: Links) -> Iterator[StayDiagnosis]:
    """The diagnoses that an Encounter names; one that names no resource is counted, with an empty reference."""
    for item in members(resource, "diagnosis"):
        roles = (coding.code for coding in codings(item.get("use")) if coding.system == _ROLE)
        rank = item.get("rank")
        yield StayDiagnosis(
            condition=links.target(text(member(item, "condition", "reference"))),
            role=next(roles, ""),
            rank=rank if type(rank) is int and rank > 0 else None,
        )


def _is_yet_to_come(item: Json, now: datetime) -> bool:
    """Whether an Encounter.location says that the patient will come there, by its status or by the day it begins."""
    begins = member(item, "period", "start")
    first = fhir_start(begins, now) if is_date(begins) else None
    return item.get("status") in _NOT_YET or (first is not None and first > now)


def _place(item: Json, rule: IntensiveCare, places: Mapping[str, Json], now: datetime) -> StayLocation:
    """One Encounter.location with what its Location resource says."""
    pointer = item.get("location")
    reference = text(member(pointer, "reference"))
    location = _location(reference, places)
    found = tuple(coding for concept in members(location, "type") for coding in codings(concept))
    name = text(member(pointer, "display")) or text(location.get("name"))
    why = rule.recognise(name, found) or rule.recognise(text(location.get("name")), ())
    start = fhir_moment(member(item, "period", "start"))
    written = any(member(item, "period", name) is not None for name in ("start", "_start"))
    return StayLocation(
        name=name,
        codings=found,
        start=start,
        end=_left(item, start, now),
        intensive_care=bool(why),
        recognised_by=why,
        known=bool(why or location or (name and (rule.has_names or not reference))),
        start_unclear=written and start is None,
        start_day=_day(member(item, "period", "start")),
        status_known=item.get("status") in _KNOWN_STATUS,
        end_unclear=item.get("status") != _OVER and _is_only_a_day(member(item, "period", "end")),
    )


def _left(item: Json, start: datetime | None, now: datetime) -> datetime | None:
    """When the patient left a place; what is completed is over by now, at its start where no end is told."""
    written = member(item, "period", "end")
    end = _end(written) or last_anywhere(written)
    return min(end or start or now, now) if item.get("status") == _OVER else end


def _is_only_a_day(end: object) -> bool:
    """Whether an end is told, and not to the moment; a far one is none."""
    return fhir_moment(end) is None and last_anywhere(end) is not None


def _end(value: object) -> datetime | None:
    """The end of a period, if it has one."""
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
