"""Calls to a CDS service: JSON in, JSON out, bounded in time and size, no redirects."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import requests

from ehr_simulator import direct

MAX_BYTES = 5_000_000


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and decoded body; `body` is None where there was no JSON object."""

    status: int
    body: dict[str, Any] | None


class NoAnswer(Exception):
    """Nothing usable came back. The message names the kind of fault only."""


def call(method: str, url: str, token: str, body: object = None, *, timeout: float) -> Answer:
    """Send a request with a bearer token. Raises `NoAnswer`."""
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    try:
        with direct.request(method, url, json=body, headers=headers, timeout=timeout, stream=True) as answer:
            return Answer(answer.status_code, _decode(answer))
    except requests.RequestException as fault:
        raise NoAnswer(f"no answer ({type(fault).__name__})") from None


def _decode(answer: requests.Response) -> dict[str, Any] | None:
    """The JSON object of the answer, up to the limit."""
    content = bytearray()
    for part in answer.iter_content(65536):
        content += part
        if len(content) > MAX_BYTES:
            raise NoAnswer("the answer is too large")
    try:
        value = json.loads(bytes(content))
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def problem(answer: Answer) -> str:
    """What an OperationOutcome says, in one line; empty if the body is something else."""
    issues = (answer.body or {}).get("issue")
    if not isinstance(issues, list):
        return ""
    texts = [_issue_text(issue) for issue in issues if isinstance(issue, dict)]
    return "; ".join(text for text in texts if text)


def _issue_text(issue: dict[str, Any]) -> str:
    """The text of one issue."""
    details = issue.get("details")
    text = details.get("text") if isinstance(details, dict) else None
    return str(text or issue.get("diagnostics") or issue.get("code") or "")
