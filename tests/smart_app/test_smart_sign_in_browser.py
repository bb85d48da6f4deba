"""A posted authorization request whose endpoint leads over a sign-in page on another origin, in Chromium."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import pytest
from flask import Flask, redirect, request
from smart_peer import SCOPES
from werkzeug.serving import make_server

from ehr_simulator.whole_answers import whole
from smart_app.blueprint import create_blueprint
from smart_app.ports.ehr import Ehr

MANY = tuple(f"patient/{'X' * 40}{letter}.rs" for letter in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVW")


@contextmanager
def serving(app: Flask) -> Iterator[str]:
    """Run an app on a free port; gives its origin."""
    made = make_server("127.0.0.1", 0, whole(app), threaded=True)
    thread = threading.Thread(target=made.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{made.server_port}"
    made.shutdown()
    thread.join(5)
    made.server_close()


@pytest.fixture
def road(house, server, real_clock, sessions_for):
    """Serves page and sign-in page; gives the launch's address. `named` says whether the registry names the latter."""
    with ExitStack() as stack:

        def serve(named: bool) -> str:
            login, page = Flask("login"), Flask("page")
            origin = stack.enter_context(serving(page))
            login.add_url_rule("/", "login", lambda: redirect(f"{server.redirect_uri}?{request.query_string.decode()}"))
            server.redirect_uri = f"{origin}/smart/callback"
            server.sign_in = stack.enter_context(serving(login)) + "/"
            server.discovery["capabilities"] = ["authorize-post"]
            server.scope = f"launch openid fhirUser {' '.join((*SCOPES, *MANY))}"
            sign_in = (server.sign_in.removesuffix("/"),) if named else ()
            ehr = Ehr("general", server.iss, "chartside-app", sign_in_origins=sign_in)
            sessions = sessions_for(scopes=(*SCOPES, *MANY))
            deps = replace(
                house.deps, ehrs={ehr.iss: ehr}, sessions=sessions, clock=real_clock, base_url=origin, incidents=None
            )
            page.register_blueprint(create_blueprint(deps))
            return f"{origin}/smart/launch?iss={server.iss}&launch=L1"

        yield serve


@pytest.fixture
def tab(chrome):
    """A tab, closed at the end."""
    context = chrome.new_context()
    yield context.new_page()
    context.close()


def test_a_named_sign_in_page_is_passed(road, tab, server) -> None:
    """Post, sign-in page, callback, page."""
    tab.goto(road(True))
    tab.get_by_text("31 %").first.wait_for()
    assert server.methods == ["POST"]


def test_a_sign_in_page_that_nobody_named_stops_chromium(road, tab, server) -> None:
    """What the registry's key is for: the browser stays at the page that posts, which leads nowhere else."""
    said: list[str] = []
    tab.on("console", lambda message: said.append(message.text))
    tab.goto(road(False), wait_until="commit")
    turns = 0
    while not any("form-action" in text for text in said) and (turns := turns + 1) < 600:
        tab.wait_for_timeout(100)
    assert any("form-action" in text for text in said)
    tab.get_by_role("button", name="Continue").wait_for()
    assert server.token_forms == []
