"""Nulls and empty members, which CDS Hooks forbids in what a service sends (2.0.1, "Preliminaries")."""

from __future__ import annotations

from collections.abc import Iterator


def nulls(value: object, path: str, *, in_resource: bool = False) -> Iterator[str]:
    """The path of every null. FHIR JSON may hold null inside an array of primitives, so those pass in a resource."""
    if isinstance(value, dict):
        resource = in_resource or "resourceType" in value
        for name, member in value.items():
            if member is None:
                yield f"{path}.{name}"
            yield from nulls(member, f"{path}.{name}", in_resource=resource)
    elif isinstance(value, list):
        for index, member in enumerate(value):
            if member is None and not in_resource:
                yield f"{path}[{index}]"
            yield from nulls(member, f"{path}[{index}]", in_resource=in_resource)


def empties(value: object, path: str, allowed: str) -> Iterator[str]:
    """The path of every empty string, array and object, but for the one array that may be empty."""
    if value in ("", {}) or (value == [] and path != allowed):
        yield path
    elif isinstance(value, dict):
        for name, member in value.items():
            yield from empties(member, f"{path}.{name}", allowed)
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from empties(member, f"{path}[{index}]", allowed)
