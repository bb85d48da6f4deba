"""The quality team's pages with everything on them: a history, monitors that ran, alerts, incidents, reviews."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from oversight_analytics.oversight_pictures import SHOTS
from oversight_analytics.oversight_stage import PASSWORD, Stage, running_stage

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Beside the pages with a picture: one of each kind that a list leads to.
OTHERS = ("models/sepsis-6h", "reviews")


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The pages on a real port."""
    with running_stage(tmp_path_factory.mktemp("stage")) as opened:
        yield opened


@pytest.fixture(scope="module")
def reader(chrome: Any) -> Iterator[Any]:
    """A browser of the quality team, signed in."""
    context = chrome.new_context(http_credentials={"username": "quality", "password": PASSWORD})
    yield context
    context.close()


@pytest.mark.parametrize("path", [*(shot.path for shot in SHOTS), *OTHERS])
def test_a_full_page_is_accessible(stage: Stage, reader: Any, path: str) -> None:
    """No finding of axe-core's rules, nothing to scroll sideways at 320 px, and on paper every table is open."""
    _judge(reader, f"{stage.url}/oversight/{path}")


@pytest.mark.parametrize("of", ["alerts", "incidents"])
def test_what_a_list_leads_to_is_accessible(stage: Stage, reader: Any, of: str) -> None:
    """The first of the list, with its history and its forms."""
    tab = reader.new_page()
    tab.goto(f"{stage.url}/oversight/{of}")
    links = [link.get_attribute("href") for link in tab.locator("main a").all()]
    tab.close()
    first = next(link for link in links if re.fullmatch(rf"/oversight/{of}/[^/?]+", link or ""))
    _judge(reader, f"{stage.url}{first}")


def test_the_committee_pack_is_accessible(stage: Stage, reader: Any, tmp_path: Path) -> None:
    """As the file that is sent around."""
    answer = reader.request.get(f"{stage.url}/oversight/exports/committee_pack.html")
    (tmp_path / "pack.html").write_bytes(answer.body())
    _judge(reader, (tmp_path / "pack.html").as_uri())


def _judge(reader: Any, address: str) -> None:
    """Open it in both widths."""
    from axe_playwright_python.sync_playwright import Axe

    options = {"runOnly": {"type": "tag", "values": RULES}, "resultTypes": ["violations"]}
    for width in (1280, 320):
        tab = reader.new_page()
        tab.set_viewport_size({"width": width, "height": 800})
        said: list[str] = []
        tab.on("console", lambda message, said=said: said.append(message.text))
        tab.route("**/favicon.ico", lambda route: route.abort())
        answer = tab.goto(address)
        assert answer is None or answer.ok
        found = Axe().run(tab, options=options).response["violations"]
        assert [(one["id"], [node["target"] for node in one["nodes"]][:3]) for one in found] == []
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        assert said == []
        tab.emulate_media(media="print")
        assert all(table.is_visible() for table in tab.locator("details table").all())
        tab.close()
