"""What the tests of hostile and broken EHRs share: one ward for the folder."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from smart_hostile.evil_ward import HURRIED, PATIENT_ENOUGH, EvilWard, running_evil_ward
from smart_hostile.frame import Tab
from smart_hostile.person import Person
from smart_hostile.ward import Ward, listening, running_ward


@pytest.fixture(scope="session", autouse=True)
def shelf(one_shelf: None) -> None:
    """The houses of this folder share their models."""


@pytest.fixture(scope="session")
def whole_ward(shelf: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    """Application, two EHRs, FHIR server."""
    with running_ward(tmp_path_factory.mktemp("ward")) as made:
        yield made


@pytest.fixture
def ward(whole_ward: Ward) -> Iterator[Ward]:
    """The ward with nothing armed; at the end no secret has been said anywhere."""
    whole_ward.fresh()
    with listening(whole_ward.said):
        yield whole_ward
    leaks, loud = whole_ward.leaks(), len(whole_ward.said.lines)
    whole_ward.fresh()
    assert leaks == []
    assert loud


@pytest.fixture
def person(ward: Ward) -> Iterator[Person]:
    """A browser; no answer of ours to it holds a secret of an EHR."""
    made = Person(ward)
    yield made
    assert ward.leaks(*made.answers) == []


@pytest.fixture
def browser(chrome: Any, ward: Ward) -> Iterator[Any]:
    """A Chromium of its own: opens tabs, which share their cookies."""
    context = chrome.new_context()
    yield context
    context.close()


@pytest.fixture
def tab(browser: Any, ward: Ward) -> Tab:
    """A tab of the EHR."""
    return Tab(browser.new_page(), ward)


@pytest.fixture(scope="session")
def whole_evil_ward(shelf: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EvilWard]:
    """Application, authorization server, and a FHIR server that does what a test plans."""
    with running_evil_ward(tmp_path_factory.mktemp("evil"), PATIENT_ENOUGH) as made:
        yield made


@pytest.fixture(scope="session")
def whole_hurried_ward(shelf: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EvilWard]:
    """The same with little time for reads: for servers that are slow."""
    with running_evil_ward(tmp_path_factory.mktemp("hurried"), HURRIED) as made:
        yield made


@pytest.fixture
def evil_ward(whole_evil_ward: EvilWard) -> Iterator[EvilWard]:
    """The ward with a good FHIR server; at the end no token has been said anywhere."""
    yield from visited(whole_evil_ward)


@pytest.fixture
def hurried_ward(whole_hurried_ward: EvilWard) -> Iterator[EvilWard]:
    """The ward of slow servers."""
    yield from visited(whole_hurried_ward)


def visited(ward: EvilWard) -> Iterator[EvilWard]:
    """One test's time in a ward."""
    ward.fresh()
    with listening(ward.said):
        yield ward
    assert ward.leaks() == []
    ward.evil.plan.clear()
