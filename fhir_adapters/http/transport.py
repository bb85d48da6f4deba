"""Every HTTP call that leaves the product goes through here.

It bounds each call (connect, read, whole), follows no redirect (a token must not travel), reads no environment
(proxies, .netrc), keeps no cookie, stops at a size, and takes only strict JSON. fhirclient and requests do none
of that by default.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError

from clinical import strict_json
from clinical.errors import ChartsideError
from fhir_adapters.http.addresses import Reach
from fhir_adapters.http.connections import BoundedAdapter, ended_at, reaching
from fhir_adapters.http.deadline import TOO_LATE, Deadline, FetchFailed, NoAnswer, TooManyRequests

__all__ = [
    "FHIR_JSON",
    "OPEN",
    "TOO_LATE",
    "Bounds",
    "Deadline",
    "FetchFailed",
    "Limits",
    "NoAnswer",
    "Posted",
    "TooManyRequests",
    "Transport",
    "same_base",
]

FHIR_JSON = "application/fhir+json"


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one call, in seconds and bytes."""

    connect: float = 1.0
    read: float = 2.0
    max_bytes: int = 8_000_000


@dataclass(frozen=True, slots=True)
class Bounds:
    """What holds for one call beside the transport's limits: which addresses it may reach, how large its answer is."""

    reach: Reach | None = None
    max_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Posted:
    """The answer to a resource that was sent: its status, `Location`, and the document (None for an empty body)."""

    status: int
    location: str
    document: object = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Reply:
    """A whole answer whose status was one of those that count."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


OPEN = Bounds()


class Transport:
    """JSON over HTTP, bounded. Safe to share between threads."""

    def __init__(self, limits: Limits | None = None) -> None:
        """Open a connection pool that trusts nothing around it."""
        self._limits = limits or Limits()
        self._http = requests.Session()
        self._http.trust_env = False
        self._http.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        adapter = BoundedAdapter(pool_connections=8, pool_maxsize=32, max_retries=0)
        self._http.mount("http://", adapter)
        self._http.mount("https://", adapter)

    def get_json(self, url: str, *, token: str | None = None, deadline: Deadline, bounds: Bounds = OPEN) -> object:
        """GET a JSON document. Raises `FetchFailed`."""
        headers = {"Accept": f"{FHIR_JSON}, application/json", **_bearer(token)}
        reply = self._send(lambda timeout: self._request("GET", url, timeout, headers, None), deadline, bounds)
        return self._decode(reply.body)

    def post_form(
        self,
        url: str,
        form: Mapping[str, str],
        *,
        headers: Mapping[str, str] | None = None,
        deadline: Deadline,
        bounds: Bounds = OPEN,
    ) -> object:
        """POST a form (an OAuth token request) and read a JSON document. Raises `FetchFailed`."""
        sent = {"Accept": "application/json", **(headers or {})}
        reply = self._send(lambda timeout: self._request("POST", url, timeout, sent, form), deadline, bounds)
        return self._decode(reply.body)

    def send_form(
        self,
        url: str,
        form: Mapping[str, str],
        *,
        headers: Mapping[str, str] | None = None,
        deadline: Deadline,
        bounds: Bounds = OPEN,
    ) -> None:
        """POST a form whose answer says nothing beyond its status (RFC 7009). Raises `FetchFailed`."""
        self._send(lambda timeout: self._request("POST", url, timeout, headers or {}, form), deadline, bounds)

    def post_json(
        self,
        url: str,
        body: bytes,
        *,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
        deadline: Deadline,
        bounds: Bounds = OPEN,
    ) -> Posted:
        """POST a FHIR resource (200 or 201). It is never sent again by itself. Raises `FetchFailed`."""
        sent = {"Accept": FHIR_JSON, "Content-Type": FHIR_JSON, **(headers or {}), **_bearer(token)}
        reply = self._send(
            lambda timeout: self._request("POST", url, timeout, sent, body), deadline, bounds, also=(201,)
        )
        document = self._decode(reply.body) if reply.body.strip() else None
        return Posted(reply.status, reply.headers.get("Location", ""), document)

    def _request(
        self,
        method: str,
        url: str,
        timeout: tuple[float, float],
        headers: Mapping[str, str],
        data: Mapping[str, str] | bytes | None,
    ) -> requests.Response:
        """One request, with the body still unread."""
        return self._http.request(
            method,
            url,
            data=data,
            headers={**headers, "Accept-Encoding": "identity"},
            timeout=timeout,
            allow_redirects=False,
            stream=True,
        )

    def _send(
        self,
        request: Callable[[tuple[float, float]], requests.Response],
        deadline: Deadline,
        bounds: Bounds,
        *,
        also: tuple[int, ...] = (),
    ) -> _Reply:
        """Send, check, read."""
        left = deadline.remaining()
        try:
            with (
                reaching(bounds.reach),
                ended_at(deadline),
                request((min(self._limits.connect, left), min(self._limits.read, left))) as response,
            ):
                _check(response, also)
                body = self._body(response, deadline, bounds.max_bytes or self._limits.max_bytes)
        except requests.Timeout:
            raise NoAnswer(TOO_LATE) from None
        except (requests.RequestException, ValueError) as fault:
            words = f"the server could not be reached ({type(fault).__name__})" if deadline.left() else TOO_LATE
            raise NoAnswer(words) from None
        return _Reply(response.status_code, response.headers, body)

    def _body(self, response: requests.Response, deadline: Deadline, max_bytes: int) -> bytes:
        """The body, up to the size limit and the deadline."""
        chunks: list[bytes] = []
        size = 0
        try:
            while chunk := response.raw.read1(65536):
                deadline.remaining()
                chunks.append(chunk)
                size += len(chunk)
                if size > max_bytes:
                    raise FetchFailed("the answer is larger than the limit")
        except (OSError, HTTPError):
            deadline.remaining()
            raise NoAnswer("the answer broke off") from None
        return b"".join(chunks)

    def _decode(self, body: bytes) -> object:
        """Strict JSON."""
        try:
            return strict_json.loads(body, max_bytes=self._limits.max_bytes)
        except ChartsideError:
            raise FetchFailed("the answer is not usable JSON") from None


def _bearer(token: str | None) -> Mapping[str, str]:
    """The header of a call with a token."""
    return {} if token is None else {"Authorization": f"Bearer {token}"}


def _check(response: requests.Response, also: tuple[int, ...] = ()) -> None:
    """Only 200 (and what else counts) with an unencoded body counts."""
    wait = _seconds(response.headers.get("Retry-After", ""))
    if response.status_code == 429 or (response.status_code == 503 and wait is not None):
        raise TooManyRequests(wait, response.status_code)
    if response.status_code not in (200, *also):
        raise FetchFailed(f"the server answered {response.status_code}", response.status_code)
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise FetchFailed("the answer came in an encoding that was not asked for")


def _seconds(retry_after: str) -> float | None:
    """The wait of a Retry-After header (RFC 9110 section 10.2.3); its other form, a date, is no wait of seconds."""
    return float(retry_after) if re.fullmatch(r"[0-9]{1,6}", retry_after.strip()) else None


def same_base(url: str, base: str) -> bool:
    """Whether a URL lies under a base URL: same scheme, host and port, and a path below the base's path."""
    try:
        here, there = urlsplit(url), urlsplit(base)
    except ValueError:
        return False
    if here.username is not None or here.password is not None:
        return False
    path = there.path.rstrip("/") + "/"
    return (
        (here.scheme, here.netloc.lower()) == (there.scheme, there.netloc.lower())
        and (here.path + "/").startswith(path)
        and "/../" not in here.path + "/"
        and "%2e" not in here.path.lower()
    )
