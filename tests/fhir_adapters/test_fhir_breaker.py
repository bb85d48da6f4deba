"""The circuit breaker: a server that keeps failing is left alone, at no cost to its callers."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from clinical.errors import DataUnavailable
from clinical.invocation import FhirAccess
from fhir_adapters.http.breaker import Breaker

Make = Callable[..., dict[str, Any]]
SCOPES = ("patient/*.rs",)


class Ticks:
    """Seconds that pass only when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def ticks() -> Ticks:
    return Ticks()


def test_it_opens_after_five_failures_in_a_row(ticks: Ticks) -> None:
    """Four and a success do not open it."""
    breaker = Breaker(ticks)
    for _ in range(4):
        breaker.failed()
    breaker.succeeded()
    for _ in range(4):
        breaker.failed()
        assert breaker.admits()
    breaker.failed()
    assert not breaker.admits()


def test_one_trial_after_ten_seconds(ticks: Ticks) -> None:
    """One, not many; if it fails the pause begins anew; if it never reports, the next comes a pause later."""
    breaker = Breaker(ticks)
    for _ in range(5):
        breaker.failed()
    ticks.now += 9.9
    assert not breaker.admits()
    ticks.now += 0.1
    assert [breaker.admits() for _ in range(3)] == [True, False, False]
    breaker.failed()
    ticks.now += 9.9
    assert not breaker.admits()
    ticks.now += 0.1
    assert breaker.admits()
    ticks.now += 10
    assert breaker.admits()
    breaker.succeeded()
    assert all(breaker.admits() for _ in range(9))
    breaker.failed()
    assert breaker.admits()


def test_of_many_threads_one_gets_the_trial(ticks: Ticks) -> None:
    """The state is changed under a lock."""
    breaker = Breaker(ticks)
    for _ in range(5):
        breaker.failed()
    ticks.now += 10
    start, admitted = threading.Barrier(16), []

    def ask() -> None:
        start.wait()
        admitted.append(breaker.admits())

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert admitted.count(True) == 1


class Calls:
    """Reads with one reader, so that its breakers remember."""

    def __init__(self, reading: Any, ehr: Any) -> None:
        self.reading, self.ehr = reading, ehr
        self.reader = reading.reader(ehr.base)

    def fault(self, access: FhirAccess | None = None) -> str:
        """The words of a read that fails, or nothing."""
        call = self.reading.call(self.reading.lacking("labs"), access or FhirAccess(self.ehr.base, "tok", SCOPES))
        try:
            self.reader.read(call, self.reading.needs)
        except DataUnavailable as fault:
            return fault.message
        return ""


def test_a_failing_server_is_left_alone_and_found_again(
    reading: Any, ehr: Any, ticks: Ticks, make_bundle: Make
) -> None:
    """Five failures, then an answer without a call; after ten seconds a trial; a success closes it."""
    reading.ticks = ticks
    calls = Calls(reading, ehr)
    ehr.json("Observation", {}, 503)
    assert ["answered 503" in calls.fault() for _ in range(5)] == [True] * 5
    assert "left alone" in calls.fault()
    assert len(ehr.seen) == 5
    ticks.now += 10
    assert "answered 503" in calls.fault()
    assert "left alone" in calls.fault()
    ehr.json("Observation", make_bundle())
    ticks.now += 10
    assert [calls.fault() for _ in range(3)] == ["", "", ""]
    assert len(ehr.seen) == 9


@pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 429])
def test_an_answer_that_says_no_is_an_answer(status: int, reading: Any, ehr: Any) -> None:
    """A token that ran out, or a resource that is not there, says nothing against the server."""
    calls = Calls(reading, ehr)
    ehr.json("Observation", {}, status)
    assert [f"answered {status}" in calls.fault() for _ in range(8)] == [True] * 8


@pytest.mark.parametrize("misbehave", ["slow", "drip"])
def test_timeouts_open_it(misbehave: str, reading: Any, ehr: Any) -> None:
    """A server that does not answer in time, or only drop by drop."""
    reading.budget = 0.25
    calls = Calls(reading, ehr)
    getattr(ehr, misbehave)("Observation")
    for _ in range(5):
        assert "in time" in calls.fault()
    # A reader that was given up tells the breaker a moment later than its caller.
    assert any("left alone" in calls.fault() for _ in range(50))


def test_a_call_in_a_hurry_says_nothing_about_the_server(reading: Any, ehr: Any) -> None:
    """One client's tiny deadline must not cut the others off."""
    reading.seconds = 0.05
    calls = Calls(reading, ehr)
    ehr.slow("Observation")
    for _ in range(8):
        assert "in time" in calls.fault()


def test_a_refused_connection_opens_it_for_that_server_only(reading: Any, ehr: Any, make_bundle: Make) -> None:
    """Each base URL has a breaker of its own."""
    dead = "http://127.0.0.1:9/fhir"
    reading.hosts = (dead,)
    calls = Calls(reading, ehr)
    ehr.json("Observation", make_bundle())
    gone = FhirAccess(dead, "tok", SCOPES)
    assert ["could not be reached" in calls.fault(gone) for _ in range(5)] == [True] * 5
    assert "left alone" in calls.fault(gone)
    assert calls.fault() == ""
