"""The patient banner in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo

from clinical import wording
from clinical.record import completed_years
from smart_app.ports.ehr import Banner


@dataclass(frozen=True, slots=True)
class Person:
    """The patient banner in words."""

    name: str
    birth: str
    age: str
    sex: str


def person(banner: Banner, now: datetime, zone: tzinfo) -> Person:
    """The banner; what the record does not say is said."""
    born = banner.birth_date
    years = None if born is None else completed_years(born, now.astimezone(zone).date())
    return Person(
        name=banner.name or "Name not recorded",
        birth="Birth date not recorded" if born is None else f"born {wording.day(born)}",
        age="age not known" if years is None else f"{years} years",
        sex=banner.sex or "sex not recorded",
    )
