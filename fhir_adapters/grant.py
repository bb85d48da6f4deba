"""What one call may read: from which FHIR server, with which scopes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from clinical.invocation import FhirAccess
from fhir_adapters.scopes import parse


class Cover(Enum):
    """How far granted scopes reach."""

    NONE = 0
    PART = 1
    WHOLE = 2


@dataclass(frozen=True, slots=True)
class Grant:
    """The FHIR base URL that a call is about, its access to it, and else why there is none (`obstacle`)."""

    base: str
    access: FhirAccess | None = None
    obstacle: str = ""

    @classmethod
    def of(cls, access: FhirAccess | None, bases: Sequence[str]) -> Grant:
        """Judge the access of a call by the base URLs that are registered for its client, the main one first."""
        if access is None:
            return cls(bases[0], None, "the call gives no access to a FHIR server")
        if access.base_url.rstrip("/") not in bases:
            return cls(bases[0], None, "the FHIR server of the call is not the one that is registered for this client")
        return cls(access.base_url.rstrip("/"), access)

    def for_type(self, resource_type: str) -> tuple[FhirAccess | None, str]:
        """The access that may read a type of resource, or None and why there is none."""
        if self.access is not None and cover(self.access.scopes, resource_type) is Cover.NONE:
            return None, f"the granted scopes do not cover {resource_type}"
        return self.access, self.obstacle

    def gap(self, resource_type: str) -> str:
        """What the scopes keep back of a type that may be read."""
        partly = self.access is not None and cover(self.access.scopes, resource_type) is Cover.PART
        return f"the granted scopes cover only a part of {resource_type}" if partly else ""


def cover(scopes: tuple[str, ...], resource_type: str) -> Cover:
    """How far SMART scopes (v1 `patient/X.read`, v2 `patient/X.rs`) allow to read and search a resource type.

    A v2 scope with a filter (`patient/Observation.rs?category=laboratory`) covers a part.
    """
    given = [one for one in map(parse, scopes) if one is not None and one.lets("rs", resource_type)]
    if not given:
        return Cover.NONE
    return Cover.PART if all(one.narrowed for one in given) else Cover.WHOLE
