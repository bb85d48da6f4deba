"""What the readers of Conditions, medicines and procedures share: what they read with, and how they refuse.

Times here are not measurements, so less than a moment will do (`times.fhir_start`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from clinical.errors import ChartsideError
from clinical.record import Coding, SetAsideReason
from fhir_adapters.decode import Json, codings, member, members, named, text
from fhir_adapters.http.links import Links
from fhir_adapters.times import FAR_FUTURE, fhir_end, fhir_start


class NotUsed(ChartsideError):
    """The rules of the record refuse an entry. The message is the detail of its `SetAside`."""

    def __init__(self, reason: SetAsideReason, detail: str) -> None:
        """Keep the reason."""
        super().__init__(detail)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Concept:
    """What an entry is about. `told` is False where a reference that says so leads nowhere."""

    codings: tuple[Coding, ...]
    text: str
    told: bool = True


@dataclass(frozen=True, slots=True)
class Entry:
    """One valid resource: its own name, the moment of the call, and what its references stand for.

    `medicines` are the Medication resources of the call, by name.
    """

    resource: Json
    name: str
    now: datetime
    links: Links
    medicines: Mapping[str, Json]

    def concept(self, name: str) -> Concept:
        """A member that is a CodeableConcept."""
        found = self.resource.get(name)
        return Concept(codings(found), named(found))

    def stay(self, name: str) -> str:
        """The Encounter that a member refers to, or an empty string."""
        found = self.links.target(text(member(self.resource, name, "reference")))
        return found if found.startswith("Encounter/") else ""

    def start(self, *path: str) -> datetime | None:
        """When something began; None where nothing is said. Raises `NotUsed` for the future and for what is no date."""
        value = member(self.resource, *path)
        found = fhir_start(value, self.now)
        if found is None and value is not None:
            raise NotUsed(SetAsideReason.NO_TIME, "its date cannot be read")
        if found is not None and found > self.now:
            raise NotUsed(SetAsideReason.FUTURE, "its time lies in the future")
        return found

    def period(self, name: str) -> tuple[datetime | None, datetime | None]:
        """A Period; its end may lie in the future. Raises `NotUsed` as `start` does, and where it ends too early."""
        start, sent = self.start(name, "start"), member(self.resource, name, "end")
        end = fhir_end(sent)
        if end is None and sent is not None:
            raise NotUsed(SetAsideReason.NO_TIME, "its date cannot be read")
        if start is not None and end is not None and end < start:
            raise NotUsed(SetAsideReason.NO_TIME, "its period ends before it begins")
        return start, None if end is not None and end.year >= FAR_FUTURE else end


def states(entry: Entry, name: str, system: str) -> frozenset[str] | None:
    """The codes of one of FHIR's own status concepts; None where the member is absent.

    Raises `NotUsed` where it is there and holds no code of FHIR's: the binding is required, and a guess could be wrong.
    """
    concept = entry.resource.get(name)
    if concept is None:
        return None
    found = frozenset(text(row.get("code")) for row in members(concept, "coding") if row.get("system") == system)
    if not found or "" in found:
        raise unknown_state(name)
    return found


def unknown_state(name: str) -> NotUsed:
    """A status that FHIR does not know. `name` is the member's, in plain words for people."""
    words = "".join(f" {char.lower()}" if char.isupper() else char for char in name)
    return NotUsed(SetAsideReason.STATUS, f"its {words} is not one of FHIR's")


def usable_status(entry: Entry, usable: frozenset[str], *, never: Mapping[str, str], unclear: Mapping[str, str]) -> str:
    """The status of an entry. Raises `NotUsed` for any other than the usable ones, with what it says.

    Those of `never` say that nothing took place; those of `unclear` leave it open.
    """
    status = text(entry.resource.get("status"))
    if status in usable:
        return status
    if status in never:
        raise NotUsed(SetAsideReason.VOID, never[status])
    if status in unclear:
        raise NotUsed(SetAsideReason.STATUS, unclear[status])
    raise unknown_state("status")
