"""What the references in one answer stand for: `Type/id` on this server, whichever way they are written."""

from __future__ import annotations

from collections.abc import Sequence

from fhir_adapters.decode import reference_of
from fhir_adapters.identity import PatientGuard
from fhir_adapters.ids import RELATIVE
from fhir_adapters.prefetch import Row


class Links:
    """The references of one answer. Its local names (`urn:uuid:`) hold within it only.

    A reference to another server, to a contained resource, or by identifier or display alone stands for nothing here.
    """

    __slots__ = ("_guard", "_local", "_rows")

    def __init__(self, rows: Sequence[Row], guard: PatientGuard) -> None:
        """Take the rows of the answer; they are looked through when the first local name is met."""
        self._rows = rows
        self._guard = guard
        self._local: dict[str, str] | None = None

    def target(self, reference: str) -> str:
        """The name of what a literal reference points to, or an empty string."""
        plain = reference.partition("/_history/")[0]
        if RELATIVE.fullmatch(plain):
            return plain
        if self._local is None:
            self._local = {url: reference_of(resource) for url, resource in self._rows if url and resource.get("id")}
        tail = self._guard.relative(plain)
        return self._local.get(plain) or (tail if RELATIVE.fullmatch(tail) else "")
