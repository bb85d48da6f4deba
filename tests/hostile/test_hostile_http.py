"""The real server on a real port: bad framing, slow peers, floods, and the whole corpus once more over the wire."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest

from hostile.corpus import Case, Request, World, load
from hostile.judge import Answer, always, faults
from hostile.raw import exchange

# Less than a connection that misbehaves is suffered (chartside/serving.py): nobody waits for one.
HEALTH_LIMIT_S = 8.0
CASES = load()
FRAMING = [case for case in CASES if case.group == "framing"]
# A client on this machine needs no token, so that the lack of one is judged in this process only.
OVER_THE_WIRE = [
    case
    for case in CASES
    if case.group != "framing"
    and case.hook in ("patient-view", "encounter-start")
    and (case.group != "jwt" or "token" in case.spec)
]


def send_to(port: int) -> Callable[[Request], Answer]:
    """Sends over one connection after another, as it is, without the manners of a client library."""

    def send(request: Request) -> Answer:
        started = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            connection.putrequest(request.method, request.path, skip_host="Host" in request.headers)
            for name, value in {**request.headers, "Content-Length": str(len(request.body))}.items():
                connection.putheader(name, value)
            with suppress(ConnectionError):  # a refusal may come before the whole body was taken
                connection.endheaders(request.body)
            response = connection.getresponse()
            body = response.read()
            headers = {name.title(): value for name, value in response.getheaders()}
            # Header names as the judge writes them.
            named = {**headers, "WWW-Authenticate": headers.get("Www-Authenticate", "")}
            return Answer(response.status, named, body, time.monotonic() - started)
        finally:
            connection.close()

    return send


@pytest.fixture(scope="module")
def framed(server: Any) -> Iterator[dict[str, Future[Answer]]]:
    """All framing cases at once: most of them wait for the service to lose its patience."""
    with ThreadPoolExecutor(max_workers=12) as pool:
        yield {case.name: pool.submit(exchange, server.port, case.spec["send"]) for case in FRAMING}


def test_others_are_served_meanwhile(framed: dict[str, Future[Answer]], server: Any) -> None:
    """While a dozen connections misbehave, a health check is answered in time, again and again."""
    slowest = 0.0
    for _ in range(20):
        answer = exchange(server.port, [{"text": "GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"}])
        assert answer.status == 200
        slowest = max(slowest, answer.seconds)
        time.sleep(0.1)
    assert slowest < HEALTH_LIMIT_S


@pytest.mark.parametrize("case", FRAMING, ids=lambda case: case.name)
def test_bad_framing_ends_in_time(case: Case, framed: dict[str, Future[Answer]]) -> None:
    """A refusal in fixed words or a close, within the limit."""
    answer = framed[case.name].result()
    assert answer.status in ({0} if "closed" in case.right else set()) | set(case.spec["status"]), answer
    assert b"Qx7" not in answer.body
    assert b"Traceback" not in answer.body
    if answer.status >= 400:
        assert "no-store" in answer.headers.get("Cache-Control", "")
        assert answer.headers.get("X-Content-Type-Options") == "nosniff"


def test_the_corpus_over_the_wire(server: Any, listener: Any, bench_over: Callable[..., Any]) -> None:
    """The same cases, the same judge, through the shipped server with its own clock."""
    bench = bench_over(send_to(server.port), World(datetime.now(UTC).replace(microsecond=0), listener.url))
    wrong = {}
    for case in OVER_THE_WIRE:
        answer, compared = bench.run(case)
        found = faults(case, answer, compared)
        if found:
            wrong[f"{case.group}: {case.name}"] = found
    assert wrong == {}
    assert listener.calls == 0


def test_the_service_is_well_afterwards(server: Any, check_log: Callable[[str], None]) -> None:
    """A last health check, and a log without patient data, tokens and tracebacks."""
    answer = exchange(server.port, [{"text": "GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"}])
    assert answer.status == 200
    assert not list(always(answer, cds=False))
    check_log(server.log.read_text())
