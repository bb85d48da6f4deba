"""Reading from the EHR's FHIR server with the token of the call, page by page."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from urllib.parse import quote, urljoin

from clinical.errors import MalformedRequest
from clinical.invocation import FhirAccess
from fhir_adapters.decode import Json
from fhir_adapters.prefetch import Page, page_of
from fhir_adapters.transport import Deadline, FetchFailed, Transport, same_base

MAX_PAGES = 20


class Cover(Enum):
    """How far granted scopes reach."""

    NONE = 0
    PART = 1
    WHOLE = 2


def cover(scopes: tuple[str, ...], resource_type: str) -> Cover:
    """How far SMART scopes (v1 `patient/X.read`, v2 `patient/X.rs`) allow to read and search a resource type.

    A v2 scope with a filter (`patient/Observation.rs?category=laboratory`) covers a part.
    """
    found = Cover.NONE
    for scope in scopes:
        level, _, rest = scope.partition("/")
        name, _, narrowed = rest.partition("?")
        kind, _, rights = name.partition(".")
        allowed = rights in ("read", "*") or {"r", "s"} <= set(rights)
        if level in ("patient", "user", "system") and kind in ("*", resource_type) and allowed:
            found = max(found, Cover.PART if narrowed else Cover.WHOLE, key=lambda reach: reach.value)
    return found


def read_all(
    transport: Transport, access: FhirAccess, query: str, deadline: Deadline
) -> tuple[list[tuple[str, Json]], str]:
    """All pages of one query, and why the last ones are missing ("" where none is). Raises `FetchFailed`."""
    url = f"{access.base_url.rstrip('/')}/{quote(query, safe='/?&=,:.')}"
    return _follow(transport, access, url, deadline, resource_type_of(query), first=True)


def resource_type_of(query: str) -> str:
    """`Observation` of `Observation?patient=…` and of `Observation/1`."""
    return query.partition("?")[0].partition("/")[0]


def follow(
    transport: Transport, access: FhirAccess, next_url: str, deadline: Deadline, resource_type: str
) -> tuple[list[tuple[str, Json]], str]:
    """The pages after a first one that somebody else brought."""
    return _follow(transport, access, next_url, deadline, resource_type, first=False)


def _follow(
    transport: Transport, access: FhirAccess, url: str, deadline: Deadline, resource_type: str, *, first: bool
) -> tuple[list[tuple[str, Json]], str]:
    """Collect pages. A fault on the first page is the caller's; a later one makes the answer incomplete."""
    found: list[tuple[str, Json]] = []
    gaps: list[str] = []
    try:
        for page in _pages(transport, access, url, deadline, resource_type):
            found.extend(page.resources)
            gaps.extend(page.gaps)
            first = False
    except FetchFailed as fault:
        if first:
            raise
        gaps.append(fault.message)
    return found, "; ".join(dict.fromkeys(gaps))


def _pages(
    transport: Transport, access: FhirAccess, url: str, deadline: Deadline, resource_type: str
) -> Iterator[Page]:
    """Page after page, never away from the base URL: the token must not travel."""
    seen: set[str] = set()
    while url:
        if url in seen or len(seen) >= MAX_PAGES:
            raise FetchFailed("the pages do not end")
        if not same_base(url, access.base_url):
            raise FetchFailed("a page link leaves the FHIR server")
        seen.add(url)
        page = _page(transport.get_json(url, token=access.token, deadline=deadline), resource_type)
        yield page
        url = _joined(url, page.next_url) if page.next_url else ""


def _page(answer: object, resource_type: str) -> Page:
    """One answer of a server, which owes a bundle or the resource that was asked for; null is neither."""
    try:
        page = page_of("answer", answer, resource_type) if answer is not None else None
    except MalformedRequest:
        page = None
    if page is None:
        raise FetchFailed("the server answered with something else than was asked for")
    return page


def _joined(url: str, link: str) -> str:
    """A page link, resolved; one that is no URL stays as it is and is refused as foreign."""
    try:
        return urljoin(url, link)
    except ValueError:
        return link
