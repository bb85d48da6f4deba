"""Every HTTP call that leaves the product goes through here.

It bounds each call (connect, read, whole), follows no redirect (a token must not travel), reads no environment
(proxies, .netrc), keeps no cookie, stops at a size, and takes only strict JSON. fhirclient and requests do none
of that by default.
"""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError

from clinical import strict_json
from clinical.errors import ChartsideError

FHIR_JSON = "application/fhir+json"
TOO_LATE = "the server did not answer in time"


class FetchFailed(ChartsideError):
    """A call to another server brought no usable answer. `status` is the HTTP status, or 0 where there was none."""

    def __init__(self, message: str, status: int = 0) -> None:
        """Keep the message and the status."""
        super().__init__(message)
        self.status = status


class NoAnswer(FetchFailed):
    """The server could not be reached, broke off, or did not answer in time."""


class TooManyRequests(FetchFailed):
    """The server asks to be left alone for `seconds` (HTTP 429 with Retry-After); None where it does not say."""

    def __init__(self, seconds: float | None) -> None:
        """Keep the wait."""
        super().__init__("the server answered 429", 429)
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on the monotonic clock, shared by all steps of one job."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """A deadline from now."""
        return cls(time.monotonic() + seconds)

    def left(self) -> float:
        """Seconds left, not less than 0."""
        return max(self.at - time.monotonic(), 0.0)

    def remaining(self) -> float:
        """Seconds left. Raises `NoAnswer` when there are none."""
        left = self.left()
        if left <= 0:
            raise NoAnswer(TOO_LATE)
        return left


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one call, in seconds and bytes."""

    connect: float = 1.0
    read: float = 2.0
    max_bytes: int = 8_000_000


_CALL = threading.local()


class _Traceable:
    """Notes which connection a call uses, so that the call can be ended from outside."""

    def putrequest(self, *arguments: Any, **options: Any) -> None:
        """Begin a request."""
        _CALL.connection = self
        super().putrequest(*arguments, **options)  # type: ignore[misc]


class _Connection(_Traceable, HTTPConnection):
    """A plain connection."""


class _SecureConnection(_Traceable, HTTPSConnection):
    """A TLS connection."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class _Adapter(HTTPAdapter):
    """requests' adapter over traceable connections."""

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """Use our pools."""
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}


@contextmanager
def _ended_at(deadline: Deadline) -> Iterator[None]:
    """End the call of this thread at the deadline.

    A time limit on each read does not bound a server that sends a header byte by byte; closing its socket does.
    """
    mine: dict[str, Any] = {}
    _CALL.__dict__.pop("connection", None)
    calling = _CALL.__dict__

    def end() -> None:
        mine["ended"] = True
        sock = getattr(calling.get("connection"), "sock", None)
        if sock is not None:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    watch = threading.Timer(deadline.remaining(), end)
    watch.daemon = True
    watch.start()
    try:
        yield
    finally:
        watch.cancel()
    if mine:
        raise NoAnswer(TOO_LATE)


class Transport:
    """JSON over HTTP, bounded. Safe to share between threads."""

    def __init__(self, limits: Limits | None = None) -> None:
        """Open a connection pool that trusts nothing around it."""
        self._limits = limits or Limits()
        self._http = requests.Session()
        self._http.trust_env = False
        self._http.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        adapter = _Adapter(pool_connections=8, pool_maxsize=32, max_retries=0)
        self._http.mount("http://", adapter)
        self._http.mount("https://", adapter)

    def get_json(self, url: str, *, token: str | None = None, deadline: Deadline) -> object:
        """GET a JSON document. Raises `FetchFailed`."""
        headers = {"Accept": f"{FHIR_JSON}, application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return self._send(lambda timeout: self._request("GET", url, timeout, headers, None), deadline)

    def post_form(
        self, url: str, form: Mapping[str, str], *, headers: Mapping[str, str] | None = None, deadline: Deadline
    ) -> object:
        """POST a form (an OAuth token request) and read a JSON document. Raises `FetchFailed`."""
        sent = {"Accept": "application/json", **(headers or {})}
        return self._send(lambda timeout: self._request("POST", url, timeout, sent, form), deadline)

    def _request(
        self,
        method: str,
        url: str,
        timeout: tuple[float, float],
        headers: Mapping[str, str],
        form: Mapping[str, str] | None,
    ) -> requests.Response:
        """One request, with the body still unread."""
        return self._http.request(
            method,
            url,
            data=form,
            headers={**headers, "Accept-Encoding": "identity"},
            timeout=timeout,
            allow_redirects=False,
            stream=True,
        )

    def _send(self, request: Callable[[tuple[float, float]], requests.Response], deadline: Deadline) -> object:
        """Send, check, read, decode."""
        left = deadline.remaining()
        try:
            with (
                _ended_at(deadline),
                request((min(self._limits.connect, left), min(self._limits.read, left))) as response,
            ):
                _check(response)
                body = self._body(response, deadline)
        except requests.Timeout:
            raise NoAnswer(TOO_LATE) from None
        except (requests.RequestException, ValueError) as fault:
            words = f"the server could not be reached ({type(fault).__name__})" if deadline.left() else TOO_LATE
            raise NoAnswer(words) from None
        return self._decode(body)

    def _body(self, response: requests.Response, deadline: Deadline) -> bytes:
        """The body, up to the size limit and the deadline."""
        chunks: list[bytes] = []
        size = 0
        try:
            while chunk := response.raw.read1(65536):
                deadline.remaining()
                chunks.append(chunk)
                size += len(chunk)
                if size > self._limits.max_bytes:
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


def _check(response: requests.Response) -> None:
    """Only 200 with an unencoded body counts."""
    if response.status_code == requests.codes.too_many_requests:
        raise TooManyRequests(_seconds(response.headers.get("Retry-After", "")))
    if response.status_code != requests.codes.ok:
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
