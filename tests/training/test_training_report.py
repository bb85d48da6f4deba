"""The report shows what the figures say, with a table behind every chart and nothing from elsewhere."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from clinical.wording import percent
from models.training.evidence import cells
from models.training.evidence.evaluation import Run, evaluation, summary, written
from models.training.evidence.figures import figures
from models.training.evidence.report import About, report
from models.training.evidence.scored import Scored
from models.training.evidence.svg import round_end

ABOUT = About(
    title="Risk of <something>",
    version="1.2.3",
    description="Estimates a risk.",
    intended_use="Supports clinical judgement, does not replace it.",
    outcome="something",
    rows="stays",
    data="Made up & small.",
    process="Drawn with `numpy`.",
    limits="- first limit\n- second <b>limit</b>",
)
RUN = Run(
    "Drawn",
    "Outcomes drawn from predictions.",
    data={"made up & small": "ab" * 32},
    leaning={"by_concept": {"Age": 0.6, "Lactate": 0.4}, "not_measured": 0.1},
    measures={"Utility": 0.4, "Utility, early": [0.4, 0.3, 0.5]},
    groups_note="Race is not recorded.",
)


@pytest.fixture(scope="module")
def found(calibrated):
    """The evaluation of 600 made-up patients."""
    p, outcome = calibrated(600)
    number = np.arange(600)
    scored = Scored(
        outcome,
        p,
        number,
        slices={f"hour {hour}": number >= hour for hour in (24, 6, 12, 48)},
        groups={"sex": {"female": number % 2 == 0, "other": number < 4}},
        comparators={"noise": np.random.default_rng(1).random(600), "silent": np.full(600, np.nan)},
        periods={"first year": number < 300, "tiny": number < 3},
        answered=number > 10,
        interval=(p * 0.9, np.minimum(p * 1.1, 1)),
    )
    return evaluation(figures(scored, {"raised": 0.2}), RUN, "cd" * 32, "stays")


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
    assert all(
        value.startswith("#") or value == "card.html" for name, value in tags.attributes if name in ("src", "href")
    )
    assert not [name for name, _ in tags.attributes if name.startswith("on") or name == "style"]
    assert not re.search(r"url\(|@import", page)


def test_the_page_shows_the_figures(found, page):
    """AUROC with its interval as in the figures, and the words about whose they are."""
    value, low, high = found["slices"]["hour 24"]["auroc"]
    shown = [f"{part:.3f}".removeprefix("0") for part in (value, low, high)]
    assert f"{shown[0]} <small>({shown[1]} to {shown[2]})</small>" in page
    assert found["summary"]["sentence"] in page
    assert "Risk of &lt;something&gt;" in page
    assert "made up &amp; small" in page
    assert "too few to judge" in page
    assert '<th scope="row">Utility</th><td>.400</td>' in page
    assert "second &lt;b&gt;limit&lt;/b&gt;" in page
    assert "Race is not recorded." in page
    assert "10.0 % comes from what was not measured" in page


def test_every_chart_has_its_numbers(page):
    """ROC, precision, three calibrations and the decision curve, each with a title and a table."""
    assert page.count('role="img"') == 6
    assert page.count("<summary>Numbers</summary>") == 6
    assert page.count("<title>") == 7
    assert [name for name in ("hour 24", "hour 6", "hour 12", "hour 48") if f"Calibration, {name}<" in page] == [
        "hour 24",
        "hour 6",
        "hour 48",
    ]


@pytest.mark.parametrize(
    ("highest", "end"), [(1.0, 1.0), (0.518, 0.75), (0.043, 0.05), (0.2, 0.2), (0.11, 0.15), (3, 3), (0, 1)]
)
def test_axes_end_at_round_numbers(highest, end):
    """So that the numbers on the grid can be read."""
    assert round_end(highest) == pytest.approx(end)


def test_the_same_figures_make_the_same_page(found, page):
    """It holds no time and no chance."""
    assert report(found, ABOUT) == page


def test_rows_of_the_same_patient_are_told_apart_from_patients(calibrated):
    """A report on hourly rows says how many patients are flagged; one without groups or scores says so or is silent."""
    p, outcome = calibrated(600)
    scored = Scored(outcome, p, np.repeat(np.arange(200), 3), slices={"every row": np.ones(600, bool)})
    run = Run("Drawn", "Outcomes drawn from predictions.")
    found = evaluation(figures(scored, {"raised": 0.2}), run, "cd" * 32, "hours")
    shown = report(found, ABOUT)
    assert "Patients ever flagged" in shown
    assert "The data record nothing to form groups by." in shown
    assert "nothing can be said about drift over time" in shown
    assert "Beside scores" not in shown
    assert found["summary"]["sentence"].startswith("Drawn on 600 hours: AUROC .")


def test_the_sentence_is_fit_for_a_card(found):
    """Discrimination with its interval, and what followed at the lowest threshold."""
    one = found["slices"]["hour 24"]
    value, low, high = (f"{part:.2f}".removeprefix("0") for part in one["auroc"])
    followed = percent(found["by_threshold"]["raised"]["hour 24"]["positive_predictive_value"])
    assert found["summary"] == {
        "how": "Drawn",
        "slice": "hour 24",
        "sentence": f"Drawn on {one['n']:,} stays at hour 24: AUROC {value} ({low} to {high}); of the stays given 20 % "
        f"or more, {followed} had the outcome.",
    }


def test_of_too_few_events_there_is_no_figure(found):
    """Nobody is shown a figure about seven events."""
    few = {"slices": {"hour 24": {"n": 90, "patients": 90, "events": 7, "too_few": True}}}
    assert (
        summary(found | few, "Drawn", "stays")["sentence"] == "Drawn on 90 stays at hour 24: too few outcomes to judge."
    )


def test_a_report_on_too_few_is_still_whole(calibrated):
    """A trial on a few patients: counts, no measures, and no outcome at all."""
    p, _ = calibrated(40)
    scored = Scored(np.zeros(40, bool), p, np.arange(40), slices={"every row": np.ones(40, bool)})
    found = evaluation(figures(scored, {"raised": 0.2}), RUN, "cd" * 32, "stays")
    assert "too few to judge" in report(found, ABOUT)


@pytest.mark.parametrize(
    ("value", "shown"),
    [([1, 2], "1, 2"), ({"slope": 0.99520429, "by": None}, "slope 0.995204, by None"), (True, "yes"), ({}, "none")],
)
def test_settings_are_told_in_words(value, shown):
    """Not as a program would write them."""
    assert cells.setting(value) == shown


def test_the_file_reads_back_as_it_was(found):
    """Short lists stand on one line; nothing else changes on the way."""
    content = written(found | {"notes": {"groups": "[\\n a list? ]"}})
    assert json.loads(content) == found | {"notes": {"groups": "[\\n a list? ]"}}
    assert b'"auroc": [0.' in content
