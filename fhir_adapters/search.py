"""Reading from the EHR's FHIR server with the token of the call, page by page."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote, urljoin

from clinical.invocation import FhirAccess
from fhir_adapters.http.fhir_server import FhirServers
from fhir_adapters.http.transport import Deadline, FetchFailed, same_base
from fhir_adapters.prefetch import MAX_ENTRIES, Absent, NotAnAnswer, Page, Row, page_of

MAX_PAGES = 20


def read_all(servers: FhirServers, access: FhirAccess, query: str, deadline: Deadline) -> Page:
    """All pages of one query, as one; its gaps say why the last ones are missing. Raises `FetchFailed`."""
    url = f"{access.base_url.rstrip('/')}/{quote(query, safe='/?&=,:.')}"
    return _follow(servers, access, url, deadline, resource_type_of(query))


def resource_type_of(query: str) -> str:
    """`Observation` of `Observation?patient=…` and of `Observation/1`."""
    return query.partition("?")[0].partition("/")[0]


def follow(servers: FhirServers, access: FhirAccess, first: Page, deadline: Deadline, resource_type: str) -> Page:
    """The pages after a first one that somebody else brought."""
    return _follow(servers, access, first.next_url, deadline, resource_type, first)


def _follow(
    servers: FhirServers,
    access: FhirAccess,
    url: str,
    deadline: Deadline,
    resource_type: str,
    brought: Page | None = None,
) -> Page:
    """Collect pages. A fault on the first page is the caller's; a later one makes the answer incomplete."""
    found: list[Row] = []
    unread: list[Row] = []
    gaps: list[str] = []
    first = brought is None
    before = 0 if brought is None else brought.matches
    try:
        for page in _pages(servers, access, url, deadline, resource_type, before):
            found.extend(page.resources)
            unread.extend(page.unread)
            gaps.extend(page.gaps)
            first = False
            if len(found) > MAX_ENTRIES:
                raise FetchFailed(f"only the first {MAX_ENTRIES} or so resources were read")
    except FetchFailed as fault:
        if first:
            raise
        gaps.append(fault.message)
    return Page(tuple(found), "", tuple(dict.fromkeys(gaps)), tuple(unread))


def _pages(
    servers: FhirServers, access: FhirAccess, url: str, deadline: Deadline, resource_type: str, before: int
) -> Iterator[Page]:
    """Page after page, never away from the base URL: the token must not travel.

    Each may say the total of all, so that it is held against the matches of all pages up to it.
    """
    seen: set[str] = set()
    while url:
        if url in seen or len(seen) >= MAX_PAGES:
            raise FetchFailed("the pages do not end")
        if not same_base(url, access.base_url):
            raise FetchFailed("a page link leaves the FHIR server")
        seen.add(url)
        page = _page(servers.get(url, access, deadline), resource_type, before)
        before += page.matches
        yield page
        url = _joined(url, page.next_url) if page.next_url else ""


def _page(answer: object, resource_type: str, before: int) -> Page:
    """One answer of a server, which owes a bundle or the resource that was asked for; null is neither."""
    try:
        page = page_of(answer, resource_type, before)
    except NotAnAnswer as fault:
        raise FetchFailed(f"the server's answer {fault.message}") from None
    if answer is None or isinstance(page, Absent):
        raise FetchFailed("the server answered with something else than was asked for")
    return page


def _joined(url: str, link: str) -> str:
    """A page link, resolved; one that is no URL stays as it is and is refused as foreign."""
    try:
        return urljoin(url, link)
    except ValueError:
        return link
