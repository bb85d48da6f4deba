"""Whole launches in Chromium: the page in a cross-site frame against a strict authorization server."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from flask import Flask
from smart_peer import SCOPES
from werkzeug.serving import make_server

from smart_app.blueprint import create_blueprint
from smart_app.deps import Deps
from smart_app.ports.ehr import Ehr
from whole_answers import whole

SANDBOX = "allow-forms allow-modals allow-pointer-lock allow-popups allow-same-origin allow-scripts allow-downloads"


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
def chart_app() -> Flask:
    """The EHR's own page: a frame around the address in `SRC`."""
    app = Flask("chart")
    app.add_url_rule(
        "/",
        "chart",
        lambda: f'<!doctype html><iframe sandbox="{SANDBOX}" width="900" height="900" src="{app.config["SRC"]}">',
    )
    return app


@pytest.fixture
def chart(chart_app: Flask) -> Iterator[str]:
    """On localhost, so that the page on 127.0.0.1 is another site."""
    with serving(chart_app) as origin:
        yield origin.replace("127.0.0.1", "localhost")


@pytest.fixture
def road(house, make, server, real_clock, sessions_for, chart: str):
    """Serves the page with real sessions; gives its origin."""
    opened = []

    def serve(**changes) -> str:
        app = Flask("page")
        sessions = sessions_for(**changes)
        ehr = Ehr("general", server.iss, "chartside-app", (chart,))
        context = serving(app)
        origin = context.__enter__()
        opened.append(context)
        deps = Deps(
            {ehr.iss: ehr}, sessions, house.assess, house.banner, house.ledger, real_clock, make.contexts,
            origin, b"s" * 32,
        )  # fmt: skip
        app.register_blueprint(create_blueprint(replace(deps)))
        server.redirect_uri = f"{origin}/smart/callback"
        return origin

    yield serve
    for context in opened:
        context.__exit__(None, None, None)


@pytest.fixture
def frame(chrome, chart: str, chart_app: Flask):
    """Opens an address in the EHR's frame; `script` says whether JavaScript runs in it."""
    contexts = []

    def open_(url: str, *, script: bool = True):
        chart_app.config["SRC"] = url
        contexts.append(chrome.new_context(java_script_enabled=script))
        page = contexts[-1].new_page()
        page.goto(chart)
        return page.frame_locator("iframe")

    yield open_
    for context in contexts:
        context.close()


def test_a_launch_from_the_chart_and_leaving(road, frame, server) -> None:
    """The whole road in a cross-site frame, with real tokens."""
    origin = road()
    frame(f"{origin}/smart/launch?iss={server.iss}&launch=L1").get_by_text("31 %").first.wait_for()
    assert server.methods == ["GET"]


def test_a_standalone_launch(road, frame, server) -> None:
    """From our own link."""
    server.scope = f"launch/patient openid fhirUser {' '.join(SCOPES)}"
    frame(f"{road()}/smart/standalone/general").get_by_text("31 %").first.wait_for()


@pytest.mark.parametrize("script", [True, False])
def test_a_posted_request_arrives(road, frame, server, script: bool) -> None:
    """By itself with JavaScript, by its button without; the policy lets the form go there and come back."""
    many = tuple(f"patient/{'X' * 40}{letter}.rs" for letter in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVW")
    server.discovery["capabilities"] = ["authorize-post"]
    server.scope = f"launch openid fhirUser {' '.join(many)}"
    shown = frame(f"{road(scopes=many)}/smart/launch?iss={server.iss}&launch=L1", script=script)
    if not script:
        shown.get_by_role("button", name="Continue").click()
    shown.get_by_text("31 %").first.wait_for()
    assert server.methods == ["POST"]


def test_a_refused_identity_is_words(road, frame, server) -> None:
    """A wrong nonce: no risk is shown, and what to do is said."""
    server.claims["nonce"] = "another"
    shown = frame(f"{road()}/smart/launch?iss={server.iss}&launch=L1")
    shown.get_by_text("id_token does not belong to this launch").wait_for()
    assert shown.get_by_text("31 %").count() == 0
