"""Mischief in what is granted, and in what the response says was granted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import cast

from ehr_simulator.authorization.mischief.board import Mischief
from ehr_simulator.authorization.scopes import form_of, parse

Who = tuple[str, ...]


def granted(scope: str, mischief: Mischief, who: Who) -> str:
    """What the token really allows."""
    exact = mischief.value("exact_scope", who, default="")
    if exact is not None:
        return str(exact)
    scope = _without(scope, mischief.value("narrower_scope", who, default=("patient/Observation",)))
    if mischief.on("other_form", who):
        scope = " ".join(dict.fromkeys(map(_in_other_form, scope.split())))
    return scope


def renewed(scope: str, mischief: Mischief, who: Who) -> str:
    """What the token of a refresh really allows."""
    return _without(scope, mischief.value("narrower_renewal", who, default=("patient/Observation",)))


def _without(scope: str, beginnings: object) -> str:
    """A scope without what begins with a text, or with one of several; None leaves it as it is."""
    if beginnings is None:
        return scope
    refused = (beginnings,) if isinstance(beginnings, str) else tuple(map(str, cast("Iterable[object]", beginnings)))
    return " ".join(text for text in scope.split() if not text.startswith(refused))


def _in_other_form(text: str) -> str:
    """A clinical scope in the other version; version 1 cannot say less than reading or writing as a whole."""
    parsed = parse(text)
    if parsed is None:
        return text
    if form_of(text) == "v1":
        return f"{parsed.level}/{parsed.resource_type}.{parsed.verbs}"
    reads, writes = bool(set(parsed.verbs) & set("rs")), bool(set(parsed.verbs) & set("cud"))
    word = "*" if reads and writes else "read" if reads else "write"
    return f"{parsed.level}/{parsed.resource_type}.{word}"


def twist(body: Mapping[str, object], mischief: Mischief, who: Who) -> dict[str, object]:
    """What the response says about the scope."""
    twisted = dict(body)
    if mischief.on("empty_scope", who):
        twisted["scope"] = ""
    if mischief.on("no_scope", who):
        twisted.pop("scope", None)
    return twisted
