"""Takes the screenshots of docs/smart.md: `make screenshots`. Everything in them is invented, and runs for real.

It uses the ward of tests/smart_hostile (a strict EHR, a FHIR server, the application) and a headless Chromium.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
from flask import request
from playwright.sync_api import sync_playwright

from smart_hostile.ward import PATIENT, TOKEN_SECONDS, Ward, running_ward

FOLDER = Path(__file__).resolve().parents[2] / "docs/images"
WIDTH, TALL, MOST_BYTES = 1280, 750, 150_000
SLOW_SECONDS = 9.0


@dataclass
class Camera:
    """A tab of a browser of its own, and where its pictures go."""

    tab: Any
    ward: Ward

    def open(self, path: str) -> None:
        """Open an address of ours as a whole tab."""
        self.tab.goto(f"{self.ward.url}{path}")

    def launch(self) -> None:
        """Launch from the chart, up to the page."""
        self.open(self.launch_path())
        self.tab.locator("article.model").first.wait_for()

    def launch_path(self) -> str:
        """A launch as the chart makes one."""
        return f"/smart/launch?iss={self.ward.ehr.fhir}&launch={self.ward.ehr.launch(PATIENT)}"

    def press(self, name: str) -> None:
        """Press a button."""
        self.tab.get_by_role("button", name=name, exact=True).first.click()

    def shoot(self, name: str, height: int, around: str = "", above: int = 0) -> None:
        """Take a picture of the top, or from so far above an element."""
        path, top = FOLDER / f"smart-{name}.png", 0.0
        if around:
            self.tab.locator(around).first.wait_for()
            self.tab.evaluate("scrollTo(0, 0)")  # the patient's line stays at the top of the window
            place = "to => scrollY + document.querySelector(to).getBoundingClientRect().top"
            top = self.tab.evaluate(place, around) - above
        clip = {"x": 0, "y": top, "width": WIDTH, "height": height}
        self.tab.screenshot(path=path, clip=clip, full_page=True)
        size = path.stat().st_size
        click.echo(f"{path.name}: {size // 1000} kB{' TOO LARGE' if size >= MOST_BYTES else ''}")


def card(camera: Camera) -> None:
    """The card on the chart, with its links, and the form that the second one opens."""
    camera.tab.goto(f"{camera.ward.ehr.settings.base_url}/chart/{PATIENT}")
    camera.shoot("card", 520)
    camera.tab.get_by_role("link", name="Report a problem with this advice").first.click()
    camera.tab.frame_locator("iframe").locator("form[id^='report-']:focus").wait_for()
    camera.shoot("report", 560, "iframe", above=10)


def page(camera: Camera) -> None:
    """The page of that card, a decision on it, what-if, and paper."""
    camera.launch()
    camera.shoot("page", 640)
    camera.tab.locator(".what-if summary").first.click()
    for name in ("Glucose", "Potassium"):
        for _ in range(2):
            camera.tab.get_by_label(name).first.press("PageDown")
    camera.tab.get_by_text("With what was measured").first.wait_for()
    camera.shoot("what-if", 700, ".what-if .answer", above=450)
    camera.tab.emulate_media(media="print")
    camera.shoot("print", 620)
    camera.tab.emulate_media(media="screen")
    camera.tab.locator("details.override summary").first.click()
    camera.tab.get_by_label("I judge the risk differently").first.check()
    camera.tab.get_by_role("textbox", name="Comment").first.fill("Improving since the last results")
    camera.press("Save override")
    camera.tab.get_by_text("Saved: overridden").first.wait_for()
    camera.shoot("saved", 280, ".decide", above=60)


def reasons(camera: Camera) -> None:
    """The drivers with their usual ranges, the trends, and a source."""
    camera.launch()
    camera.shoot("why", 620, "table.drivers", above=70)
    camera.shoot("trends", 420, "section:has(> h3[id^='t-'])", above=60)
    camera.tab.locator("table.drivers a").first.click()
    camera.tab.locator("#now").wait_for()
    camera.shoot("source", 520)


def spanish(camera: Camera) -> None:
    """The same page for a reader of Spanish."""
    camera.launch()
    camera.shoot("spanish", 540)


def standalone(camera: Camera) -> None:
    """Choosing a patient at the EHR, keeping one kind of data back, and what the page says of it."""
    camera.open("/smart/standalone/ward")
    camera.press("Sign in")
    camera.shoot("picker", 320)
    camera.tab.locator(f'button[value="{PATIENT}"]').click()
    camera.tab.get_by_label("patient/MedicationRequest.rs").uncheck()
    camera.press("Allow")
    camera.tab.locator("#partly").wait_for()
    camera.shoot("partly", 420)


def refused(camera: Camera) -> None:
    """The EHR says no."""
    camera.open("/smart/standalone/ward")
    camera.press("Sign in")
    camera.tab.locator(f'button[value="{PATIENT}"]').click()
    camera.press("Deny")
    camera.shoot("refused", 350)


def over(camera: Camera) -> None:
    """The permission has run out."""
    camera.ward.ehr.settings.mischief.arm("refresh_refused")
    camera.launch()
    camera.ward.clock.ahead += timedelta(seconds=TOKEN_SECONDS + 1)
    camera.press("Assess again now")
    camera.tab.get_by_text("Incident").first.wait_for()
    camera.shoot("over", 320)


def slow(camera: Camera) -> None:
    """A record that does not come: while it is waited for, and when the time is over."""
    with _slow_record(camera.ward):
        page = getattr(camera.ward.app.view_functions["smart_app.page"], "__self__")  # noqa: B009
        page._filling._patience = 0.3
        camera.tab.route("**/smart/page/**", _once)  # a picture cannot be taken while the next look is under way
        camera.open(camera.launch_path())
        camera.tab.get_by_role("status").wait_for()
        camera.shoot("busy", 300)
        camera.tab.unroute("**/smart/page/**")
        camera.tab.reload()
        camera.tab.get_by_text("Incident").first.wait_for()
        camera.shoot("unread", 420)


def _once(route: Any) -> None:
    """An answer as it came, that does not ask for another look."""
    answer = route.fetch()
    route.fulfill(response=answer, headers={k: v for k, v in answer.headers.items() if k != "refresh"})


@contextmanager
def _slow_record(ward: Ward) -> Iterator[None]:
    """The EHR keeps the record back."""
    waiting = threading.Event()

    def wait() -> None:
        """Before each request of the EHR."""
        if request.path.startswith("/fhir/Observation") and waiting.is_set():
            time.sleep(SLOW_SECONDS)

    ward.ehr.app.before_request_funcs.setdefault(None, []).append(wait)
    waiting.set()
    yield
    waiting.clear()


SCENES: tuple[Callable[[Camera], None], ...] = (card, page, reasons, spanish, standalone, refused, over, slow)


@click.command()
@click.argument("names", nargs=-1)
def main(names: tuple[str, ...]) -> None:
    """Take all, or the scenes that are named."""
    browser_path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as folder, running_ward(Path(folder)) as ward, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        for scene in SCENES:
            if not names or scene.__name__ in names:
                ward.fresh()
                look = {"width": WIDTH, "height": TALL}
                locale = "es-MX" if scene is spanish else "en-US"
                context = browser.new_context(viewport=look, reduced_motion="reduce", locale=locale)
                scene(Camera(context.new_page(), ward))
                context.close()
        browser.close()


if __name__ == "__main__":
    main()
