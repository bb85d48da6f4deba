"""The forest plot of a comparison: where its lines stand, and that it tells nothing that the table hides."""

from __future__ import annotations

import re
from datetime import timedelta

import numpy as np
import pytest

from oversight.analytics.comparison import two_arms
from oversight.analytics.selection import Selection
from oversight.pages.pictures.forest_picture import Compared, differences, odds_ratios
from oversight.statistics.cards import AnsweredCards, tabulate
from oversight.statistics.estimate import Estimate
from oversight.statistics.refused import Refused
from oversight.statistics.standardise import standardised

PAGE = "/oversight/comparison?from=2026-04-16&to=2026-05-30"


def answered(make_mart, cards):
    """A mart of `cards` per unit in each of two periods, overridden in turns; twenty clinicians."""
    unit = np.array([name for name, (first, second) in cards.items() for _ in range(first + second)], dtype=object)
    late = np.concatenate([np.repeat([0, 1], both) for both in cards.values()])
    number = len(unit)
    advice = {
        "days": 20 + 40 * late,
        "unit_name": unit,
        "clinician": np.array([str(n % 20) for n in range(number)], dtype=object),
    }
    outcome = np.where((np.arange(number) + late) % 3 == 0, "overridden", "accepted").astype(object)
    return make_mart(number, advice, {"about": np.arange(1, number + 1), "outcome": outcome})


def drawn(text):
    """What stands in the first picture of the page."""
    (picture, *_) = re.findall(r"<svg.*?</svg>", text, flags=re.DOTALL)
    return picture


def test_lines_stand_where_their_figures_are():
    """Left of the line of no difference what is below 0; whiskers from end to end; ticks evenly, 0 among them."""
    lines = [
        Compared("Crude", Estimate(0.10, 0.05, 0.15), "+10"),
        Compared("Standardised", None, "no figure"),
        Compared("A unit whose name is far too long for it", Estimate(-0.20, -0.30, 0.02), "-20", whole=False),
    ]
    picture = differences(lines)
    crude, refused, unit = picture.marks
    zero = next(tick.at for tick in picture.x_ticks if tick.text == "0")
    assert zero == picture.same
    point = (crude.x - zero) / 0.10
    assert (crude.low, crude.high) == pytest.approx((zero + 0.05 * point, zero + 0.15 * point))
    assert (unit.low, unit.x, unit.high) == pytest.approx((zero - 0.3 * point, zero - 0.2 * point, zero + 0.02 * point))
    assert (refused.x, refused.words) == (None, "no figure")
    assert unit.short.endswith("…")
    assert unit.label == lines[2].label
    assert picture.left < unit.low < crude.high < picture.right
    assert [tick.text for tick in picture.x_ticks] == ["-30", "-20", "-10", "0", "+10", "+20"]
    assert crude.y < refused.y < picture.parts < unit.y < picture.bottom < picture.height
    assert differences([lines[1]]) is None


def test_odds_stand_on_a_scale_of_logarithms():
    """Twice and half are equally far from 1; ends that nobody could draw stay inside."""
    (mark,) = odds_ratios([Compared("Odds", Estimate(1.0, 0.5, 2.0), "")]).marks
    assert mark.high - mark.x == pytest.approx(mark.x - mark.low)
    picture = odds_ratios([Compared("Odds", Estimate(30.0, 1e-9, 1e9), "")])
    (wide,) = picture.marks
    assert picture.left < wide.low < wide.x < wide.high < picture.right
    assert odds_ratios([Compared("Odds", None, "")]) is None


def test_one_standardised_difference_is_over_units_alone(make_mart, period):
    """As if all cards were of one risk, although they are of many; the other is over both."""
    rng = np.random.default_rng(4)
    number = 6000
    late, unit, risk = np.repeat([0, 1], number // 2), rng.integers(0, 3, number), rng.uniform(0.02, 0.6, number)
    who, over = rng.integers(0, 30, number), rng.random(number) < 0.2 + 0.2 * unit + 0.4 * risk * late
    advice = {
        "days": 40 * late, "unit_name": np.array(["A", "B", "C"], dtype=object)[unit], "probability": risk,
        "clinician": who.astype(str).astype(object),
    }  # fmt: skip
    outcome = np.where(over, "overridden", "accepted").astype(object)
    halves = Selection(type(period)(period.first, period.first + timedelta(days=30)))
    later = Selection(type(period)(period.first + timedelta(days=31), period.last))
    with make_mart(number, advice, {"about": np.arange(1, number + 1), "outcome": outcome}) as mart:
        found = two_arms(mart, halves, later)
    cards = AnsweredCards(over.astype(int), late, unit, np.zeros(number, np.int64), who)
    expected = standardised(tabulate(cards))
    assert not isinstance(expected, Refused)
    assert found.in_units.difference.value == pytest.approx(expected.difference.value)
    assert (found.in_units.difference.low, found.in_units.cells) == pytest.approx((expected.difference.low, 3))
    assert found.comparison.standardised.cells > 3
    assert found.comparison.standardised.difference.value != pytest.approx(expected.difference.value, abs=1e-6)


def test_the_picture_has_the_figures_of_the_tables(make_mart, get):
    """The difference of each unit stands in both, and what compares all cards above it."""
    with answered(make_mart, {"Alpha": (100, 140), "Beta": (90, 60)}):
        text = get(PAGE).text
    picture = drawn(text)
    table = text[text.index("<h2>By unit") :]
    for unit in ("Alpha", "Beta"):
        told = re.search(rf"<title>{unit}: ([^<]+)</title>", picture).group(1)
        assert f'<td class="number">{told}</td>' in table
    names = re.findall(r"<title>([^:]+):", picture)
    assert names[:4] == [
        "Crude, cards as independent", "Crude, by clinician", "Standardised over unit",
        "Standardised over unit and risk",
    ]  # fmt: skip
    assert names[4:] == ["Alpha", "Beta"]
    assert "Below the dotted line stand single units" in text


def test_a_hidden_unit_has_no_line(make_mart, get):
    """Nor has the one that would give it away, nor one with cards on one side only."""
    with answered(make_mart, {"Alpha": (100, 140), "Beta": (90, 60), "Gamma": (4, 50), "Delta": (0, 80)}):
        text = get(PAGE).text
    table = text[text.index("<h2>By unit") :]
    shown = re.findall(r"<title>(Alpha|Beta|Gamma|Delta):", drawn(text))
    assert shown == ["Alpha"]
    for unit in ("Beta", "Gamma", "Delta"):
        assert unit in table
        assert unit not in drawn(text)
        row = re.search(rf'<th scope="row">{unit}</th>.*?</tr>', table, flags=re.DOTALL).group(0)
        assert row.rstrip().endswith('<td class="number">–</td></tr>')


def test_many_units_stand_in_the_table_only(make_mart, get):
    """A picture of them all is a wall."""
    with answered(make_mart, {f"Ward {n:02}": (40, 40) for n in range(13)}):
        text = get(PAGE).text
    assert "Ward" not in drawn(text)
    assert "There are more than 12 units" in text
    assert text.count("points,") > 13
