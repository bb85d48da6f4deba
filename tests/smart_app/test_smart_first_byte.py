"""What stands between the record's arrival and the page: no request to the EHR and no turn of waiting.

How long it takes is measured by `make bench-page`; here it is counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import Event
from typing import Any

import pytest
from flask import request

from chartside.factory import create_app
from clinical.assessment import Finding, ModelInfo
from clinical.need import DataNeed
from clinical.ports import RiskModel
from clinical.record import PatientRecord
from smart_hostile.person import Person
from smart_hostile.ward import PATIENT, Ward, opened, running_ward

LONG_S = 60.0


@dataclass
class Course:
    """What happened, in order: an EHR's read that was asked or answered, a model that began. `go` lets reads go on."""

    events: list[tuple[str, str]] = field(default_factory=list)
    go: Event = field(default_factory=Event)
    held: Event = field(default_factory=Event)

    def asked(self) -> None:
        """Before each request of the EHR."""
        if request.path.startswith("/fhir/"):
            self.events.append(("asked", request.path))
        if request.path.startswith("/fhir/Observation") and not self.go.is_set():
            self.held.set()
            self.go.wait(LONG_S)

    def of(self, *kinds: str) -> list[tuple[str, str]]:
        """Only these."""
        return [one for one in self.events if one[0] in kinds]


@dataclass(frozen=True)
class Watched:
    """A model that says when it begins."""

    model: RiskModel
    course: Course

    @property
    def info(self) -> ModelInfo:
        """Its own."""
        return self.model.info

    @property
    def needs(self) -> Sequence[DataNeed]:
        """Its own."""
        return self.model.needs

    def assess(self, record: PatientRecord, as_of: datetime) -> Finding:
        """Its own, which is noted."""
        self.course.events.append(("assessed", self.info.id))
        return self.model.assess(record, as_of)


@pytest.fixture(scope="module")
def shared_course() -> Course:
    """What happens on the ward."""
    return Course()


@pytest.fixture(scope="module")
def ward(one_shelf: None, shared_course: Course, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    """The whole application with all models that are always offered, on a strict EHR."""
    folder = tmp_path_factory.mktemp("ward")
    with running_ward(folder) as made, opened(folder, made.url, made.clock) as house:
        made.ehr.app.before_request_funcs.setdefault(None, []).append(shared_course.asked)
        models = {name: Watched(model, shared_course) for name, model in house.models.items()}
        yield replace(made, house=house, app=create_app(replace(house, models=models)))


@pytest.fixture
def course(shared_course: Course) -> Course:
    """From the beginning, with an EHR that answers at once."""
    shared_course.events.clear()
    shared_course.held.clear()
    shared_course.go.set()
    return shared_course


@pytest.fixture
def person(ward: Ward) -> Person:
    """A clinician who waits as long as it takes: how fast this machine is must not matter."""
    page = getattr(ward.app.view_functions["smart_app.page"], "__self__")  # noqa: B009  a bound method's object
    for filling in (page._filling, page._again):
        filling._patience = LONG_S
    return Person(ward)


def test_when_the_record_is_there_nothing_is_asked_any_more(course: Course, person: Person) -> None:
    """Every read comes before the first model; from there to the page, and at a reload, the EHR hears nothing."""
    _, page = person.launch()
    assert page.status_code == 200
    kinds = [kind for kind, _ in course.events]
    assert kinds.count("assessed") >= 3
    assert "asked" not in kinds[kinds.index("assessed") :]
    before = list(course.events)
    assert person.get(page.request.path).status_code == 200
    assert course.events == before


def test_a_new_assessment_is_as_direct(course: Course, person: Person) -> None:
    """Read, assess, show: also the second time, and the browser is sent to the page and not to wait."""
    _, page = person.launch()
    course.events.clear()
    assert person.again(page).status_code == 200
    kinds = [kind for kind, _ in course.events]
    assert "asked" in kinds
    assert "asked" not in kinds[kinds.index("assessed") :]


def test_nobody_is_read_twice_for_one_page(course: Course, person: Person) -> None:
    """The patient is asked for once by the page, however many models look at it."""
    person.launch()
    assert course.of("asked").count(("asked", f"/fhir/Patient/{PATIENT}")) == 1


def test_the_request_that_waits_for_the_record_is_the_one_that_gets_the_page(course: Course, person: Person) -> None:
    """The EHR holds the record back; when it comes, the answer to the first request is the page: no second turn."""
    course.go.clear()
    with ThreadPoolExecutor(1) as pool:
        answer: Any = pool.submit(person.launch)
        assert course.held.wait(LONG_S)
        assert not answer.done()
        course.go.set()
        _, page = answer.result(LONG_S)
    assert page.status_code == 200
    assert "Refresh" not in page.headers
    assert [text for text in person.answers if "Reading the record" in text] == []
