"""Beside a value its own reference range, and beside the suggested action the guideline about it."""

import dataclasses
import html
import re
from datetime import UTC, timedelta

import pytest

from clinical.advice import WithheldReason
from clinical.assessment import Explanation, Guideline, Indicator, Tier
from smart_app.page.drivers import lay_out, old_values

RANGES = {"Lactate": "0.5 to 2.2 mmol/L", "Urea nitrogen": "2.5 to 7.8 mmol/L", "Heart rate": "60 to 100 /min"}
GUIDELINES = (
    Guideline("A guideline about escalation, 2026", "https://doi.org/10.1/one?a=1&b=2"),
    Guideline("Another <one>", "https://guidelines.example/two"),
)


def with_ranges(risk):
    """The risk, with ranges that came with some facts."""
    parts = tuple(
        dataclasses.replace(
            part,
            facts=tuple(dataclasses.replace(fact, reference_range=RANGES.get(part.concept, "")) for fact in part.facts),
        )
        for part in risk.explanation.attributions
    )
    return dataclasses.replace(risk, explanation=Explanation(risk.explanation.base_log_odds, parts))


def show(house, doctor, finding, withheld=None) -> str:
    """The page for one finding."""
    house.findings[:] = [lambda: (finding, withheld)]
    return doctor.see(house.browser())[1]


def plain(text: str) -> str:
    """The words of a page."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def values_of(risk, after=timedelta(hours=24)):
    """The values of the drivers by label."""
    drivers = lay_out(risk.explanation, risk.as_of, UTC, after)
    return {row.label: row.value for row in (*drivers.rows, *drivers.rest) if row.value is not None}


def test_the_usual_range_stands_with_the_value_in_its_own_unit(house, doctor, make) -> None:
    """After the reported value where that is another unit; a value without one says nothing about it."""
    text = plain(show(house, doctor, with_ranges(make.risk())))
    assert "4.1 mmol/L usual 0.5 to 2.2 mmol/L 24 min old" in text
    assert "38 mg/dL reported 13.57 mmol/L usual 2.5 to 7.8 mmol/L 5 h old" in text
    assert "Glasgow coma score" in text
    assert text.count("usual ") == len(RANGES)


def test_a_range_is_shown_only_with_the_value_that_it_is_about(make) -> None:
    """Where the row shows another number than the newest fact (a mean, a sum), its range would mislead."""
    risk = with_ranges(make.risk())
    assert values_of(risk)["Heart rate"].usual == RANGES["Heart rate"]
    parts = tuple(
        dataclasses.replace(part, lead=True, value=120.5) if part.feature == "Heart rate.mean, last 12 h" else part
        for part in risk.explanation.attributions
    )
    led = dataclasses.replace(risk, explanation=Explanation(risk.explanation.base_log_odds, parts))
    value = values_of(led)["Heart rate"]
    assert (value.text, value.usual) == ("120.5 /min", "")


def test_a_range_of_a_sender_is_text(house, doctor, make) -> None:
    """Whatever stands in it, it is no markup."""
    risk = with_ranges(make.risk())
    parts = tuple(
        dataclasses.replace(
            part, facts=tuple(dataclasses.replace(fact, reference_range="<b>1</b>") for fact in part.facts)
        )
        for part in risk.explanation.attributions
    )
    hostile = dataclasses.replace(risk, explanation=Explanation(risk.explanation.base_log_odds, parts))
    page = show(house, doctor, hostile)
    assert "<b>1</b>" not in page
    assert "usual &lt;b&gt;1&lt;/b&gt;" in page


@pytest.mark.parametrize("after", [timedelta(hours=4), timedelta(hours=24), timedelta(days=365)])
def test_a_value_is_marked_as_old_by_the_span_of_the_list_of_old_values(make, after) -> None:
    """A day in intensive care, a year outside hospital: mark and list say the same."""
    risk = make.risk()
    marked = {label for label, value in values_of(risk, after).items() if value.old}
    listed = old_values(risk.explanation, risk.as_of, UTC, after)
    assert len(marked) == len(listed)
    assert all(any(line.startswith(label) for label in marked) for line in listed)
    assert ("Potassium" in marked) == (after <= timedelta(hours=24))


def guided(risk):
    """The risk of a model with guidelines."""
    return dataclasses.replace(risk, model=dataclasses.replace(risk.model, guidelines=GUIDELINES))


def test_the_guideline_stands_beside_the_suggested_action(house, doctor, make) -> None:
    """As links that open in a new tab and tell the site nothing about where they were opened."""
    page = show(house, doctor, guided(make.risk()))
    decide = page[page.index('class="decide"') : page.index("</article>")]
    links = re.findall(r'<p class="guideline">Guideline: <a ([^>]*)>([^<]*)</a></p>', decide)
    assert [html.unescape(words) for _, words in links] == [f"{one.title} (new tab)" for one in GUIDELINES]
    assert decide.index('class="guideline"') < decide.index('class="forms')
    for attributes, one in zip((attributes for attributes, _ in links), GUIDELINES, strict=True):
        assert f'href="{html.escape(one.url)}" target="_blank" rel="noopener noreferrer"' in attributes
    assert page.count('class="guideline"') == len(GUIDELINES)


@pytest.mark.parametrize("case", ["not shown", "usual care", "weak"])
def test_without_that_suggestion_the_guideline_stands_in_about(house, doctor, make, case) -> None:
    """Also where the suggestion is only to go on, or to measure first: the guideline is about the model's action."""
    withheld = WithheldReason.BELOW_THRESHOLD if case == "not shown" else None
    changes = {
        "usual care": {"tier": Tier("low", 0.0, Indicator.INFO, "test")},
        "weak": {"weak": "too little is known"},
    }
    page = show(house, doctor, guided(make.risk(**changes.get(case, {}))), withheld)
    about = page[page.index('class="about"') :]
    assert about.count('class="guideline"') == page.count('class="guideline"') == len(GUIDELINES)


def test_a_model_without_a_guideline_says_nothing_about_one(house, doctor, make) -> None:
    """As everything that was stored before there were any."""
    assert "Guideline" not in show(house, doctor, make.risk())
