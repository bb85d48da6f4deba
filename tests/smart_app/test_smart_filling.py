"""Pages that wait: of one EHR for each other, of all EHRs for a number of places, and never the browser without end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from flask import Flask

from smart_app.blueprint import create_blueprint
from smart_app.page.filling import AT_ONCE, HELD_BACK, OF_ONE_EHR, Filling, Room
from smart_app.sessions import Launch

# As long as a slow EHR takes where nobody lets it go.
HOLD_S = 60.0


class SlowEhrs:
    """Fills pages; those of the slow EHRs wait until they are let go. Counts how many there are at once."""

    def __init__(self, *slow: str) -> None:
        """Name the slow ones."""
        self.slow = slow
        self.go = threading.Event()
        self.working: dict[str, int] = {}
        self.most: dict[str, int] = {}
        self._lock = threading.Lock()

    def fill(self, launch: Launch) -> Launch:
        """Read for a while."""
        client = launch.visit.client
        with self._lock:
            self.working[client] = self.working.get(client, 0) + 1
            for name, now in ((client, self.working[client]), ("all", sum(self.working.values()))):
                self.most[name] = max(self.most.get(name, 0), now)
        if client in self.slow:
            self.go.wait(HOLD_S)
        with self._lock:
            self.working[client] -= 1
        return replace(launch, round=1)

    def wait_for(self, working: int) -> None:
        """Until so many are at work: a thread that has been begun need not have come here yet."""
        deadline = time.monotonic() + HOLD_S / 2
        while sum(self.working.values()) < working and time.monotonic() < deadline:
            time.sleep(0.01)


@contextmanager
def filled_by(ehrs: SlowEhrs, patience: float = 0.0) -> Iterator[Filling]:
    """Pages of these EHRs; at the end nobody works any more."""
    filling = Filling(ehrs.fill, Room(), patience)
    yield filling
    ehrs.go.set()
    for pool in filling._room._pools.values():
        pool.shutdown()


@pytest.fixture
def opened(house, make) -> Callable[[str, int], list[Launch]]:
    """Launches of an EHR whose pages nobody has filled."""

    def many(client: str, number: int) -> list[Launch]:
        now = house.clock.now()
        return [Launch(f"{client}-{n}", "iss", now, now, "", make.visit(client=client)) for n in range(number)]

    return many


def test_a_slow_ehr_keeps_no_other_waiting(opened) -> None:
    """However many of its pages wait, the page of another EHR is filled; each of the slow ones answers at once."""
    ehrs = SlowEhrs("slow")
    with filled_by(ehrs) as filling:
        assert [filling.filled(launch) for launch in opened("slow", 3 * AT_ONCE)] == [None] * 3 * AT_ONCE
        ehrs.wait_for(OF_ONE_EHR)
        filling._patience = HOLD_S / 2
        (other,) = opened("other", 1)
        found = filling.filled(other)
        assert found is not None
        assert found.round == 1
        assert not ehrs.go.is_set()
        assert ehrs.most["slow"] == OF_ONE_EHR


def test_a_page_that_waited_for_its_turn_is_filled_later(opened) -> None:
    """None is forgotten: all that waited are filled, each once, and asked for again they are there."""
    ehrs, launches = SlowEhrs("slow"), opened("slow", 2 * OF_ONE_EHR)
    with filled_by(ehrs) as filling:
        assert not any(filling.filled(launch) for launch in launches)
        assert all(filling.knows(launch) for launch in launches)
        ehrs.wait_for(OF_ONE_EHR)
        assert [filling.waits(launch) for launch in launches] == [False] * OF_ONE_EHR + [True] * OF_ONE_EHR
        ehrs.go.set()
        deadline = time.monotonic() + HOLD_S / 2
        while any(filling.knows(launch) for launch in launches) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not any(filling.knows(launch) for launch in launches)
        assert ehrs.working == {"slow": 0}
        assert not any(filling.waits(launch) for launch in launches)


def test_all_ehrs_together_have_a_bound(opened) -> None:
    """Six slow EHRs take no more than all the places there are."""
    names = [f"ehr-{n}" for n in range(6)]
    ehrs = SlowEhrs(*names)
    with filled_by(ehrs) as filling:
        for name in names:
            for launch in opened(name, OF_ONE_EHR):
                assert filling.filled(launch) is None
        ehrs.wait_for(AT_ONCE)
        time.sleep(0.1)
        assert sum(ehrs.working.values()) == AT_ONCE
    assert ehrs.most["all"] == AT_ONCE


def test_a_page_that_waits_says_so(house, doctor, make, monkeypatch) -> None:
    """Not that the EHR is sending the record: nobody has asked for it yet. Its turn comes by itself."""
    monkeypatch.setattr("smart_app.page.filling.OF_ONE_EHR", 1)
    go, assess = threading.Event(), house.assess

    def slow(visit, also=()):
        go.wait(HOLD_S)
        return assess(visit, also)

    deps = replace(house.deps, assess=slow)
    house.app = Flask("slow")
    house.app.register_blueprint(create_blueprint(deps))
    browser = house.app.test_client()
    (_, first), (url, second) = doctor.see(browser), doctor.see(browser, make.visit(patient_id="p2"))
    go.set()
    assert "The EHR is sending the record" in first
    assert "waits for its turn" in second
    assert "The EHR is sending the record" not in second
    assert "Nothing has been assessed yet" in second
    assert "Ada P2" in browser.get(url, base_url=make.base_url).text


def test_both_kinds_of_filling_share_the_room(house) -> None:
    """Opening a page and assessing again hold back no more answers together than either may alone."""
    page = getattr(house.app.view_functions["smart_app.page"], "__self__")  # noqa: B009  a bound method's object
    assert page._filling._room is page._again._room
    for _ in range(HELD_BACK):
        assert page._filling._room.held_back.acquire(blocking=False)
    assert page._filling.crowded()
    assert page._again.crowded()
    page._filling._room.held_back.release(HELD_BACK)
    assert not page._again.crowded()
