"""The shipped intensive care model does not depend on how often a monitor writes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinical.assessment import RiskAssessment

HOURS = 24
# Each bedside signal by the hour; the last hour is the one that ends now.
BEDSIDE = {
    "HR": lambda hour: 96 + hour % 7,
    "SysABP": lambda hour: 104 - hour % 5,
    "DiasABP": lambda hour: 55 + hour % 3,
    "MAP": lambda hour: 70 - hour % 4,
    "Temp": lambda hour: 37.5 + hour % 3 / 10,
    "GCS": lambda _: 13,
    "SaO2": lambda hour: 93 + hour % 4,
}


def urine(hour: int) -> int:
    """What came in an hour, in mL."""
    return 60 if hour % 5 else 240


def hourly(chart: Any) -> list[Any]:
    """A chart that is written once an hour, at the full hour."""
    facts = [chart.fact(name, at(hour), hour) for name, at in BEDSIDE.items() for hour in range(1, HOURS + 1)]
    facts += [chart.fact("Urine", urine(hour), hour) for hour in range(1, HOURS + 1)]
    return [*facts, chart.fact("Lactate", 3.1, 5), chart.fact("Creatinine", 1.8, 5), chart.fact("Creatinine", 2.2, 17)]


def by_the_minute(chart: Any, facts: list[Any]) -> list[Any]:
    """The same, written each minute: other values on the way to that of the full hour, and urine in twelve parts."""
    more = []
    for hour in range(1, HOURS + 1):
        for minute in range(1, 60):
            early = hour - minute / 60
            more += [
                chart.fact(name, at(hour) + minute % 9 - 4, early) for name, at in BEDSIDE.items() if name != "GCS"
            ]
        more += [chart.fact("Urine", urine(hour) / 12, hour - part / 12, n=1) for part in range(12)]
    return [fact for fact in facts if not fact.reference.startswith("Observation/Urine")] + more


def concepts(found: Any) -> list[Any]:
    """The drivers, strongest first, as people see them: value, unit, effect, and the newest fact's time and value."""
    return [
        (one.concept, one.shown, pytest.approx(one.log_odds, abs=1e-9), one.latest and one.latest.time)
        for one in found.explanation.drivers()
    ]


def test_a_monitor_that_writes_each_minute_changes_nothing(chart: Any) -> None:
    """The same last values of the hours and the same urine: the same probability and the same drivers."""
    usual = hourly(chart)
    often = by_the_minute(chart, usual)
    assert len(often) > 40 * len(usual) / 2
    now = chart.at(HOURS)
    one, other = (chart.model.assess(chart.record(*facts), now) for facts in (usual, often))
    assert isinstance(one, RiskAssessment)
    assert one.probability == other.probability
    assert concepts(one) == concepts(other)
    assert (one.interval, one.tier, one.coverage, one.missing) == (
        other.interval, other.tier, other.coverage, other.missing
    )  # fmt: skip


def test_every_part_of_the_urine_is_linked(chart: Any) -> None:
    """The driver shows the sum of six hours, and leads to each entry of them."""
    found = chart.model.assess(chart.record(*by_the_minute(chart, hourly(chart))), chart.at(HOURS))
    driver = next(one for one in found.explanation.drivers() if one.concept == "Urine")
    value, unit = driver.shown
    assert (value, unit) == (sum(urine(hour) for hour in range(HOURS - 5, HOURS + 1)), "mL in 6 h")
    lead = next(part for part in driver.parts if part.lead)
    assert len(lead.facts) == 6 * 12
    assert sum(fact.value for fact in lead.facts) == pytest.approx(value)
    assert next(part for part in driver.parts if part.feature == "Urine.max").label == "Urine output per hour: highest"


@settings(max_examples=25, deadline=None)
@given(
    cuts=st.lists(st.integers(1, 59), max_size=8, unique=True).map(sorted),
    shares=st.lists(st.integers(1, 9), min_size=9, max_size=9),
)
def test_urine_counts_the_same_however_it_is_split(chart: Any, cuts: list[int], shares: list[int]) -> None:
    """One entry of an hour, or several anywhere within it."""
    usual = hourly(chart)
    rest = [fact for fact in usual if not fact.reference.startswith("Observation/Urine")]
    minutes = [0, *cuts]
    parts = shares[: len(minutes)]
    once = [chart.fact("Urine", sum(parts), hour) for hour in range(1, HOURS + 1)]
    split = [
        chart.fact("Urine", share, hour - minute / 60, n=minute)
        for hour in range(1, HOURS + 1)
        for minute, share in zip(minutes, parts, strict=True)
    ]
    one, other = (chart.model.assess(chart.record(*rest, *urine), chart.at(HOURS)) for urine in (once, split))
    assert one.probability == other.probability
