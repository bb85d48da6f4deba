"""SMART scopes, version 1 and 2 (SMART App Launch 2.2, "Scopes and Launch Context")."""

from __future__ import annotations

import re
from dataclasses import dataclass

READ = "r"
SEARCH = "s"

_SCOPE = re.compile(r"(?P<level>patient|user)/(?P<type>[A-Z][A-Za-z]+|\*)\.(?P<verbs>read|write|\*|c?r?u?d?s?)")
_VERSION_1 = {"read": "rs", "write": "cud", "*": "cruds"}
_PLAIN = frozenset({"openid", "fhirUser", "profile", "launch"})


@dataclass(frozen=True, slots=True)
class Scope:
    """Leave for some interactions (letters of `cruds`) on one resource type, or on all of them (`*`)."""

    level: str
    resource_type: str
    verbs: str

    def covers(self, resource_type: str, verb: str) -> bool:
        """Whether this scope allows the interaction."""
        return self.resource_type in ("*", resource_type) and verb in self.verbs


def parse(text: str) -> Scope | None:
    """One clinical scope, or None for anything else. A scope with `?param=value` is not supported, so not granted."""
    found = _SCOPE.fullmatch(text)
    if found is None or not found["verbs"]:
        return None
    return Scope(found["level"], found["type"], _VERSION_1.get(found["verbs"], found["verbs"]))


def grantable(requested: str) -> str:
    """What is granted of a requested scope string: plain scopes that are known, clinical ones cut down to reading."""
    granted = [text for text in dict.fromkeys(map(_reading_only, requested.split())) if text]
    return " ".join(granted)


def _reading_only(text: str) -> str:
    """The scope with its writing part taken away, in the form it was asked for; empty if nothing is left."""
    if text in _PLAIN:
        return text
    scope = parse(text)
    if scope is None:
        return ""
    if text.endswith((".read", ".*")):
        return f"{scope.level}/{scope.resource_type}.read"
    verbs = "".join(verb for verb in scope.verbs if verb in (READ, SEARCH))
    return f"{scope.level}/{scope.resource_type}.{verbs}" if verbs else ""


def allowed_levels(granted: str, resource_type: str, verb: str) -> frozenset[str]:
    """The levels (`patient`, `user`) at which the granted scopes allow an interaction on a type."""
    scopes = filter(None, map(parse, granted.split()))
    return frozenset(scope.level for scope in scopes if scope.covers(resource_type, verb))
