"""Whole launches in Chromium: the page in a cross-site frame against a strict authorization server."""

from dataclasses import replace

import pytest
from flask import Flask
from smart_peer import SCOPES

from smart_app.blueprint import create_blueprint
from smart_app.deps import Deps
from smart_app.ports.ehr import Ehr


@pytest.fixture
def road(house, make, server, real_clock, sessions_for, chart: str, serve):
    """Serves the page with real sessions; gives its origin."""

    def open_(**changes) -> str:
        app = Flask("page")
        sessions = sessions_for(**changes)
        ehr = Ehr("general", server.iss, "chartside-app", (chart,))
        origin = serve(app)
        deps = Deps(
            {ehr.iss: ehr}, sessions, house.assess, house.banner, house.ledger, real_clock, make.contexts,
            origin, b"s" * 32,
        )  # fmt: skip
        app.register_blueprint(create_blueprint(replace(deps)))
        server.redirect_uri = f"{origin}/smart/callback"
        return origin

    return open_


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
