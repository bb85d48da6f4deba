"""A clinician with a browser, in this process: follows a launch step by step and keeps all that our side answered."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from typing import Any

import requests
from flask.testing import FlaskClient

from smart_hostile.ward import NAMES, OneEhr, Ward

# How often a page that waits for the record is opened again.
LOOKS = 50


@dataclass
class Person:
    """One browser. `answers` is every answer of ours as text, headers and all."""

    ward: Ward
    browser: FlaskClient = field(init=False)
    answers: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Open the browser."""
        self.browser = self.ward.app.test_client()

    def get(self, url: str, **query: str) -> Any:
        """Open an address of ours, and again while the page asks for it: a busy machine takes more than one look."""
        for _ in range(LOOKS):
            answer = self._kept(self.browser.get(url, query_string=query or None, base_url=self.ward.url))
            if not is_waiting(answer):
                break
        return answer

    def post(self, url: str, form: dict[str, str]) -> Any:
        """Send a form of ours."""
        return self._kept(self.browser.post(url, data=form, base_url=self.ward.url))

    def _kept(self, answer: Any) -> Any:
        """Note an answer."""
        self.answers.append(f"{answer.headers}{answer.text}")
        return answer

    def begin(self, ehr: OneEhr, launch: str | None = None) -> str:
        """Follow the EHR's link; gives the address of its authorization server."""
        begun = self.get("/smart/launch", iss=ehr.fhir, launch=launch or ehr.launch())
        assert begun.status_code == 303, text_of(begun)
        return str(begun.location)

    @staticmethod
    def agree(url: str) -> str:
        """What the EHR's authorization server sends the browser back to."""
        answer = requests.get(url, allow_redirects=False, timeout=60)
        assert answer.status_code in (302, 303), answer.text
        return answer.headers["Location"]

    def launch(self, ehr: OneEhr | None = None, launch: str | None = None) -> tuple[str, Any]:
        """A whole launch; gives the callback's address, and the last answer that the person sees."""
        back = self.agree(self.begin(ehr or self.ward.ehr, launch))
        answer = self.get(back.removeprefix(self.ward.url))
        if answer.status_code == 303:
            answer = self.get(answer.location)
        return back.removeprefix(self.ward.url), answer

    def again(self, page: Any) -> Any:
        """Press "Assess again now" on a page that was shown; gives what is seen at last."""
        action = re.search(r'action="(/smart/page/[\w-]+/again)"', page.text)
        assert action is not None
        hidden = dict(re.findall(r'name="(csrf_token|round)" value="([^"]+)"', page.text))
        answer = self.post(action[1], hidden)
        if is_waiting(answer):
            return self.get(action[1].removesuffix("/again"))
        return self.get(answer.location) if answer.status_code == 303 else answer


def is_waiting(answer: Any) -> bool:
    """Whether an answer is the page that waits for the record, which a browser opens again."""
    return answer.status_code == 503 and "Refresh" in answer.headers


def text_of(answer: Any) -> str:
    """What a reader sees, with single blanks."""
    bare = re.sub(r"<[^>]+>", " ", answer.text)
    return " ".join(html.unescape(bare).split())


def shows_data(answer: Any) -> bool:
    """Whether an answer holds anything of a patient: a name, a risk, a value."""
    return (
        any(name in answer.text for name in NAMES.values()) or re.search(r"Observation/|\d %", answer.text) is not None
    )
