"""One copy of each resource of a call: of two, the newer counts, whichever came first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from clinical.record import Source
from fhir_adapters.decode import Json, newer, reference_of
from fhir_adapters.http.links import Links


@dataclass(slots=True)
class Copy:
    """One resource as it came. `named` says whether it names the patient; `links` resolve its references."""

    kind: str
    resource: Json
    source: Source
    named: bool
    links: Links


class Copies:
    """Keeps one copy of each resource, by type and name.

    `conflicts` are the names of those that came in versions that differ, where nothing says which is newer.
    """

    def __init__(self) -> None:
        """Start with none."""
        self._kept: dict[str, dict[str, Copy]] = defaultdict(dict)
        self.conflicts: set[str] = set()

    def add(self, full_url: str, copy: Copy) -> None:
        """Keep the newer of two copies; where that cannot be told, the resource is in conflict."""
        kept, name = self._kept[copy.kind], copy.resource.get("id")
        # As `reference_of`, for what nearly all have.
        key = f"{copy.kind}/{name}" if name and isinstance(name, str) else self._key(full_url, copy.resource)
        known = kept.setdefault(key, copy)
        if known is copy:
            return
        chosen = newer(known.resource, copy.resource)
        if chosen is None:
            self.conflicts.add(key)
        elif chosen is copy.resource:
            kept[key] = copy

    def _key(self, full_url: str, resource: Json) -> str:
        """The name of a resource without an id that can be read.

        Two resources without an id are two resources: what tells them apart is their place in the answer.
        """
        name = reference_of(resource)
        return name if resource.get("id") else full_url or f"{name} {sum(map(len, self._kept.values()))}"

    def of(self, kind: str) -> Iterable[tuple[str, Copy]]:
        """The copies of one type, each with its name."""
        return self._kept[kind].items() if kind in self._kept else ()
