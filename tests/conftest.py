"""What all tests share: the clock, the open data, and how a missing part is treated."""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Never

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import providers

pytest_plugins = ["findings", "conformance_plugin", "compiled_templates"]

ROOT = Path(__file__).resolve().parent.parent


# Tests that put many inputs through the same lines. They run without coverage, which would double their time: what a
# line does is shown by others.
MANY_INPUTS = (
    "bench/",
    "conformance/",
    "ehr_simulator/",
    "fhir_adapters/test_fhir_plans.py",
    "fhir_adapters/test_fhir_resolver_properties.py",
    "fhir_adapters/test_fhir_shapes.py",
    "formulae/test_formulae_properties.py",
    "hostile/",
    "models/test_record_digest.py",
    "models/test_words.py",
    "models_mortality/test_mortality_parity.py",
    "models_readmission/test_readmission_skew.py",
    "models_readmission/test_readmission_source.py",
    "models_sepsis/test_sepsis_features.py",
    "oversight_truth/",
    "road/",
    "smart_hostile/",
    "what_if/test_what_if_browser.py",
    "what_if/test_what_if_made_charts.py",
    "what_if/test_what_if_real_path.py",
)

# What a property is tried with must not hang on chance, nor on how busy the machine is: the same examples in each run,
# and none of them timed. Others are looked for with `--hypothesis-profile search`.
UNTIMED = (HealthCheck.too_slow,)
settings.register_profile("same", deadline=None, derandomize=True, suppress_health_check=UNTIMED, print_blob=True)
settings.register_profile("search", deadline=None, suppress_health_check=UNTIMED, max_examples=1000)
settings.load_profile("same")

# Files that take longest. They go first, so that no process is left with one of them when the others are done.
LONG = (
    "ehr_simulator/test_ehr_simulator_whole_demo.py",
    "oversight/test_oversight_monitors.py",
    "oversight_analytics/test_analytics_pages.py",
    "oversight_truth/",
    "road/",
    "what_if/",
)


# What is made while tests are collected stays to the end: looking through it again and again costs a tenth of the time.
gc.disable()


def pytest_collection_finish() -> None:
    """From here on only what tests make is looked through, and examples hold words of no further modules.

    Hypothesis takes words and numbers from the sources that are imported when it draws. Which are, would hang on the
    tests that ran before.
    """
    known = providers._get_local_constants()
    providers._get_local_constants = lambda: known
    gc.freeze()
    gc.enable()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Comparisons that `make test` makes on a part only."""
    parser.addoption("--every-chart", action="store_true", help="compare every chart and input, not a part of them")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that are not measured, and begin with the long ones."""
    for item in items:
        if _place(item).startswith(MANY_INPUTS):
            item.add_marker("no_cover")
    items.sort(key=lambda item: not _place(item).startswith(LONG))


def _place(item: pytest.Item) -> str:
    """The file of a test, from this folder on."""
    folder = Path(__file__).parent
    return item.path.relative_to(folder).as_posix() if item.path.is_relative_to(folder) else ""


@pytest.fixture(scope="session")
def every_chart(pytestconfig: pytest.Config) -> bool:
    """Whether all comparisons are asked for: `make test-charts`."""
    return bool(pytestconfig.getoption("--every-chart"))


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
    from chartside import before_start

    opened = before_start.load_models
    shipped = cache(lambda keys: opened(keys=keys))

    def load(local: Path | None = None, keys: Any = None) -> Any:
        return opened(local=local, keys=keys) if local else shipped(tuple(keys))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(before_start, "load_models", load)
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
