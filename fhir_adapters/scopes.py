"""SMART scopes on FHIR resources: the one grammar for all who read a grant.

SMART App Launch 2.2.0, "Scopes and launch context": v1 `patient/Observation.read`, v2 `patient/Observation.rs`, v2 with
a filter `patient/Observation.rs?category=laboratory`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

# The rights of v1 in the letters of v2: create, read, update, delete, search.
_V1_RIGHTS = {"*": "cruds", "read": "rs", "write": "cud"}
_SCOPE = re.compile(r"(patient|user|system)/(\*|[A-Za-z]+)\.(\*|read|write|c?r?u?d?s?)(\?.+)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Scope:
    """What one scope lets do: `level` is patient, user or system, `kind` a resource type or `*`.

    `rights` are letters of `cruds`, whichever form the scope was written in; `old` says that this was v1. With a filter
    it is `narrowed` to a part of the type.
    """

    level: str
    kind: str
    rights: frozenset[str]
    narrowed: bool
    old: bool

    def lets(self, rights: str, resource_type: str) -> bool:
        """Whether all of these rights are given on a type, or on a part of it."""
        return self.kind in ("*", resource_type) and set(rights) <= self.rights


def parse(scope: str) -> Scope | None:
    """A scope on resources; None for one of another kind (`openid`), and for text that is no scope."""
    match = _SCOPE.fullmatch(scope)
    if match is None:
        return None
    level, kind, rights, filtered = match.groups()
    return Scope(level, kind, frozenset(_V1_RIGHTS.get(rights, rights)), filtered is not None, rights in _V1_RIGHTS)


def of_the_launch(scopes: Iterable[str]) -> Iterator[Scope]:
    """Those that give somebody at the screen all of a type: of the patient or the user, without a filter."""
    parsed = (parse(scope) for scope in scopes)
    return (one for one in parsed if one is not None and one.level != "system" and not one.narrowed)
