"""Texts of a hostile record at both doors: scripts, Markdown, header lines. None of it becomes part of page or card."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hostile.judge import card_faults
from smart_hostile import evil_fhir as evil
from smart_hostile.evil_ward import EvilWard, at_both_doors


def test_header_lines_in_a_record_stay_text(evil_ward: EvilWard) -> None:
    """A name with line breaks and a cookie in it is a name."""
    line = "Zz\r\nSet-Cookie: stolen=1\r\n\r\n<script>window.__evil=1</script>"

    def rename(resource: dict[str, Any]) -> None:
        if resource["resourceType"] == "Patient":
            resource["name"] = [{"text": line}]

    for answer in at_both_doors(evil_ward, "Patient", evil.changed(rename)):
        assert answer.status_code == 200
        assert "stolen" not in str(answer.headers)
        assert "<script>window" not in answer.text


PAYLOAD = (
    '</style></script><script>window.__evil=1</script><img src=x onerror="window.__evil=2">\'"><svg/onload=window'
    '.__evil=3> {{7*7}} ${7*7} <a href="javascript:window.__evil=4">x</a> ![x](http://evil.example/x.png) '
    "[x](javascript:window.__evil=5) &lt;script&gt;window.__evil=6&lt;/script&gt; \u202e http://evil.example\x00\x1b[31m"
)
# Members whose text only a machine reads: changed, they would make the resource another one.
KEPT = {
    "fullUrl",
    "resourceType",
    "id",
    "status",
    "reference",
    "system",
    "code",
    "start",
    "effectiveDateTime",
    "birthDate",
    "gender",
}


def poison(value: Any, name: str = "") -> Any:
    """Every text for people, everywhere, with the payload behind it."""
    if isinstance(value, dict):
        return {key: poison(part, key) for key, part in value.items()}
    if isinstance(value, list):
        return [poison(part, name) for part in value]
    return f"{value}{PAYLOAD}" if isinstance(value, str) and name not in KEPT else value


def poisoned(wire: evil.Wire) -> None:
    """The good answer, poisoned; control characters escaped as JSON asks."""
    wire.answer(poison(wire.good))


def poisoned_quietly(wire: evil.Wire) -> None:
    """Without control characters, which a strict reader would refuse; the place keeps its name."""
    wire.answer(json.loads(json.dumps(poison(wire.good)).replace("\\u0000\\u001b", "").replace(
        f'"Medical ICU{json.dumps(PAYLOAD)[1:-1]}'.replace("\\u0000\\u001b", ""), '"Medical ICU')))  # fmt: skip


@pytest.mark.parametrize("way", [poisoned, poisoned_quietly], ids=["with control characters", "without"])
def test_no_text_of_a_record_becomes_part_of_a_card(evil_ward: EvilWard, way: evil.Way) -> None:
    """Names, codes, units, ranges, narratives: a client that renders the card's Markdown runs and loads nothing."""
    evil_ward.evil.plan["*"] = way
    answer = evil_ward.call()
    assert answer.status_code == 200
    assert list(card_faults(answer.get_json())) == []
    assert bool(answer.get_json()["cards"]) == (way is poisoned_quietly)


@pytest.mark.parametrize("way", [poisoned, poisoned_quietly], ids=["with control characters", "without"])
def test_no_text_of_a_record_runs_in_the_browser(chrome: Any, evil_ward: EvilWard, way: evil.Way) -> None:
    """In Chromium, with every part of the page unfolded: no script of the record, no request to anybody else."""
    evil_ward.evil.plan["*"] = way
    context = chrome.new_context()
    page, said, asked = context.new_page(), [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda fault: said.append(str(fault)))
    page.on("dialog", lambda dialog: said.append(dialog.message))
    context.on("request", lambda request: asked.append(request.url))
    _scope(evil_ward)
    page.goto(f"{evil_ward.url}/smart/launch?iss={evil_ward.evil.base}&launch=L1")
    page.locator("article.model").first.wait_for()
    assert "/smart/page/" in page.url
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    page.wait_for_timeout(200)
    assert page.evaluate("window.__evil") is None
    assert page.evaluate("document.querySelectorAll('img, a[href^=javascript], svg[onload], [onerror]').length") == 0
    assert [url for url in asked if not url.startswith((evil_ward.url, evil_ward.peer.origin))] == []
    assert [text for text in said if "503" not in text] == []
    context.close()


def _scope(ward: EvilWard) -> None:
    """What the strict server expects to be asked for: it is known once a launch was begun."""
    if "chosen" not in ward.peer.scope:
        plan = dict(ward.evil.plan)
        ward.evil.plan.clear()
        ward.open()
        ward.evil.plan.update(plan)
