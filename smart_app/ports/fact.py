"""What the page of one source fact needs from outside its room; the factory hands it over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from smart_app.ports.ehr import Visit


@dataclass(frozen=True, slots=True)
class SourceFact:
    """One resource as the EHR has it now, in words; a text that it does not have is empty.

    `type` is the FHIR type ("Observation"), `code` what it is about, `value` what it says with its unit (of a panel, of
    all its parts, joined), `reference_range` the laboratory's own, `performer` who made it. Narrative is never in it.
    `taken_back` says that by its codes it does not hold any more (entered in error, refuted).
    """

    type: str
    code: str
    value: str
    time: datetime | None
    status: str
    performer: str = ""
    reference_range: str = ""
    taken_back: bool = False


class FactSource(Protocol):
    """Reads one resource for a page that is open."""

    def read_fact(self, visit: Visit, reference: str) -> SourceFact:
        """Read `Type/id` with the visit's access.

        Raises `DataUnavailable` (also where the EHR does not have it any more), `NotAllowed`, or `WrongPatient` where
        the resource is not about the visit's patient.
        """
        ...
