"""Sending calls one after the other over one connection, and checking every answer."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

TIMEOUT_S = 30.0
Check = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Call:
    """One request: its body and its further headers."""

    body: bytes
    headers: Mapping[str, str]


class WrongAnswer(click.ClickException):
    """An answer that is not the one asked for: the figures would mean nothing."""


def send(connection: http.client.HTTPConnection, path: str, call: Call) -> tuple[float, Mapping[str, Any]]:
    """Wall milliseconds from the request to the whole answer, and the answer. Raises `WrongAnswer`."""
    started = time.perf_counter()
    connection.request("POST", path, call.body, {"Content-Type": "application/json", **call.headers})
    response = connection.getresponse()
    content = response.read()
    taken = (time.perf_counter() - started) * 1000
    if response.status != http.client.OK:
        raise WrongAnswer(f"{path} answered {response.status}: {content[:300]!r}")
    answer = json.loads(content)  # noqa: TID251 (from a server of this program)
    if not isinstance(answer, dict):
        raise WrongAnswer(f"{path} answered something other than an object")
    return taken, answer


def send_all(port: int, path: str, calls: Sequence[Call], check: Check) -> list[float]:
    """Wall milliseconds of each call; every answer is checked after the last one."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    connection.connect()
    try:
        answered = [send(connection, path, call) for call in calls]
    finally:
        connection.close()
    for _, answer in answered:
        check(answer)
    return [taken for taken, _ in answered]
