"""What one call may read: from which FHIR server, with which scopes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from clinical.invocation import FhirAccess
from fhir_adapters.scopes import Cover, cover, parse


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
        if self.access is not None and self._cover(resource_type) is Cover.NONE:
            return None, f"the granted scopes do not cover {resource_type}"
        return self.access, self.obstacle

    def gap(self, resource_type: str) -> str:
        """What the scopes keep back of a type that may be read."""
        partly = self.access is not None and self._cover(resource_type) is Cover.PART
        return f"the granted scopes cover only a part of {resource_type}" if partly else ""

    def _cover(self, resource_type: str) -> Cover:
        """How far the scopes of the access allow to read and search a type."""
        scopes = () if self.access is None else self.access.scopes
        return cover("rs", resource_type, (one for one in map(parse, scopes) if one is not None))
