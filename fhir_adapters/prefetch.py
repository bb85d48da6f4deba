"""What a caller or a server sent as the answer to one query: its resources, or the statement that it is no answer.

In a prefetch a present null means "asked, no data" (CDS Hooks 2.0.1, "Prefetch template"). An absent key, an
OperationOutcome and a resource of another type mean "not provided"; a bundle with a next link is only a part.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from clinical.errors import MalformedRequest
from fhir_adapters.decode import Json, member, members, text

# Stands for a next link that is there and cannot be followed; it lies under no FHIR base.
UNUSABLE_LINK = "unusable:"


@dataclass(frozen=True, slots=True)
class Page:
    """The resources of one answer, each with its fullUrl, the link to the next page, and what is wrong with it."""

    resources: tuple[tuple[str, Json], ...]
    next_url: str = ""
    gaps: tuple[str, ...] = ()


def page_of(key: str, value: object, resource_type: str) -> Page | None:
    """Read a bundle, or a resource of the type that was asked for; None means that the data were not provided.

    Raises `MalformedRequest` for what is neither resource nor null.
    """
    if value is None:
        return Page(())
    if not isinstance(value, Mapping) or not text(value.get("resourceType")):
        raise MalformedRequest(f"Prefetch '{key}' is neither a FHIR resource nor null.")
    if value["resourceType"] == resource_type:
        return Page((("", value),))
    if value["resourceType"] != "Bundle":
        return None
    entries = value.get("entry")
    if entries is not None and (isinstance(entries, str) or not isinstance(entries, Sequence)):
        raise MalformedRequest(f"The bundle in prefetch '{key}' has an entry member that is not a list.")
    resources = tuple(_resources(value))
    following = _next(value)
    return Page(resources, following, tuple(dict.fromkeys(_gaps(value, len(resources), following))))


def _resources(bundle: Json) -> Iterator[tuple[str, Json]]:
    """The resources of a bundle. Entries without one are kept as empty objects, so that they are counted."""
    for entry in _entries(bundle):
        resource = member(entry, "resource")
        if member(resource, "resourceType") not in ("OperationOutcome", "Bundle"):
            yield text(member(entry, "fullUrl")), resource if isinstance(resource, Mapping) else {}


def _entries(bundle: Json) -> Sequence[object]:
    """The entries."""
    entries = bundle.get("entry")
    return entries if isinstance(entries, Sequence) else ()


def _next(bundle: Json) -> str:
    """The next link, if there is one."""
    links = bundle.get("link")
    if links is None:
        return ""
    if not isinstance(links, Sequence) or isinstance(links, str):
        return UNUSABLE_LINK
    found = [link for link in members(bundle, "link") if link.get("relation") == "next"]
    return (text(found[0].get("url")) or UNUSABLE_LINK) if found else ""


def _gaps(bundle: Json, kept: int, following: str) -> Iterator[str]:
    """What shows that a bundle does not hold all it should."""
    for entry in _entries(bundle):
        resource = member(entry, "resource")
        kind = member(resource, "resourceType")
        if kind == "Bundle":
            yield "it holds a bundle within a bundle, which is not read"
        elif kind == "OperationOutcome" and _is_error(resource):
            yield "it holds a report of an error"
        elif kind is None:
            yield "it holds an entry without a resource"
    total = bundle.get("total")
    if not following and isinstance(total, int) and not isinstance(total, bool) and total > kept:
        yield "it says that there is more than it holds"


def _is_error(outcome: object) -> bool:
    """Whether an OperationOutcome is more than a remark."""
    issues = members(outcome, "issue")
    return any(issue.get("severity") in ("error", "fatal") for issue in issues)
