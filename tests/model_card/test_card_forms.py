"""The forms that people and machines read: whole, escaped, the same every time."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest

from clinical.assessment import Indicator, ModelInfo, Tier
from models.training.model_card.attributes import ATTRIBUTES
from models.training.model_card.blocks import Block, blocks
from models.training.model_card.facts import REQUIRED, facts_of
from models.training.model_card.forms import forms, write_forms
from models.training.model_card.json_form import as_json
from models.training.model_card.markdown import as_markdown
from models.training.model_card.page import as_html
from models.training.model_card.performance import sentences
from models.training.model_card.read import read_card

VOID = ("meta", "link", "img")


class Tags(HTMLParser):
    """Counts tags, checks that they close, and keeps where links lead."""

    def __init__(self):
        super().__init__()
        self.open, self.seen, self.attributes = [], [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture
def page(card):
    """The page for people."""
    return as_html(card)


def test_the_page_is_whole_html_without_script(page):
    """Every element closes; nothing runs and nothing is fetched; the one link is relative."""
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    assert page.startswith("<!doctype html>")
    assert not {"script", "link", "img", "iframe", "style src"} & set(tags.seen)
    assert [value for name, value in tags.attributes if name in ("src", "href")] == ["report.html"]
    assert not [name for name, _ in tags.attributes if name.startswith("on")]
    assert not re.search(r"url\(|@import|javascript:", page)


def test_the_page_escapes_what_others_wrote(page):
    """Facts, texts and names of groups are text, never markup."""
    assert "Risk of &lt;b&gt;something&lt;/b&gt; &amp; more | pipes" in page
    assert "<li>first &lt;i&gt;item&lt;/i&gt;</li><li>second item</li>" in page
    assert "other &lt;x&gt;" in page
    assert "<b>" not in page
    assert "run <code>chartside &amp;c</code> now" in page


def test_the_page_says_what_people_ask(page):
    """What, for whom, not for what, how made, how well, limits, groups, what to do first, and all 31 attributes."""
    titles = re.findall(r"<h2>(.*?)</h2>", page)
    assert titles == [
        "What it is",
        "For whom",
        "What it must not be used for",
        "How it was made",
        "How well it does",
        "What to do first, at your hospital",
        "Known limits",
        "Groups",
        "All attributes",
    ]
    assert page.count("<details>") == 1
    assert all(one.paragraph in page for one in ATTRIBUTES)
    assert "The 31 source attributes of 45 CFR 170.315(b)(11)(iv)(B), 1 of them not available yet" in page
    assert "Chartside supports clinical judgement, it does not replace it." in page
    assert "too few to judge" in page


def test_figures_are_told_in_words_with_their_intervals(figures):
    """Pairs of 100, outcomes for 100 expected, and what a threshold would mean, rounded from the figures."""
    told = " ".join(sentences(figures, "stays"))
    value, low, high = (round(100 * part) for part in figures["slices"]["hour 24"]["auroc"])
    assert f"the one with the outcome the higher risk in about {value} (95 % interval {low} to {high})" in told
    flagged = round(100 * figures["thresholds"]["high"]["alerted"])
    assert f"At the threshold “high” (40.0 %): {flagged} of 100 stays are flagged;" in told
    assert "NEWS2 orders " in told


def test_too_few_are_not_judged_in_words(figures):
    """Nothing is said about seven events."""
    few = {"hour 24": {"rows": 90, "patients": 80, "events": 7, "too_few": True}}
    assert list(sentences(figures | {"slices": few}, "stays")) == [
        "Judged on 90 stays of 80 patients, 7 of them with the outcome (hour 24).",
        "That is too few to say how well the model does.",
    ]


def test_a_card_without_enough_events_is_still_whole(folder, source, figures, facts):
    """All forms can be made where no slice, group or comparator could be judged."""
    few = {"rows": 90, "patients": 80, "events": 7, "too_few": True}
    bare = figures | {
        "slices": {"all": few},
        "groups": {},
        "comparators": {"NEWS2": few},
        "thresholds": {"raised": {"threshold": 0.2, "alerted": 0.0}},
    }
    referring = [name for name, text in source["attributes"].items() if "{" in text]
    source["attributes"] |= dict.fromkeys(referring, "Too few outcomes to say anything.")
    made = forms(read_card(folder(source), bare, facts))
    assert b"too few to judge" in made["card.md"]
    assert b"too few to judge" in made["card.xml"]


def test_the_json_has_all_attributes(card):
    """Ids, paragraphs, titles and texts in the order of the rule, and how many are not available."""
    found = json.loads(json.dumps(as_json(card)))
    assert [one["id"] for one in found["attributes"]] == [one.id for one in ATTRIBUTES]
    assert found["count"] == {"attributes": 31, "not_available": 1}
    assert all(one["text"] and one["title"] and one["group"] for one in found["attributes"])
    assert found["attributes"][1]["paragraph"] == "(iv)(B)(1)(ii)"
    assert found["model"]["sha256"] == "ab" * 32


def test_the_markdown_has_sections_tables_and_attributes(card):
    """As the page, with the figures in tables; no markup gets through and no cell breaks out."""
    text = as_markdown(card)
    assert text.startswith("# Risk of &lt;b&gt;something&lt;/b&gt; &amp; more | pipes\n")
    assert "<" not in text
    assert all(f"**{one.title}** {one.paragraph}" in text for one in ATTRIBUTES)
    rows = [line for line in text.splitlines() if line.startswith("| hour 24 |")]
    assert len(rows) == 1
    assert rows[0].count(" | ") == 8
    assert "- first &lt;i&gt;item&lt;/i&gt;\n- second item" in text


def test_the_same_card_makes_the_same_bytes(folder, source, figures, facts, tmp_path):
    """No time and no chance in any form; written files are those bytes."""
    first, second = (forms(read_card(folder(source), figures, facts)) for _ in range(2))
    assert first == second
    assert set(first) == {"card.md", "card.html", "card.xml", "attributes.json"}
    write_forms(read_card(folder(source), figures, facts), tmp_path)
    assert {name: (tmp_path / name).read_bytes() for name in first} == first


def test_facts_come_from_the_manifest():
    """All that the forms need, and what the tiers say."""
    info = ModelInfo(
        id="m",
        version="1",
        digest="d",
        title="t",
        description="e",
        outcome="o",
        horizon="h",
        base_rate=0.1404,
        hooks=("patient-view", "order-sign"),
        action="a",
        intended_use="i",
    )
    tiers = [Tier("usual", 0.0, Indicator.INFO, ""), Tier("raised", 0.24, Indicator.WARNING, "")]
    found = facts_of(info, tiers)
    assert set(REQUIRED) <= set(found)
    assert found["base_rate"] == "14.0 %"
    assert found["thresholds"] == "raised from 24.0 %"


def test_paragraphs_and_lists_are_told_apart():
    """Wrapped lines are joined, lists may follow a line at once."""
    assert list(blocks("one\ntwo\n\nfirst:\n- a\n  b\n- c\n")) == [
        Block(("one two",)),
        Block(("first:",)),
        Block(("a b", "c"), is_list=True),
    ]
