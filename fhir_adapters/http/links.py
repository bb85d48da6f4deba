"""What the references in one answer stand for: `Type/id` on this server, whichever way they are written."""

from __future__ import annotations

import re
from collections.abc import Sequence

from fhir_adapters.decode import reference_of
from fhir_adapters.identity import PatientGuard
from fhir_adapters.prefetch import Row

# FHIR R4 references.html#literal, without a version.
_RELATIVE = re.compile(r"[A-Z][A-Za-z]{1,40}/(?!\.+\Z)[A-Za-z0-9\-.]{1,64}", re.ASCII)


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
        if _RELATIVE.fullmatch(plain):
            return plain
        if self._local is None:
            self._local = {url: reference_of(resource) for url, resource in self._rows if url and resource.get("id")}
        tail = self._guard.relative(plain)
        return self._local.get(plain) or (tail if _RELATIVE.fullmatch(tail) else "")
