"""In and out of the quality team's pages in Chromium, with the stand-in hospital at another site."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from open_ports import free_port
from werkzeug.serving import make_server

from chartside.quality_sign_in import sign_in_deps
from chartside.sign_in import load_sign_in
from ehr_simulator.demo.quality_sign_in import client, settings_toml
from ehr_simulator.ehr_server import SilentHandler, running_ehr
from ehr_simulator.settings import EhrSettings
from ehr_simulator.whole_answers import whole
from fhir_adapters.http.transport import Transport
from oversight.pages import PageDeps, create_blueprint
from oversight.used_tokens import SqlUsedTokens


class RealClock:
    """The time, moved by `ahead`."""

    ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@pytest.fixture
def kind() -> str:
    """The browser does not know which database it is; one is enough."""
    return "sqlite"


@pytest.fixture
def clock() -> RealClock:
    return RealClock()


@contextmanager
def served(app: Flask, port: int) -> Iterator[None]:
    """The app on a port."""
    server = make_server("127.0.0.1", port, whole(app), True, request_handler=SilentHandler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()


@pytest.fixture
def origin(page_mart: Any, notes: Any, engine: Any, clock: RealClock, tmp_path: Path) -> Iterator[str]:
    """The pages at `localhost`, the hospital at `127.0.0.1`: to a browser these are two sites."""
    here = f"http://localhost:{free_port()}"
    base = f"http://127.0.0.1:{free_port()}"
    settings = EhrSettings(base, "http://127.0.0.1:9/fhir", here, (client(here),), clock=clock.now)
    (tmp_path / "sign-in.toml").write_text(settings_toml(settings))
    entry = load_sign_in(tmp_path / "sign-in.toml")
    assert entry is not None
    deps = sign_in_deps(
        replace(entry, idle=timedelta(minutes=10)),
        transport=Transport(),
        clock=clock,
        used=SqlUsedTokens(engine, clock),
        base_url=here,
        seal_key=b"k" * 32,
    )
    app = Flask("pages")
    app.register_blueprint(create_blueprint(PageDeps(clock, notes, None, mart=page_mart, sign_in=deps)))
    with running_ehr(settings), served(app, int(here.rpartition(":")[2])):
        yield here


def test_a_person_signs_in_looks_and_signs_out(chrome: Any, origin: str, clock: RealClock, notes: Any) -> None:
    """From the button over the hospital's page to the page that was asked for; idle, back in, and out at both."""
    page = chrome.new_context(viewport={"width": 360, "height": 740}).new_page()
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    asked = f"{origin}/oversight/override-rates?by=month"
    page.goto(asked)
    sign_in(page, "ann")
    page.wait_for_url(asked)
    assert "Signed in as ann (quality)" in page.inner_text("body")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    (cookie,) = page.context.cookies()
    assert (cookie["httpOnly"], cookie["secure"], cookie["sameSite"]) == (True, True, "Lax")
    clock.ahead = timedelta(minutes=10)
    page.reload()
    assert "You were signed out after 10 minutes without use" in page.inner_text("h1")
    sign_in(page, "mo")
    page.wait_for_url(asked)
    assert "Signed in as mo (modeller)" in page.inner_text("body")
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("heading", name="You are signed out of these pages").wait_for()
    assert page.context.cookies() == []
    page.get_by_role("link", name=re.compile("sign out of Demo hospital")).click()
    page.wait_for_url(f"{origin}/oversight/sign-in")
    page.goto(asked)
    page.get_by_role("link", name="Sign in with Demo hospital").wait_for()
    assert [text for text in problems if "favicon" not in text and "404" not in text] == []
    assert "code=" not in str(notes.events)
    page.context.close()


def sign_in(page: Any, user: str) -> None:
    """From the button through the hospital's page."""
    page.get_by_role("link", name="Sign in with Demo hospital").click()
    page.get_by_label("User").select_option(user)
    page.get_by_role("button", name="Sign in").click()


def test_who_has_no_role_is_told_so(chrome: Any, origin: str) -> None:
    """With the way to become somebody else."""
    page = chrome.new_context().new_page()
    page.goto(f"{origin}/oversight/override-rates")
    sign_in(page, "pat")
    page.get_by_role("heading", name="You have no role here").wait_for()
    assert page.context.cookies() == []
    page.get_by_role("link", name="Sign out of Demo hospital").wait_for()
    page.context.close()
