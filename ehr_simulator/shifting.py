"""Make an old stay current: move all dates of a patient's bundle by one amount, and open the last stay.

The birth date stays as it is, so a patient whose stay is moved by years is older in it by as many years.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from ehr_simulator import dates

Resource = dict[str, Any]

SECOND = timedelta(seconds=1)
NOT_FACTS = frozenset({"Patient", "Encounter", "Practitioner", "Organization", "Location", "PractitionerRole"})
# When something happened or became known. Other dates (a planned end, a validity) may lie ahead.
_HAPPENED = frozenset(
    {"effectiveDateTime", "effectiveInstant", "issued", "authoredOn", "recordedDate", "performedDateTime"}
    | {"occurrenceDateTime", "onsetDateTime", "date", "created", "recorded", "dateAsserted"}
)
_PERIODS = frozenset({"effectivePeriod", "performedPeriod", "occurrencePeriod", "period", "onsetPeriod"})


class NoStay(Exception):
    """The bundle has no encounter with a start, so there is no last stay to make current."""


def shifted(resources: Iterable[Resource], now: datetime, at_hour: float | None = None) -> list[Resource]:
    """Copies of one patient's resources, moved so that the last stay is current and open.

    Without `at_hour`, the last fact of the last stay lies at `now`. With it, `now` is that hour of the last stay,
    and facts that would lie in the future are left out. Raises `NoStay`.
    """
    kept = copy.deepcopy(list(resources))
    stay = last_stay(kept)
    begun = _start(stay)
    reached = begun + timedelta(hours=at_hour) if at_hour is not None else _last_fact(kept, stay, begun)
    by = (now - reached) // SECOND * SECOND
    for holder, name in [place for resource in kept for place in dates.places(resource)]:
        holder[name] = dates.moved(holder[name], by)
    _open(stay, now)
    if at_hour is not None:
        kept = [resource for resource in kept if not lies_ahead(resource, now)]
    _still_alive(kept)
    return kept


def last_stay(resources: Iterable[Resource]) -> Resource:
    """The encounter that began last."""
    stays = [one for one in resources if one.get("resourceType") == "Encounter" and _has_start(one)]
    if not stays:
        raise NoStay("no encounter with a start")
    return max(stays, key=_start)


def _has_start(encounter: Resource) -> bool:
    """Whether the stay says when it began."""
    return dates.read((encounter.get("period") or {}).get("start", "")) is not None


def _start(encounter: Resource) -> datetime:
    """When the stay began."""
    start = dates.read(encounter["period"]["start"])
    if start is None:
        raise NoStay("no encounter with a start")
    return start


def _last_fact(resources: list[Resource], stay: Resource, begun: datetime) -> datetime:
    """The newest moment among the facts of the stay; its start where there are none."""
    own = [one for one in resources if _belongs(one, stay)]
    moments = [moment for one in own for moment in happened(one)]
    return max([begun, *moments])


def _belongs(resource: Resource, stay: Resource) -> bool:
    """Whether a resource is a fact of the stay."""
    encounter = resource.get("encounter")
    reference = encounter.get("reference") if isinstance(encounter, dict) else None
    return resource.get("resourceType") not in NOT_FACTS and reference == f"Encounter/{stay['id']}"


def happened(resource: Resource) -> list[datetime]:
    """The moments at which a fact happened or became known."""
    texts = [resource[name] for name in _HAPPENED if isinstance(resource.get(name), str)]
    periods = [resource[name] for name in _PERIODS if isinstance(resource.get(name), dict)]
    texts += [period["start"] for period in periods if isinstance(period.get("start"), str)]
    return [moment for moment in map(dates.read, texts) if moment is not None]


def lies_ahead(resource: Resource, now: datetime) -> bool:
    """Whether a fact is not known yet at `now`."""
    return resource.get("resourceType") not in NOT_FACTS and any(moment > now for moment in happened(resource))


def _open(stay: Resource, now: datetime) -> None:
    """A current stay has no end, is in progress, and nobody knows how it will end."""
    stay["status"] = "in-progress"
    stay["period"].pop("end", None)
    for name in ("length", "statusHistory"):
        stay.pop(name, None)
    if isinstance(stay.get("hospitalization"), dict):
        stay["hospitalization"].pop("dischargeDisposition", None)
    stay["location"] = [place for place in stay.get("location", []) if not _begins_after(place, now)]
    for place in stay["location"]:
        end = dates.read((place.get("period") or {}).get("end", ""))
        if end is not None and end >= now:
            place["period"].pop("end")
            place["status"] = "active"
    if not stay["location"]:
        del stay["location"]


def _begins_after(place: Resource, now: datetime) -> bool:
    """Whether the patient gets to this place only later."""
    start = dates.read((place.get("period") or {}).get("start", ""))
    return start is not None and start > now


def _still_alive(resources: list[Resource]) -> None:
    """Somebody in an open stay has not died."""
    for resource in resources:
        if resource.get("resourceType") == "Patient":
            for name in ("deceasedBoolean", "deceasedDateTime"):
                resource.pop(name, None)
