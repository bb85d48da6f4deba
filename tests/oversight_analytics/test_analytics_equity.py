"""Equity by group: the rows, what is named and what is hidden, and the page."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from oversight_analytics.pages_on_marts import INSIDE

from oversight.analytics.equity import answers, judged_groups
from oversight.analytics.equity_gaps import Kind, gaps
from oversight.analytics.equity_rates import OVERRIDE, SELECTION
from oversight.analytics.equity_rows import attribute_labels, equity_rows
from oversight.analytics.outcome_question import OutcomeQuestion
from oversight.analytics.selection import Selection
from oversight.analytics.told_weeks import whole_weeks
from oversight.mart.parts import Parts
from oversight.pages.equity_measures import MEASURES, _ratio, measured
from oversight.pages.equity_words import tens, times, verdict, whole
from oversight.proportions import proportion
from oversight.statistics.equity_models import GroupFigure
from oversight.statistics.estimate import Estimate
from oversight.statistics.refused import Refused
from oversight.tallies import Period

FIRST = date(2026, 3, 2)
PERIOD = Period(FIRST, FIRST + timedelta(days=89))
QUESTION = OutcomeQuestion("death-in-hospital", None)
LATER = 1_900_000_000_000_000
NOON = int(datetime(2026, 3, 2, 12, tzinfo=UTC).timestamp()) * 1_000_000
DAY = 86_400_000_000


def texts(values) -> np.ndarray:
    """A column of texts."""
    return np.array(list(values), dtype=object)


def add_groups(folder, patients, groups) -> None:
    """`groups` has a list of values, one for each patient, by attribute; None is not told."""
    rows = [(patient, name, value) for name, each in groups.items()
            for patient, value in zip(patients, each, strict=True) if value is not None]  # fmt: skip
    number = len(rows)
    Parts(folder / "patient_group").add({
        "sequence": np.arange(1, number + 1), "time": np.zeros(number, dtype=np.int64),
        "client": texts(["ward"] * number),
        "patient": texts(row[0] for row in rows), "attribute": texts(row[1] for row in rows),
        "value": texts(row[2] for row in rows), "source": texts(["test"] * number),
    })  # fmt: skip


def add_outcomes(folder, patients, occurred) -> None:
    """Each patient's stay has the patient's name."""
    number = len(patients)
    Parts(folder / "outcome").add({
        "sequence": np.arange(1, number + 1), "time": np.zeros(number, dtype=np.int64),
        "client": texts(["ward"] * number),
        "patient": texts(patients), "encounter": texts(patients), "name": texts([QUESTION.name] * number),
        "occurred": np.asarray(occurred, dtype=np.bool_), "at": np.full(number, LATER),
        "source": texts(["test"] * number),
    })  # fmt: skip


def hospital(folder, number=4_000, seed=2, gap=0.0, slow=1.0, seen=0.0):
    """One assessment of each patient; those who speak Spanish override more, answer slower, are seen too low."""
    rng = np.random.default_rng(seed)
    patients = [f"p{each}" for each in range(number)]
    language = rng.choice(["English", "Spanish", "other"], number, p=[0.7, 0.2, 0.1])
    spanish = language == "Spanish"
    add_groups(folder, patients, {
        "language": language, "sex": rng.choice(["female", "male"], number),
        "race": rng.choice(["Asian", "Black", "White", None], number), "code": [f"c{each}" for each in range(number)],
    })  # fmt: skip
    log_odds = rng.normal(-0.5, 1.0, number)
    risk = 1 / (1 + np.exp(-(log_odds - seen * spanish)))
    add_outcomes(folder, patients, rng.random(number) < 1 / (1 + np.exp(-log_odds)))
    shown = risk > 0.4
    advice = {"patient": texts(patients), "encounter": texts(patients), "probability": risk,
              "days": rng.integers(0, 84, number),
              "withheld": texts([None if it else "below-threshold" for it in shown]),
              "unit_name": texts(rng.choice(["A", "B", "C"], number))}  # fmt: skip
    about = np.flatnonzero(shown & (rng.random(number) < 0.75)) + 1
    over = rng.random(number)[about - 1] < 0.4 + gap * spanish[about - 1]
    seconds = rng.lognormal(3, 0.8, len(about)) * np.where(spanish[about - 1], slow, 1.0)
    return advice, about, np.where(over, "overridden", "accepted").astype(object), seconds


@pytest.fixture
def filled(make_mart, tmp_path):
    """Makes the mart of a hospital and opens it."""
    opened = []

    def make(**wishes):
        """The open mart."""
        advice, about, outcome, seconds = hospital(tmp_path, **wishes)
        times = NOON + advice["days"][about - 1] * DAY + (seconds * 1e6).astype(np.int64)
        manager = make_mart(
            len(advice["days"]), advice, {"about": about, "outcome": outcome, "time": times, "received": times}
        )
        opened.append(manager)
        return manager.__enter__()

    yield make
    for each in opened:
        each.__exit__(None, None, None)


def compared(mart):
    """All comparisons of the service."""
    selection = Selection(PERIOD, service="icu-mortality")
    labels = attribute_labels(mart)
    rows = equity_rows(mart, selection, labels)
    judged = judged_groups(mart, selection, QUESTION, rows)
    return gaps([answers(rows, [name]) for name in labels], [judged.judge([name]) for name in labels])


def test_a_group_that_is_served_worse_is_named_and_no_other(filled) -> None:
    """More overrides, slower answers, lower sensitivity, more events than expected; in one sentence."""
    found = compared(filled(gap=0.25, slow=2.0, seen=1.0))
    named = {(each.group, each.kind) for each in found if each.named}
    spanish = (("language", "Spanish"),)
    assert {group for group, _ in named} == {spanish}
    assert {Kind.OVERRIDE, Kind.SECONDS, Kind.SENSITIVITY, Kind.CALIBRATION} <= {kind for _, kind in named}
    words = verdict(found, ["language", "race", "sex"])
    assert words.startswith("Patients with language “Spanish” are served otherwise than the largest group: lower sens")
    assert words.endswith("Nothing beyond chance was seen for race and sex.")


def test_no_group_is_named_where_all_are_served_alike(make_mart, tmp_path, filled) -> None:
    """And how many comparisons that rests on is told."""
    found = compared(filled())
    assert not [each for each in found if each.named]
    assert re.match(r"No group differs from the largest one beyond chance: \d+ comparisons", verdict(found, ["sex"]))


def test_attributes_that_describe_a_person_are_no_groups(filled) -> None:
    """An attribute with thousands of values is left out, and those who did not tell are a group of their own."""
    mart = filled()
    labels = attribute_labels(mart)
    assert list(labels) == ["language", "race", "sex"]
    rows = equity_rows(mart, Selection(PERIOD), labels)
    assert rows.attributes["race"].labels == ("Asian", "Black", "White", "unknown")
    assert rows.attributes["sex"].labels == ("female", "male")


def test_rates_are_those_of_the_rows(filled) -> None:
    """To 1e-9, of groups and intersections."""
    mart = filled(gap=0.2)
    rows = equity_rows(mart, Selection(PERIOD), attribute_labels(mart))
    found = answers(rows, ["language", "sex"])
    language, sex = (rows.attributes[name] for name in ("language", "sex"))
    here = (language.codes == language.labels.index("Spanish")) & (sex.codes == sex.labels.index("male"))
    answered = rows.overridden | rows.accepted
    (rate,) = [each.rate for each in found.report(OVERRIDE).groups
               if each.group == (("language", "Spanish"), ("sex", "male"))]  # fmt: skip
    assert rate.value == pytest.approx((rows.overridden & here).sum() / (answered & here).sum(), abs=1e-9)
    assert found.report(SELECTION).overall.rate.value == pytest.approx(rows.card.mean(), abs=1e-9)


def test_small_groups_are_hidden_with_one_more(make_mart, tmp_path) -> None:
    """In every figure; the total does not give them away."""
    number = 300
    patients = [f"p{each}" for each in range(number)]
    kinds = ["a"] * 200 + ["b"] * 94 + ["c"] * 6
    add_groups(tmp_path, patients, {"kind": kinds})
    outcome = texts(["overridden", "accepted"] * (number // 2))
    with make_mart(
        number, {"patient": texts(patients)}, {"about": np.arange(1, number + 1), "outcome": outcome}
    ) as mart:
        rows = equity_rows(mart, Selection(PERIOD), attribute_labels(mart))
    found = answers(rows, ["kind"])
    for measure in MEASURES:
        lines = measured(measure.key, found, Refused("no outcome"))
        if isinstance(lines, Refused):
            continue
        by_name = {line.name: line.text for line in lines}
        assert by_name.get("c", "hidden") == by_name.get("b", "hidden") == "hidden", measure.key
    assert {each.group for each in found.override} == set() or all(
        dict(each.group)["kind"] == "a" for each in found.override if each.group
    )


def test_two_views_cannot_be_subtracted() -> None:
    """People in tens, shares in whole percent, periods in whole weeks."""
    assert [tens(number) for number in (0, 7, 11, 84, 1234)] == ["0", "<11", "10", "80", "1,230"]
    assert whole(proportion(57, 83)) == "69 %"
    assert whole_weeks(Period(date(2026, 3, 4), date(2026, 5, 29))) == Period(date(2026, 3, 2), date(2026, 5, 24))
    assert whole_weeks(Period(date(2026, 3, 4), date(2026, 3, 5))) == Period(date(2026, 3, 2), date(2026, 3, 8))


def test_a_ratio_does_not_tell_how_many_events_it_rests_on() -> None:
    """With two decimals the interval's width would give their number, and two views one patient's; nor the picture."""
    assert times(Estimate(1.304, 1.052, 1.613)) == "× 1.3, 1.1 to 1.6"
    of_24, of_25 = (Estimate(1.2, 1.2 / wide, 1.2 * wide) for wide in (1.492, 1.480))
    one, more = (_ratio(GroupFigure((("sex", "male"),), 80, each, None), []) for each in (of_24, of_25))
    assert (one.text, one.interval, one.value, one.low, one.high) == ("1.2", "0.8 to 1.8", 1.2, 0.8, 1.8)
    assert (more.text, more.interval, more.low, more.high) == (one.text, one.interval, one.low, one.high)


@pytest.fixture
def get(app):
    """Reads a page on the mart of the test."""
    pages = app(outcomes={"icu-mortality": QUESTION})
    return lambda address: pages.test_client().get(address, headers=INSIDE)


@pytest.mark.parametrize("measure", [each.key for each in MEASURES])
def test_the_page_shows_each_measure_by_two_attributes(filled, get, measure) -> None:
    """The sentence first, the picture with its table, and how to read it; nothing comes from elsewhere."""
    filled(number=2_500, gap=0.3, slow=2.0, seen=1.0)
    answer = get(f"/oversight/equity?measure={measure}&by=language&and=sex")
    assert answer.status_code == 200
    text = answer.text
    assert text.index("Patients with language “Spanish”") < text.index("<h2>")
    assert "How to read this" in text
    assert "Spanish, male" in text
    assert "for this audit only" in text
    for forbidden in ("<script", "style=", "http://", "https://", "nan"):
        assert forbidden not in text


def test_without_outcomes_the_model_is_refused_in_words(filled, get) -> None:
    """And answers are told all the same; filters beyond dates and service change nothing."""
    filled(number=1_500)
    text = get("/oversight/equity?measure=tpr&unit=A").text
    assert get("/oversight/equity?measure=tpr").text.count("points") == text.count("points")
    assert "Of the filters only dates and service hold here" in text
    assert "Cards and answers" in text


def test_no_groups_are_told_in_words(make_mart, get) -> None:
    """Nothing was loaded."""
    with make_mart(30, {"days": [40] * 30}):
        assert "No attribute of patients is known by which groups can be compared" in get("/oversight/equity").text


def test_a_measure_that_is_none_is_refused(make_mart, get) -> None:
    """400, in words; an attribute that is none is replaced and told."""
    with make_mart(30, {"days": [40] * 30}):
        answer = get("/oversight/equity?measure=height")
    assert answer.status_code == 400
    assert "“measure” is none that this page knows" in answer.text


def test_an_empty_ledger_is_told_in_words(get) -> None:
    """No groups and no entries, and that is no fault."""
    text = get("/oversight/equity").text
    assert "No entry has been read yet" in text
    assert "No attribute of patients is known by which groups can be compared" in text
