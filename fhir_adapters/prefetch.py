"""What a caller or a server sent as the answer to one query: its resources, or the statement that it is no answer.

In a prefetch a present null means "asked, no data", as an empty bundle does (CDS Hooks 2.0.1, "Prefetch template"). An
absent key, an OperationOutcome and a resource of another type mean "not provided"; a bundle with a next link is a part.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from clinical.errors import ChartsideError, MalformedRequest
from clinical.need import DataNeed
from fhir_adapters.decode import Json, member, members, text

# Stands for a next link that is there and cannot be followed; it lies under no FHIR base.
UNUSABLE_LINK = "unusable:"
MAX_KEYS = 200
MAX_ENTRIES = 5_000
_NOT_READ = ("Bundle", "OperationOutcome")
# A resource with the fullUrl of its bundle entry ("" where there is none).
Row = tuple[str, Json]


class NotAnAnswer(ChartsideError):
    """A JSON value that cannot be read as a FHIR answer. The message goes on after "The answer "."""


@dataclass(frozen=True, slots=True)
class Page:
    """The resources of one answer, the link to the next page, and what is wrong with it.

    `unread` are resources that came along and are not read (in bundles within the bundle, reports of errors).
    """

    resources: tuple[Row, ...] = ()
    next_url: str = ""
    gaps: tuple[str, ...] = ()
    unread: tuple[Row, ...] = ()


@dataclass(frozen=True, slots=True)
class Absent:
    """Nothing was provided, and why one can say so. `unread` as in `Page`."""

    why: str
    unread: tuple[Row, ...] = ()


def sent_for(need: DataNeed, prefetch: Mapping[str, object]) -> Page | Absent:
    """What a prefetch brought for a need. Raises `MalformedRequest` for what is neither a FHIR resource nor null."""
    if need.key not in prefetch:
        return Absent("not in the prefetch")
    try:
        return page_of(prefetch[need.key], need.resource_type)
    except NotAnAnswer as fault:
        raise MalformedRequest(f"Prefetch '{need.key}' {fault.message}.") from None


def sent_unasked(needs: Sequence[DataNeed], prefetch: Mapping[str, object]) -> Iterator[Row]:
    """The resources under keys that no need names. Raises `MalformedRequest` for too many keys."""
    if len(prefetch) > MAX_KEYS:
        raise MalformedRequest(f"The prefetch has more than {MAX_KEYS} keys.")
    asked = {need.key for need in needs}
    for key, value in prefetch.items():
        if key not in asked:
            yield from rows_of(value)


def page_of(value: object, resource_type: str) -> Page | Absent:
    """Read a bundle, or a resource of the type that was asked for. Raises `NotAnAnswer`."""
    if value is None:
        return Page()
    kind = text(member(value, "resourceType"))
    if not isinstance(value, dict) or not kind:
        raise NotAnAnswer("is neither a FHIR resource nor null")
    if kind == resource_type:
        return Page((("", value),))
    if kind == "OperationOutcome":
        return Absent("answered in the prefetch with an OperationOutcome instead", tuple(rows_of(value)))
    if kind != "Bundle":
        return Absent("answered in the prefetch with a resource of another type", tuple(rows_of(value)))
    return _bundle(value)


def rows_of(value: object) -> Iterator[Row]:
    """Every resource of an answer, also in bundles within bundles, whatever its type; other values hold none."""
    if not isinstance(value, dict):
        return
    if value.get("resourceType") != "Bundle":
        yield "", value
        return
    for entry in members(value, "entry"):
        resource = entry.get("resource")
        if member(resource, "resourceType") == "Bundle":
            yield from rows_of(resource)
        elif isinstance(resource, dict):
            yield text(entry.get("fullUrl")), resource


def _bundle(bundle: Json) -> Page:
    """Read a bundle. Entries without a resource are kept as empty objects, so that they are counted."""
    entries = bundle.get("entry", [])
    if not isinstance(entries, list) and entries is not None:
        raise NotAnAnswer("is a bundle with an entry member that is not a list")
    if entries and len(entries) > MAX_ENTRIES:
        raise NotAnAnswer(f"is a bundle with more than {MAX_ENTRIES} entries")
    resources: list[Row] = []
    unread: list[Row] = []
    gaps: list[str] = []
    for entry in entries or []:
        full_url, resource = _row(entry)
        kind = resource.get("resourceType")
        if kind is None or kind in _NOT_READ:
            gaps.append(_gap(kind, resource))
        if kind in _NOT_READ:
            unread.extend(rows_of(resource))
        else:
            resources.append((full_url, resource))
    following = _next(bundle)
    gaps.extend(_shortfall(bundle, len(resources), following))
    return Page(tuple(resources), following, tuple(dict.fromkeys(filter(None, gaps))), tuple(unread))


def _row(entry: object) -> Row:
    """The resource of an entry; an empty object where there is none."""
    if not isinstance(entry, dict):
        return "", {}
    resource = entry.get("resource")
    return text(entry.get("fullUrl")), resource if isinstance(resource, dict) else {}


def _gap(kind: object, resource: object) -> str:
    """What an entry shows to be missing from its bundle."""
    if kind is None:
        return "it holds an entry without a resource"
    if kind == "Bundle":
        return "it holds a bundle within a bundle, which is not read"
    return "it holds a report of an error" if kind == "OperationOutcome" and _is_error(resource) else ""


def _is_error(outcome: object) -> bool:
    """Whether an OperationOutcome is more than a remark."""
    return any(issue.get("severity") in ("error", "fatal") for issue in members(outcome, "issue"))


def _next(bundle: Json) -> str:
    """The next link, if there is one."""
    links = bundle.get("link")
    if links is None:
        return ""
    if not isinstance(links, list):
        return UNUSABLE_LINK
    found = [link for link in members(bundle, "link") if link.get("relation") == "next"]
    return (text(found[0].get("url")) or UNUSABLE_LINK) if found else ""


def _shortfall(bundle: Json, kept: int, following: str) -> Iterator[str]:
    """Whether a bundle says that there is more than it holds."""
    total = bundle.get("total")
    if not following and isinstance(total, int) and not isinstance(total, bool) and total > kept:
        yield "it says that there is more than it holds"
