"""Every page with figures says the same of the same entries, whether they lie in SQLite or in PostgreSQL."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from chartside.history.plan import SERVICES, Plan
from chartside.history.seed import Wishes, seed
from chartside.quality_outcomes import own_outcomes
from models.runtime.catalogue import read_manifests
from oversight.database import open_engine
from oversight.mart.build import bring_up
from oversight.pages import PageDeps, create_blueprint
from oversight.pages.blueprint import _with_figures
from oversight.pages.mart_source import FreshMart
from oversight.pseudonyms import Pseudonyms
from oversight.schema import upgrade

INSIDE = {"Authorization": "Basic " + base64.b64encode(b"quality:word").decode()}
AUDIT: Any = SimpleNamespace(note=lambda _event: None)
CLOCK: Any = SimpleNamespace(now=lambda: datetime(2026, 5, 31, 12, tzinfo=UTC))
WISHES = Wishes(date(2026, 5, 31), plan=replace(Plan(), stays=900))
SHELF = read_manifests()
PAGES = [address for address, _, _ in _with_figures(PageDeps(CLOCK, AUDIT, "word"))]
Client = FlaskClient


def served(url: str, folder: Path) -> Client:
    """The pages on a new ledger at a URL, with a small history."""
    engine = open_engine(url)
    upgrade(engine)
    seed(engine, Pseudonyms(b"k" * 32), {name: SHELF[name].info for name in SERVICES}, WISHES)
    bring_up(engine, folder)
    mart, app = FreshMart(engine, folder), Flask("test")
    app.extensions["engine"] = engine
    deps = PageDeps(CLOCK, AUDIT, "word", mart=mart, outcomes=own_outcomes(SHELF))
    app.register_blueprint(create_blueprint(deps))
    return app.test_client()


@pytest.fixture(scope="module")
def both(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Client, Client]]:
    """The same history on either."""
    folder = tmp_path_factory.mktemp("same")
    make: Callable[[str, str], Client] = lambda url, name: served(url, folder / name)  # noqa: E731
    clients = make(f"sqlite:///{folder / 'ledger.db'}", "small"), make(postgres, "large")
    yield clients
    for client in clients:
        client.application.extensions["engine"].dispose()


@pytest.mark.parametrize("service", ["", "&service=sepsis-6h"])
@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_the_same_on_either_database(both: tuple[Client, Client], page: str, service: str) -> None:
    """To the letter, and it is no page without figures."""
    address = f"{page}?from=2026-04-17&to=2026-05-31{service}"
    first, second = (client.get(address, headers=INSIDE) for client in both)
    assert first.status_code == second.status_code == 200
    assert first.text == second.text
    assert "No entry has been read yet" not in first.text
