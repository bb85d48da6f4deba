"""The pages of a standalone launch in Chromium, by GET and by a form that the app posts across origins."""

from __future__ import annotations

import html
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from flask import Flask, request
from werkzeug.serving import make_server

from ehr_simulator.ehr_server import SilentHandler, running_ehr
from ehr_simulator.settings import EhrSettings, OAuthClient
from ehr_simulator.whole_answers import whole

SCOPE = "openid fhirUser launch/patient launch/encounter patient/Patient.rs patient/Observation.rs"


@dataclass
class Place:
    """An app at its own origin, with the request that it sends to the EHR."""

    origin: str
    settings: EhrSettings
    asked: dict[str, str]


@pytest.fixture
def place(ehr_settings: EhrSettings, free_ports: Any, road: Any) -> Iterator[Place]:
    """App and EHR, both served."""
    app_port, ehr_port = free_ports(2)
    origin, base = f"http://localhost:{app_port}", f"http://127.0.0.1:{ehr_port}"
    callback = f"{origin}/callback"
    settings = replace(ehr_settings, base_url=base, clients=(OAuthClient("chartside", (callback,)),))
    asked = road.request(launch=None, scope=SCOPE, redirect_uri=callback, aud=f"{base}/fhir")
    app = Flask("app")

    @app.get("/post")
    def post() -> str:
        fields = "".join(f'<input type="hidden" name="{k}" value="{html.escape(v)}">' for k, v in asked.items())
        return f'<form method="post" action="{base}/oauth/authorize">{fields}<button>Go</button></form>'

    @app.get("/callback")
    def back() -> str:
        return "back in the app" if "code" in request.args else "no code"

    server = make_server("127.0.0.1", app_port, whole(app), True, request_handler=SilentHandler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    with running_ehr(settings):
        yield Place(origin, settings, asked)
    server.shutdown()
    thread.join(5)
    server.server_close()


@pytest.mark.parametrize("by_post", [False, True], ids=["get", "post"])
def test_a_person_walks_the_pages(chrome: Any, place: Place, by_post: bool) -> None:
    """Sign in, choose patient and encounter, untick a scope, allow; the browser lands in the app with a code."""
    page = chrome.new_context().new_page()
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    if by_post:
        page.goto(f"{place.origin}/post")
        page.get_by_role("button", name="Go").click()
    else:
        page.goto(f"{place.settings.base_url}/oauth/authorize?{urlencode(place.asked)}")
    page.get_by_role("button", name="Sign in").click()
    page.locator('button[value="sim-02"]').click()
    page.locator('button[value="sim-02-stay"]').click()
    page.get_by_label("patient/Observation.rs").uncheck()
    page.get_by_role("button", name="Allow").click()
    page.wait_for_url(f"{place.origin}/callback*")
    assert page.inner_text("body") == "back in the app"
    assert parse_qs(urlsplit(page.url).query)["iss"] == [place.settings.base_url]
    assert [text for text in problems if "favicon" not in text and "404" not in text] == []
    page.context.close()


def test_the_pages_cannot_be_framed_by_others(chrome: Any, place: Place) -> None:
    """Against clickjacking on the approval page."""
    page = chrome.new_context().new_page()
    page.goto(f"{place.origin}/callback")
    address = f"{place.settings.base_url}/oauth/authorize?{urlencode(place.asked)}"
    page.evaluate("a => { const f = document.createElement('iframe'); f.src = a; document.body.append(f); }", address)
    page.wait_for_timeout(500)
    assert all("Sign in" not in frame.content() for frame in page.frames)
    page.context.close()
