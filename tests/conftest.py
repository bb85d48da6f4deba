"""What all tests share: the clock, the open data, and how a missing part is treated."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Never

import pytest

pytest_plugins = ["findings", "conformance_plugin"]

ROOT = Path(__file__).resolve().parent.parent


class FixedClock:
    """A clock that stands still until it is set."""

    def __init__(self, time: datetime) -> None:
        self.time = time

    def now(self) -> datetime:
        return self.time


def missing(what: str) -> Never:
    """Skip for a part that a user's machine may lack; under CI nothing may be lacking."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} is missing, and CI may not skip")
    pytest.skip(f"{what} is missing")


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(datetime(2026, 3, 2, 8, 0, tzinfo=UTC))


@pytest.fixture(scope="session")
def one_shelf() -> Iterator[None]:
    """Houses share the shipped models: to verify and open them again for each would take longer than most tests.

    Models keep nothing of a call. What a test names itself, models of a site or other keys, is opened for it.
    """
    from chartside import factory

    opened = factory.load_models
    shipped = cache(lambda keys: opened(keys=keys))

    def load(local: Path | None = None, keys: Any = None) -> Any:
        return opened(local=local, keys=keys) if local else shipped(tuple(keys))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(factory, "load_models", load)
        yield


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of open data beside the project."""
    folder = Path(os.environ.get("CHARTSIDE_SHARED", ROOT.parent / "shared"))
    if not (folder / "data").is_dir():
        missing("the open data folder (../shared or CHARTSIDE_SHARED)")
    return folder


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        missing("Chromium")
    return found


@pytest.fixture(scope="session")
def chrome(chromium: str) -> Iterator[Any]:
    """A headless Chromium, one for the whole run: Playwright allows one event loop in a thread."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield opened
        opened.close()
