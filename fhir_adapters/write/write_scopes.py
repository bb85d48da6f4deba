"""Whether a visit may write a risk (SMART App Launch 2.2.0, "Scopes and launch context")."""

from __future__ import annotations

import re
from collections.abc import Iterable

WRITTEN = ("RiskAssessment", "Provenance")
_SCOPE = re.compile(r"(?:patient|user)/(\*|[A-Za-z]+)\.(\*|read|write|c?r?u?d?s?)")
_RIGHTS = {"*": "cruds", "read": "rs", "write": "cud"}


def can_write(scopes: Iterable[str]) -> tuple[str, ...]:
    """Those of the two types that may be created and read back. A scope with a filter gives neither.

    What is written is read back, so leave to create alone is not enough (`smart_scopes.creatable` asks for that alone).
    """
    rights = {resource_type: set[str]() for resource_type in WRITTEN}
    for match in filter(None, map(_SCOPE.fullmatch, scopes)):
        for resource_type in rights if match[1] == "*" else rights.keys() & {match[1]}:
            rights[resource_type] |= set(_RIGHTS.get(match[2], match[2]))
    return tuple(resource_type for resource_type in WRITTEN if {"c", "r"} <= rights[resource_type])
