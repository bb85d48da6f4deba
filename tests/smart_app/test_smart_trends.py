"""The small pictures of how values went."""

import dataclasses
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from clinical.assessment import Attribution, Explanation
from clinical.record import LOINC, Coding, Observation, Source
from smart_app.page.trends import EDGE, HEIGHT, LISTED, WIDTH, lay_out_trends, series


def fact(make, value: float, minutes: float, unit: str = "mmol/L", name: str = "a") -> Observation:
    """A value some minutes ago."""
    time = make.now - timedelta(minutes=minutes)
    return Observation(
        f"Observation/{name}-{minutes}", (Coding(LOINC, "1-1"),), value, unit, time, "final", Source.FHIR, value, unit
    )


def driver(*facts: Observation, derived: bool = False, more: tuple[Attribution, ...] = ()):
    """A driver of one signal."""
    part = Attribution("l.last", "l", "Lactate", "Lactate: last", 0.5, 1.0, "mmol/L", facts, derived=derived)
    (found,) = Explanation(0.0, (part, *more)).drivers()
    return found


def trends(make, *facts: Observation, **known):
    """What is drawn of them."""
    return lay_out_trends([driver(*facts)], make.now, make.now.tzinfo, **known)


def test_one_value_is_no_trend(make) -> None:
    """Nothing is drawn for one value, for two of the same moment, or for none."""
    assert trends(make) == ()
    assert trends(make, fact(make, 1, 5)) == ()
    assert trends(make, fact(make, 1, 5), fact(make, 2, 5, name="b")) == ()


def test_the_line_runs_in_time_and_words_say_the_same(make) -> None:
    """Oldest at the left, newest marked at the right, highest on top; the summary names ends and extremes."""
    (trend,) = trends(make, fact(make, 2, 60), fact(make, 6, 180), fact(make, 4, 0))
    assert trend.line == "6,6 158,54 234,30"
    assert trend.newest == (234, 30)
    assert trend.summary == "3 values in 3 h: fell from 6 to 4 mmol/L; lowest 2, highest 6"
    assert (trend.start, trend.end) == ("3 h before", "0 min before")
    assert [row.value for row in trend.rows] == ["4", "2", "6"]
    assert trend.rows[0].reference == "Observation/a-0"


def test_a_level_line_is_in_the_middle(make) -> None:
    """Equal values are neither high nor low."""
    (trend,) = trends(make, fact(make, 3, 60), fact(make, 3, 0))
    assert trend.line == "6,30 234,30"
    assert trend.summary == "2 values in 1 h: 3 mmol/L at both ends; lowest 3, highest 3"


def test_what_training_saw_is_shaded_as_far_as_it_is_in_the_picture(make) -> None:
    """A stretch of the picture, none where it holds all of it or nothing; always said in words."""
    facts = (fact(make, 0, 60), fact(make, 10, 0))
    (trend,) = trends(make, *facts, ranges={"l": (0.0, 5.0)})
    assert trend.band == (30, 24)
    assert trend.band_words == "0 and 5 mmol/L"
    for band in ((-5.0, 20.0), (11.0, 12.0)):
        assert trends(make, *facts, ranges={"l": band})[0].band is None


def test_a_fact_behind_several_features_counts_once(make) -> None:
    """Latest, lowest and mean of one signal rest on the same facts; of a ratio nothing is drawn."""
    one, two = fact(make, 1, 60), fact(make, 2, 0)
    again = Attribution("l.mean", "l", "Lactate", "Lactate: mean", 0.1, 1.5, "mmol/L", (one, two))
    ratio = dataclasses.replace(again, feature="l.ratio", facts=(fact(make, 9, 30, name="other"),), derived=True)
    assert series(driver(one, two, more=(again, ratio))) == (one, two)
    assert series(driver(one, two, derived=True)) == ()


def test_another_unit_is_not_on_the_same_line(make) -> None:
    """Only what has the unit of the newest."""
    old, new, newest = fact(make, 100, 90, "mg/dL"), fact(make, 1, 60), fact(make, 2, 0)
    assert series(driver(old, new, newest)) == (new, newest)


def test_many_values_are_counted(make) -> None:
    """The table holds the newest, and says how many are older."""
    (trend,) = trends(make, *(fact(make, n % 7, n * 10) for n in range(40)))
    assert (len(trend.rows), trend.more, trend.dots) == (LISTED, 40 - LISTED, ())
    assert trend.summary.startswith("40 values in 6 h")


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.integers(0, 5000)), min_size=2, max_size=120))
def test_everything_stays_in_the_picture(values) -> None:
    """Whatever was measured, no point lies outside the SVG."""
    from datetime import UTC, datetime
    from types import SimpleNamespace

    from smart_app.page.trends import _places

    start = datetime(2026, 1, 1, tzinfo=UTC)
    facts = sorted(
        (SimpleNamespace(value=v, time=start + timedelta(minutes=m)) for v, m in values), key=lambda f: f.time
    )
    if facts[0].time == facts[-1].time:
        return
    numbers = [one.value for one in facts]
    for x, y in _places(facts, min(numbers), max(numbers)):
        assert EDGE <= x <= WIDTH - EDGE
        assert EDGE <= y <= HEIGHT - EDGE


def test_the_page_has_picture_words_and_table(house, doctor, make) -> None:
    """Under the drivers, with a table in a fold; a driver with one value has none."""
    risk = make.risk()
    first, *others = risk.explanation.attributions
    facts = (fact(make, 2.2, 300), first.facts[0])
    more = Explanation(risk.explanation.base_log_odds, (dataclasses.replace(first, facts=facts), *others))
    house.findings[:] = [lambda: (make.risk(explanation=more), None)]
    text = doctor.see(house.browser())[1]
    assert text.count("<figure>") == 1
    assert "2 values in 4 h: rose from 2.2 to 4.1 mmol/L; lowest 2.2, highest 4.1." in text
    assert '<caption class="for-readers">Lactate, newest first</caption>' in text
    assert "Values that the model used" in text
