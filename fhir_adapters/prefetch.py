"""What a caller or a server sent as the answer to one query: its resources, or the statement that it is no answer.

In a prefetch a present null means "asked, no data", as an empty bundle does (CDS Hooks 2.0.1, "Prefetch template"). An
absent key, an OperationOutcome and a resource of another type mean "not provided"; a bundle with a next link is a part.
A bundle that cannot be read to its end, or that says that it may not be whole, has a gap: what is missing from it must
not look as if the patient did not have it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from clinical.errors import ChartsideError, MalformedRequest
from clinical.need import DataNeed
from fhir_adapters.decode import Json, member, members, text
from fhir_adapters.resource_types import RESOURCE_TYPES

# Stands for a next link that is there and cannot be followed; it lies under no FHIR base.
UNUSABLE_LINK = "unusable:"
MAX_KEYS = 200
MAX_ENTRIES = 5_000
_NOT_READ = frozenset({"Bundle", "OperationOutcome", "Parameters"})
_READ = RESOURCE_TYPES - _NOT_READ
# What a server adds to the matches of a search, which alone its total counts (FHIR R4 Bundle.total, SearchEntryMode).
_ADDED = ("include", "outcome")
_REMARKS = ("warning", "information")
# FHIR R4 issue-type, whatever the severity: by these definitions data may not have been returned. `security` and
# `transient` with all below them (access refused; a source down, late, locked or busy), and `too-costly` (stopped
# before the end). The others are about what was asked (`invalid`, `not-supported`, `processing`) or about neither.
_MAY_LACK = frozenset(
    {
        *("security", "login", "unknown", "expired", "forbidden", "suppressed"),
        *("transient", "lock-error", "no-store", "exception", "timeout", "incomplete", "throttled"),
        "too-costly",
    }
)
# A resource with the fullUrl of its bundle entry ("" where there is none).
Row = tuple[str, Json]


class NotAnAnswer(ChartsideError):
    """A JSON value that cannot be read as a FHIR answer. The message goes on after "The answer "."""


@dataclass(frozen=True, slots=True)
class Page:
    """The resources of one answer, the link to the next page, and what is wrong with it.

    `unread` are resources that came along and are not read (in bundles within the bundle, reports of errors).
    `matches` is how many entries the search itself found: of the type asked for, and not added by the server.
    """

    resources: tuple[Row, ...] = ()
    next_url: str = ""
    gaps: tuple[str, ...] = ()
    unread: tuple[Row, ...] = ()
    matches: int = 0


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


def page_of(value: object, resource_type: str, before: int = 0) -> Page | Absent:
    """Read a bundle, or a resource of the type that was asked for. Raises `NotAnAnswer`.

    `before` is how many matches stood on the pages before this one.
    """
    if value is None:
        return Page()
    kind = text(member(value, "resourceType"))
    if not isinstance(value, dict) or not kind:
        raise NotAnAnswer("is neither a FHIR resource nor null")
    if kind == resource_type:
        return Page((("", value),), matches=1)
    if kind == "OperationOutcome":
        return Absent("answered in the prefetch with an OperationOutcome instead", tuple(rows_of(value)))
    if kind != "Bundle":
        return Absent("answered in the prefetch with a resource of another type", tuple(rows_of(value)))
    return _bundle(value, resource_type, before)


def rows_of(value: object) -> Iterator[Row]:
    """Every resource of an answer, whatever its type, also in bundles within bundles and in Parameters.

    What is no resource is looked through for resources: a list, or an object around them. Other values hold none.
    """
    if not isinstance(value, dict):
        yield from _within(value)
        return
    kind = value.get("resourceType")
    if kind != "Bundle":
        yield "", value
        yield from _inner(value, kind)
        return
    for entry in members(value, "entry"):
        resource = entry.get("resource")
        if isinstance(resource, dict) and resource.get("resourceType") != "Bundle":
            yield text(entry.get("fullUrl")), resource
            yield from _inner(resource, resource.get("resourceType"))
        else:
            yield from rows_of(resource)


def _inner(value: Json, kind: object) -> Iterator[Row]:
    """The resources within an object other than a bundle: in Parameters, and in what has no type that FHIR knows.

    Contained ones are the guard's, by rules of their own.
    """
    if kind == "Parameters" or not isinstance(kind, str) or kind not in RESOURCE_TYPES:
        for name, inner in value.items():
            if name != "contained":
                yield from map(_nobody, _within(inner)) if kind == "Parameters" else _within(inner)


def _nobody(row: Row) -> Row:
    """A Patient without an id in Parameters describes somebody who is looked for (`$match`), and names nobody.

    Without its type it is not taken for a patient; whom it refers to is still looked at.
    """
    full_url, resource = row
    if resource.get("resourceType") != "Patient" or resource.get("id") is not None:
        return row
    return full_url, {name: value for name, value in resource.items() if name != "resourceType"}


def _within(value: object) -> Iterator[Row]:
    """The resources in a part that is none itself. Strict JSON bounds its size and depth, and so what this costs."""
    if isinstance(value, dict):
        if "resourceType" in value:
            yield from rows_of(value)
            return
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            if isinstance(inner, dict | list):
                yield from _within(inner)


def _bundle(bundle: Json, resource_type: str, before: int) -> Page:
    """Read a bundle. Entries without a resource are kept as empty objects, so that they are counted."""
    entries = bundle.get("entry", [])
    if not isinstance(entries, list) and entries is not None:
        raise NotAnAnswer("is a bundle with an entry member that is not a list")
    if entries and len(entries) > MAX_ENTRIES:
        raise NotAnAnswer(f"is a bundle with more than {MAX_ENTRIES} entries")
    resources: list[Row] = []
    unread: list[Row] = []
    gaps: list[str] = []
    matches = 0
    for entry in entries or []:
        full_url, resource = _row(entry)
        kind = resource.get("resourceType")
        if isinstance(kind, str) and kind in _READ:
            resources.append((full_url, resource))
        else:
            gaps.append(_gap(kind, resource))
            unread.extend(rows_of(resource))
            if not (isinstance(kind, str) and kind in _NOT_READ):
                resources.append((full_url, resource))
        if kind == resource_type and not _is_added(entry.get("search")):
            matches += 1
    following = _next(bundle)
    gaps.extend(_shortfall(bundle, before + matches, following))
    return Page(tuple(resources), following, tuple(dict.fromkeys(filter(None, gaps))), tuple(unread), matches)


def _row(entry: object) -> Row:
    """The resource of an entry; an empty object where there is none."""
    if not isinstance(entry, dict):
        return "", {}
    full_url, resource = entry.get("fullUrl"), entry.get("resource")
    return full_url if isinstance(full_url, str) else "", resource if isinstance(resource, dict) else {}


def _is_added(search: object) -> bool:
    """Whether an entry says that the server added it."""
    return isinstance(search, dict) and search.get("mode") in _ADDED


def _gap(kind: object, resource: object) -> str:
    """What an entry that is not read shows to be missing from its bundle."""
    if kind is None:
        return "it holds an entry without a resource"
    if kind == "Bundle":
        return "it holds a bundle within a bundle, which is not read"
    if kind == "Parameters":
        return ""
    return _reported(resource) if kind == "OperationOutcome" else "it holds an entry of a type that FHIR does not know"


def _reported(outcome: object) -> str:
    """What an OperationOutcome says to be missing. One without an issue that can be read is no mere remark."""
    issues = members(outcome, "issue")
    if not issues or any(issue.get("severity") not in _REMARKS for issue in issues):
        return "it holds a report of an error"
    if any(text(issue.get("code")) in _MAY_LACK for issue in issues):
        return "it holds a report that data may be missing"
    return ""


def _next(bundle: Json) -> str:
    """The next link, if there is one. Links that cannot be read may hold one."""
    links = bundle.get("link")
    if links is None:
        return ""
    relations = [member(link, "relation") for link in links] if isinstance(links, list) else [None]
    if not all(isinstance(relation, str) for relation in relations):
        return UNUSABLE_LINK
    found = [link for link in members(bundle, "link") if text(link.get("relation")).lower() == "next"]
    return (text(found[0].get("url")) or UNUSABLE_LINK) if found else ""


def _shortfall(bundle: Json, kept: int, following: str) -> Iterator[str]:
    """Whether a bundle says that there is more than it and the pages before it hold."""
    total = bundle.get("total")
    if following or total is None:
        return
    if isinstance(total, str) and total.isascii() and total.isdigit():
        total = float(total)  # which has no limit of digits
    if isinstance(total, bool) or not isinstance(total, int | float):
        yield "it says how much there is in a way that cannot be read"
    elif total > kept:
        yield "it says that there is more than it holds"
