"""SMART scopes, version 1 and 2 (SMART App Launch 2.2, "Scopes and Launch Context")."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

READ = "r"
SEARCH = "s"
CREATE = "c"
UPDATE = "u"

_SCOPE = re.compile(r"(?P<level>patient|user)/(?P<type>[A-Z][A-Za-z]+|\*)\.(?P<verbs>read|write|\*|c?r?u?d?s?)")
_VERSION_1 = {"read": "rs", "write": "cud", "*": "cruds"}
_PLAIN = frozenset(
    {"openid", "fhirUser", "profile", "launch", "launch/patient", "launch/encounter", "online_access", "offline_access"}
)
_IDENTITY = frozenset({"openid", "fhirUser", "profile"})
_EHR_LAUNCH_ONLY = frozenset({"launch", "online_access"})


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


def form_of(text: str) -> str:
    """`v1` or `v2` for a clinical scope."""
    return "v1" if text.rpartition(".")[2] in _VERSION_1 else "v2"


def grantable(requested: str, writes: Iterable[str] = (), forms: Iterable[str] = ("v1", "v2")) -> str:
    """What is granted of a requested scope string, each scope in the form it was asked for.

    Plain scopes that are known; clinical ones in the forms that are offered, cut down to reading except on the types
    of `writes`. A writing wildcard is granted type by type, or as it is where `writes` holds "*". Deleting never is.
    """
    able, offered = tuple(writes), tuple(forms)
    granted = (part for text in requested.split() for part in _granted(text, able, offered))
    return " ".join(dict.fromkeys(granted))


def _granted(text: str, writes: tuple[str, ...], forms: tuple[str, ...]) -> list[str]:
    """The scopes that are granted for one that was asked for."""
    if text in _PLAIN:
        return [text]
    scope = parse(text)
    if scope is None or form_of(text) not in forms:
        return []
    version_1 = form_of(text) == "v1"
    if scope.level == "patient" and ("*" in writes or scope.resource_type in writes):
        kept = scope.verbs.replace("d", "")
        return [text] if version_1 else [f"patient/{scope.resource_type}.{kept}"] * bool(kept)
    return _reading(scope, version_1=version_1) + _writing(scope, writes, version_1=version_1)


def _reading(scope: Scope, *, version_1: bool) -> list[str]:
    """The reading part of a scope."""
    verbs = "".join(verb for verb in scope.verbs if verb in (READ, SEARCH))
    if not verbs:
        return []
    return [f"{scope.level}/{scope.resource_type}.{'read' if version_1 else verbs}"]


def _writing(scope: Scope, writes: tuple[str, ...], *, version_1: bool) -> list[str]:
    """The writing part of a wildcard, for each type that may be written."""
    verbs = "".join(verb for verb in scope.verbs if verb in (CREATE, UPDATE))
    if not verbs or scope.level != "patient" or scope.resource_type != "*":
        return []
    return [f"patient/{kind}.{'write' if version_1 else verbs}" for kind in writes]


def only_identity(granted: str) -> str:
    """What remains for an app that opens no chart."""
    return " ".join(text for text in granted.split() if text in _IDENTITY)


def standalone_part(granted: str) -> str:
    """What remains in a launch without an EHR session."""
    return " ".join(text for text in granted.split() if text not in _EHR_LAUNCH_ONLY)


def needs_patient(granted: str) -> bool:
    """Whether a patient must be chosen in a standalone launch."""
    return any(text.startswith(("launch/", "patient/")) for text in granted.split())


def allowed_levels(granted: str, resource_type: str, verb: str) -> frozenset[str]:
    """The levels (`patient`, `user`) at which the granted scopes allow an interaction on a type."""
    scopes = filter(None, map(parse, granted.split()))
    return frozenset(scope.level for scope in scopes if scope.covers(resource_type, verb))
