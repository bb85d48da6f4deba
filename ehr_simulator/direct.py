"""HTTP on this machine: never through a proxy of the environment, never with its netrc, never after a redirect."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests


@contextmanager
def request(method: str, url: str, *, timeout: float, **more: Any) -> Iterator[requests.Response]:
    """One request, its connection closed at the end. Raises `requests.RequestException`."""
    with requests.Session() as session:
        session.trust_env = False
        with session.request(method, url, timeout=timeout, allow_redirects=False, **more) as answer:
            yield answer
