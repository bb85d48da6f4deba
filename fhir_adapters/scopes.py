"""SMART scopes on FHIR resources: the one grammar for all who read a grant.

SMART App Launch 2.2.0, "Scopes and launch context": v1 `patient/Observation.read`, v2 `patient/Observation.rs`, v2 with
a filter `patient/Observation.rs?category=laboratory`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

# The rights of v1 in the letters of v2: create, read, update, delete, search.
_V1_RIGHTS = {"*": "cruds", "read": "rs", "write": "cud"}
_SCOPE = re.compile(r"(patient|user|system)/(\*|[A-Za-z]+)\.(\*|read|write|c?r?u?d?s?)(\?.+)?", re.DOTALL)


class Cover(Enum):
    """How far granted scopes reach."""

    NONE = 0
    PART = 1
    WHOLE = 2


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

    def about(self, resource_type: str) -> bool:
        """Whether it speaks of a type."""
        return self.kind in ("*", resource_type)


def parse(scope: str) -> Scope | None:
    """A scope on resources; None for one of another kind (`openid`), and for text that is no scope."""
    match = _SCOPE.fullmatch(scope)
    if match is None:
        return None
    level, kind, rights, filtered = match.groups()
    return Scope(level, kind, frozenset(_V1_RIGHTS.get(rights, rights)), filtered is not None, rights in _V1_RIGHTS)


def cover(rights: str, resource_type: str, scopes: Iterable[Scope]) -> Cover:
    """How far scopes give all of these rights on a type; two scopes may give two rights.

    What is given only with a filter (`patient/Observation.rs?category=laboratory`) is a part.
    """
    about = [one for one in scopes if one.about(resource_type)]
    if all(any(right in one.rights and not one.narrowed for one in about) for right in rights):
        return Cover.WHOLE
    partly = all(any(right in one.rights for one in about) for right in rights)
    return Cover.PART if partly else Cover.NONE


def of_the_launch(scopes: Iterable[str]) -> Iterator[Scope]:
    """Those that give somebody at the screen all of a type: of the patient or the user, without a filter."""
    parsed = (parse(scope) for scope in scopes)
    return (one for one in parsed if one is not None and one.level != "system" and not one.narrowed)
