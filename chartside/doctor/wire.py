"""Bounded HTTP towards a service that may do anything: time, size and number of calls have limits.

No redirect is followed, nothing is read from the environment, no cookie is kept, and every call has its own
connection unless a caller keeps one open.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException
from http.cookiejar import DefaultCookiePolicy

import requests
from requests.structures import CaseInsensitiveDict
from urllib3.exceptions import HTTPError

from clinical import strict_json
from clinical.errors import ChartsideError

MAX_ANSWER = 4_000_000
CHUNK = 65_536
CLOSED = "closed or refused the connection without a whole answer"


class BudgetSpent(ChartsideError):
    """The examination has used all the calls that it may make."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `status` is 0 and `fault` set where no whole answer came. `value` is the decoded JSON.

    `seconds` is the time until the whole body was there.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=CaseInsensitiveDict)
    body: bytes = b""
    seconds: float = 0.0
    fault: str = ""
    value: object = None
    is_json: bool = False

    @property
    def ok(self) -> bool:
        """A 2xx status."""
        return 200 <= self.status < 300

    @property
    def refused(self) -> bool:
        """A 4xx status: the service says that the caller has to change something."""
        return 400 <= self.status < 500

    @property
    def said(self) -> str:
        """The status in words for a report."""
        return f"answered {self.status}" if self.status else self.fault


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds for one whole call, and how many calls there may be. `ca_file` replaces the usual certificate roots."""

    seconds: float = 10.0
    calls: int = 1500
    ca_file: str = ""


class Wire:
    """Sends requests. `on_call` is told the number of calls so far, for progress."""

    def __init__(self, limits: Limits, agent: str, on_call: Callable[[int], None] = lambda _: None) -> None:
        """Start with nothing sent."""
        self._limits = limits
        self._agent = agent
        self._on_call = on_call
        self._kept: requests.Session | None = None
        self.calls = 0

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        """One call; never raises for what the other side does. Raises `BudgetSpent`."""
        if self.calls >= self._limits.calls:
            raise BudgetSpent(f"The examination stopped after {self.calls} calls.")
        self.calls += 1
        self._on_call(self.calls)
        session = self._kept or self._session()
        try:
            return self._in_time(lambda: self._exchange(session, method, url, headers, body))
        finally:
            if session is not self._kept:
                session.close()

    @contextmanager
    def kept_open(self) -> Iterator[None]:
        """Use one connection for the calls inside, as an EHR does."""
        self._kept = self._session()
        try:
            yield
        finally:
            self._kept.close()
            self._kept = None

    def _session(self) -> requests.Session:
        """A session that knows nothing of its surroundings."""
        session = requests.Session()
        session.trust_env = False
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        session.verify = self._limits.ca_file or True
        session.headers.update({"User-Agent": self._agent, "Accept": "application/json", "Accept-Encoding": "identity"})
        return session

    def _in_time(self, exchange: Callable[[], Answer]) -> Answer:
        """Wait for the answer as long as a call may take: a server can drip bytes for ever without a read timeout."""
        done: queue.SimpleQueue[Answer | Exception] = queue.SimpleQueue()
        threading.Thread(target=lambda: done.put(_caught(exchange)), daemon=True).start()
        try:
            came = done.get(timeout=self._limits.seconds)
        except queue.Empty:
            return Answer(0, seconds=self._limits.seconds, fault=f"gave no whole answer in {self._limits.seconds:g} s")
        if isinstance(came, Exception):
            raise came
        return came

    def _exchange(
        self, session: requests.Session, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> Answer:
        """Send and read, up to the size limit."""
        started = time.monotonic()
        try:
            with session.request(
                method,
                url,
                headers=dict(headers),
                data=body,
                timeout=self._limits.seconds,
                allow_redirects=False,
                stream=True,
            ) as response:
                content = _content(response)
                seconds = time.monotonic() - started
                return _answer(response, content, seconds)
        except requests.exceptions.SSLError:
            return Answer(0, fault="did not pass the check of its TLS certificate")
        except requests.exceptions.Timeout:
            return Answer(0, fault=f"gave no answer in {self._limits.seconds:g} s")
        except (requests.exceptions.RequestException, HTTPError, HTTPException, OSError, ValueError):
            return Answer(0, fault=CLOSED)


def _caught(exchange: Callable[[], Answer]) -> Answer | Exception:
    """The answer, or a fault of the doctor's own, to be raised where it is waited for."""
    try:
        return exchange()
    except Exception as fault:
        return fault


def _content(response: requests.Response) -> bytes | None:
    """The body, or None where it is larger than the limit."""
    content = bytearray()
    for chunk in response.iter_content(CHUNK):
        content += chunk
        if len(content) > MAX_ANSWER:
            return None
    return bytes(content)


def _answer(response: requests.Response, content: bytes | None, seconds: float) -> Answer:
    """The answer with its body decoded strictly."""
    if content is None:
        return Answer(0, response.headers, seconds=seconds, fault=f"answered with more than {MAX_ANSWER} bytes")
    try:
        value, is_json = strict_json.loads(content, max_bytes=MAX_ANSWER), True
    except ChartsideError:
        value, is_json = None, False
    return Answer(response.status_code, response.headers, content, seconds, "", value, is_json)
