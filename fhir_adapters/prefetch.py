"""What a caller already sent: one prefetch value → resources, or the statement that it is no answer.

A present null means "asked, no data" (CDS Hooks 2.0.1, "Prefetch template"); an absent key and an OperationOutcome
mean "not provided"; a bundle with a next link is only a part.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from clinical.errors import MalformedRequest
from fhir_adapters.decode import Json, member, members, text


@dataclass(frozen=True, slots=True)
class Page:
    """The resources of one answer, each with its fullUrl, and the link to the next page."""

    resources: tuple[tuple[str, Json], ...]
    next_url: str = ""


def page_of(key: str, value: object) -> Page | None:
    """Read a resource, a searchset or null. None means that the data were not provided."""
    if value is None:
        return Page(())
    if not isinstance(value, Mapping) or not text(value.get("resourceType")):
        raise MalformedRequest(f"Prefetch '{key}' is neither a FHIR resource nor null.")
    if value["resourceType"] == "OperationOutcome":
        return None
    if value["resourceType"] != "Bundle":
        return Page((("", value),))
    entries = value.get("entry")
    if entries is not None and (isinstance(entries, str) or not isinstance(entries, Sequence)):
        raise MalformedRequest(f"The bundle in prefetch '{key}' has an entry member that is not a list.")
    following = next((text(link.get("url")) for link in members(value, "link") if link.get("relation") == "next"), "")
    return Page(tuple(_resources(value)), following)


def _resources(bundle: Json) -> Iterator[tuple[str, Json]]:
    """The resources of a bundle. Entries without one are kept as empty objects, so that they are counted."""
    entries = bundle.get("entry")
    for entry in entries if isinstance(entries, Sequence) else ():
        resource = member(entry, "resource")
        if member(resource, "resourceType") == "OperationOutcome":
            continue
        yield text(member(entry, "fullUrl")), resource if isinstance(resource, Mapping) else {}
