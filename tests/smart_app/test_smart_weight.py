"""How heavy the page is, as Chromium loads it from the shipped service: every byte of every answer."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from bench.first_byte import PATIENT, Hospital, every_service, hospital
from ehr_simulator.patients import generate

MOST_BYTES = 150_000


@dataclass
class Loaded:
    """A page that was loaded. `bodies` are the answers of the application, by path; a page by `PAGE`.

    `carried` is how many bytes of bodies went over the network.
    """

    page: Any
    bodies: dict[str, bytes]
    carried: int

    @property
    def weight(self) -> int:
        """All of it, without what the network would save."""
        return sum(map(len, self.bodies.values()))

    def tell(self, what: str) -> None:
        """For who reads the test's output."""
        sys.stdout.write(f"\n{what}: {self.weight:,} bytes in {len(self.bodies)} answers, {self.carried:,} carried")
        for path, body in self.bodies.items():
            sys.stdout.write(f"\n  {len(body):8,}  {path}")


PAGE = "the page"


@pytest.fixture(scope="module")
def open_hospital(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Hospital]]:
    """Starts the shipped service with services that its site asked for, beside an EHR with the invented patients."""
    with ExitStack() as stack:

        def start(*services: str) -> Hospital:
            bundles = generate(datetime.now(UTC))
            chosen = [bundles["00-hospital"], bundles[PATIENT]]
            return stack.enter_context(hospital(tmp_path_factory.mktemp("weight"), services, chosen))

        yield start


@pytest.fixture
def load(chrome: Any) -> Iterator[Callable[[Hospital], Loaded]]:
    """Opens the page of the heaviest patient in a new browser, until everything has come."""
    contexts = []

    def open_(place: Hospital) -> Loaded:
        contexts.append(chrome.new_context())
        page, answers = contexts[-1].new_page(), list[Any]()
        page.on("response", lambda answer: answers.append(answer))  # noqa: PLW0108  Playwright marks what it is given
        page.goto(place.launch(PATIENT), wait_until="networkidle")
        page.locator("article.model").first.wait_for()
        ours = [one for one in answers if one.url.startswith(place.chartside) and one.status == 200]
        bodies = {_name(one.url, place.chartside): one.body() for one in ours}
        return Loaded(page, bodies, sum(one.request.sizes()["responseBodySize"] for one in ours))

    yield open_
    for context in contexts:
        context.close()


def _name(url: str, origin: str) -> str:
    """The path, without the id of the launch."""
    path = url.removeprefix(origin)
    return PAGE if path.startswith("/smart/page/") else path


def test_the_page_as_shipped_is_light(open_hospital: Callable[..., Hospital], load: Callable[..., Loaded]) -> None:
    """HTML, style, scripts and icon of a page with every model that is always offered: at most 150 KB.

    A model's file comes only when its what-if is opened.
    """
    loaded = load(open_hospital())
    loaded.tell("as shipped")
    assert {PAGE, "/smart/static/page.css", "/smart/static/what_if/page.js"} <= loaded.bodies.keys()
    assert b'data-model="' in loaded.bodies[PAGE]
    assert loaded.weight <= MOST_BYTES, loaded.weight
    files: list[Any] = []
    loaded.page.on("response", lambda answer: files.append(answer) if "/model/" in answer.url else None)
    loaded.page.locator(".what-if summary").first.click()
    loaded.page.locator("details[data-state=ready]").first.wait_for()
    sys.stdout.write(f"\n  opening what-if reads a model file of {sum(len(one.body()) for one in files):,} bytes more")
    assert len(files) == 1


def test_the_page_with_every_service_is_light(
    open_hospital: Callable[..., Hospital], load: Callable[..., Loaded]
) -> None:
    """All that a site can ask for at the opening of a chart, on one page: at most 150 KB over the network."""
    loaded = load(open_hospital(*every_service()))
    loaded.tell("every service")
    assert loaded.page.locator("article.model").count() == len(every_service())
    assert 0 < loaded.carried <= MOST_BYTES < loaded.weight, (loaded.carried, loaded.weight)
