"""The report shows what the figures say, with a table behind every chart and nothing from elsewhere."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from models.training.evidence.figures import figures
from models.training.evidence.report import About, Table, report
from models.training.evidence.scored import Scored
from models.training.evidence.svg import round_end

ABOUT = About(
    title="Risk of <something>",
    description="Estimates a risk.",
    intended_use="Supports clinical judgement, does not replace it.",
    facts={"Data": "made up & small"},
    tables=[Table("Utility", ("Hour", "Value"), [("24", ".4")])],
    groups_note="Race is not recorded.",
)


@pytest.fixture(scope="module")
def found(calibrated):
    """Figures of 600 made-up patients."""
    p, outcome = calibrated(600)
    number = np.arange(600)
    return figures(
        Scored(
            outcome,
            p,
            number,
            slices={"hour 24": number >= 0},
            groups={"sex": {"female": number % 2 == 0, "other": number < 4}},
            comparators={"noise": np.random.default_rng(1).random(600)},
            periods={"first year": number < 300, "tiny": number < 3},
        ),
        {"raised": 0.2},
    )


@pytest.fixture(scope="module")
def page(found):
    """The report."""
    return report(found, ABOUT)


class Tags(HTMLParser):
    """Counts tags and checks that they close."""

    def __init__(self):
        super().__init__()
        self.open, self.seen, self.attributes = [], [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        self.attributes += attrs
        if tag not in ("meta", "path", "circle"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in ("path", "circle"):
            assert self.open.pop() == tag


def test_the_page_is_whole_html(page):
    """Every element closes; there is no script, and nothing is fetched."""
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    assert not {"script", "link", "img", "iframe"} & set(tags.seen)
    assert not [value for name, value in tags.attributes if name in ("src", "href")]
    assert not re.search(r"url\(|@import", page)


def test_the_page_shows_the_figures(found, page):
    """AUROC with its interval as in the figures, and the words about whose they are."""
    value, low, high = found["slices"]["hour 24"]["auroc"]
    shown = [f"{part:.3f}".removeprefix("0") for part in (value, low, high)]
    assert f"{shown[0]} ({shown[1]} to {shown[2]})" in page
    assert "Risk of &lt;something&gt;" in page
    assert "made up &amp; small" in page
    assert "too few to judge" in page
    assert "Utility" in page


def test_every_chart_has_its_numbers(page):
    """ROC, precision, calibration and decision curve, each with a title and a table."""
    assert page.count('role="img"') == 4
    assert page.count("<summary>Numbers</summary>") == 4
    assert page.count("<title>") == 5


@pytest.mark.parametrize(
    ("highest", "end"), [(1.0, 1.0), (0.518, 0.75), (0.043, 0.05), (0.2, 0.2), (0.11, 0.15), (3, 3), (0, 1)]
)
def test_axes_end_at_round_numbers(highest, end):
    """So that the numbers on the grid can be read."""
    assert round_end(highest) == pytest.approx(end)


def test_the_same_figures_make_the_same_page(found, page):
    """It holds no time and no chance."""
    assert report(found, ABOUT) == page
