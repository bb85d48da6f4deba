"""A browser in a hundred lines: follows redirects, keeps cookies, reads forms.

Cookies are kept by hand because the app sets Secure ones, which browsers accept on http://127.0.0.1 and client
libraries do not.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import urljoin

import requests

from ehr_simulator import direct

MOST_REDIRECTS = 8
TIMEOUT = 30.0


class RoadBlocked(Exception):
    """A step did not lead where it should. The message holds no token and no address with one."""


@dataclass(frozen=True, slots=True)
class PageSeen:
    """A page after all redirects."""

    url: str
    status: int
    content: str

    @property
    def text(self) -> str:
        """What a reader sees, with single blanks."""
        bare = re.sub(r"(?s)<(script|style)\b.*?</\1>|<[^>]+>", " ", self.content)
        return " ".join(html.unescape(bare).split())

    def forms(self) -> list[Form]:
        """The forms on the page."""
        reader = _FormReader()
        reader.feed(self.content)
        return reader.found


@dataclass(slots=True)
class Form:
    """A form: where it goes, its hidden fields, its named buttons, and the choices for each other field."""

    action: str
    hidden: dict[str, str]
    buttons: list[tuple[str, str]]
    choices: dict[str, list[str]]


class Browser:
    """Cookies for one host, whatever the port (RFC 6265 section 8.5)."""

    def __init__(self) -> None:
        """Start without cookies."""
        self._cookies: dict[str, str] = {}

    def get(self, url: str) -> PageSeen:
        """Open an address."""
        return self._follow("GET", url, {})

    def submit(self, page: PageSeen, form: Form, values: Mapping[str, str]) -> PageSeen:
        """Send a form of a page with the hidden fields and these values."""
        return self._follow("POST", urljoin(page.url, form.action), {**form.hidden, **values})

    def _follow(self, method: str, url: str, form: Mapping[str, str]) -> PageSeen:
        """Send, then follow redirects with GET."""
        answer = self._send(method, url, form)
        for _ in range(MOST_REDIRECTS):
            if not 300 <= answer.status_code < 400:
                return PageSeen(url, answer.status_code, answer.text)
            url = urljoin(url, answer.headers["Location"])
            answer = self._send("GET", url, {})
        raise RoadBlocked("The redirects do not come to an end.")

    def _send(self, method: str, url: str, form: Mapping[str, str]) -> requests.Response:
        """One request; takes in the cookies that come back."""
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}
        try:
            with direct.request(method, url, data=form or None, headers=headers, timeout=TIMEOUT) as answer:
                self._take_cookies(answer.raw.headers.getlist("Set-Cookie"))
                return answer
        except requests.RequestException as fault:
            raise RoadBlocked(f"No answer ({type(fault).__name__}).") from None

    def _take_cookies(self, lines: list[str]) -> None:
        """Keep what came, and forget what came empty or expired."""
        for line in lines:
            name, _, value = line.partition(";")[0].partition("=")
            self._cookies[name.strip()] = value.strip()
            if not value or "max-age=0" in line.lower():
                self._cookies.pop(name.strip())


class _FormReader(HTMLParser):
    """Collects forms."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Form] = []
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note forms and their fields."""
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append(Form(given.get("action", ""), {}, [], {}))
        elif self.found:
            self._note(self.found[-1], tag, given)

    def _note(self, form: Form, tag: str, given: Mapping[str, str]) -> None:
        """One field of a form."""
        name, value = given.get("name", ""), given.get("value", "")
        if tag == "input" and given.get("type") == "hidden":
            form.hidden[name] = value
        elif tag == "input" and given.get("type") == "radio":
            form.choices.setdefault(name, []).append(value)
        elif tag == "button":
            form.buttons.append((name, value))
        elif tag == "select":
            self._select = name
        elif tag == "option" and value:
            form.choices.setdefault(self._select, []).append(value)
