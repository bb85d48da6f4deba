"""What must never change an answer, over many generated charts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clinical.assessment import RiskAssessment
from clinical.record import SetAsideReason

NOW = 12.0
SIGNALS = ("HR", "SysABP", "MAP", "GCS", "Lactate", "PaO2", "FiO2", "Urine", "Creatinine", "Temp")
quick = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
entries = st.lists(st.tuples(st.sampled_from(SIGNALS), st.floats(0, 1), st.integers(0, 720)), max_size=25)


def facts(chart: Any, drawn: list[tuple[str, float, int]]) -> tuple[Any, ...]:
    """Plausible facts at whole minutes, on top of an ordinary chart."""
    made = []
    for n, (name, share, minute) in enumerate(drawn):
        signal = chart.model.manifest.signals[name]
        made.append(chart.fact(name, signal.low + share * (signal.high - signal.low), minute / 60, n=n))
    return (*chart.ordinary(), *made)


def assess(chart: Any, *observations: Any) -> RiskAssessment:
    """The answer at hour 12, which these charts always have."""
    found = chart.model.assess(chart.record(*observations), chart.at(NOW))
    assert isinstance(found, RiskAssessment)
    return found


@quick
@given(drawn=entries, data=st.data())
def test_the_order_of_facts_does_not_matter(chart: Any, drawn: list[Any], data: st.DataObject) -> None:
    """Any order of the same facts gives the same answer, to the last digit, with the same reasons."""
    given_facts = facts(chart, drawn)
    shuffled = data.draw(st.permutations(given_facts))
    first, second = assess(chart, *given_facts), assess(chart, *shuffled)
    assert first.probability == second.probability
    assert first.explanation == second.explanation


@quick
@given(drawn=entries, data=st.data())
def test_a_repeated_fact_counts_once(chart: Any, drawn: list[Any], data: st.DataObject) -> None:
    """The same signal, time and value under another reference changes nothing."""
    given_facts = facts(chart, drawn)
    picked = data.draw(st.lists(st.sampled_from(given_facts), max_size=6))
    again = [replace(fact, reference=f"{fact.reference}-again-{i}") for i, fact in enumerate(picked)]
    once, twice = assess(chart, *given_facts), assess(chart, *given_facts, *again)
    assert once.probability == twice.probability
    assert once.explanation == twice.explanation


@quick
@given(
    drawn=entries,
    name=st.sampled_from(SIGNALS),
    hours=st.floats(0, NOW),
    far=st.floats(1e-3, 1e6),
    below=st.booleans(),
)
def test_an_implausible_fact_never_counts_and_is_reported(
    chart: Any, drawn: list[Any], name: str, hours: float, far: float, below: bool
) -> None:
    """However far outside the range, the answer stays and the fact is named."""
    signal = chart.model.manifest.signals[name]
    wild = chart.fact(name, signal.low - far if below else signal.high + far, hours, n=999)
    check_unused(chart, drawn, wild, SetAsideReason.IMPLAUSIBLE)


@quick
@given(drawn=entries, name=st.sampled_from(SIGNALS), ahead=st.floats(0.001, 1000))
def test_a_future_fact_never_counts_and_is_reported(chart: Any, drawn: list[Any], name: str, ahead: float) -> None:
    """What is timed after now is not known yet."""
    signal = chart.model.manifest.signals[name]
    check_unused(chart, drawn, chart.fact(name, signal.low, NOW + ahead, n=999), SetAsideReason.FUTURE)


@quick
@given(drawn=entries, name=st.sampled_from(SIGNALS), unit=st.sampled_from(["", "mmol/dL", "kPa", "MM[HG]", "1"]))
def test_another_unit_never_counts_and_is_reported(chart: Any, drawn: list[Any], name: str, unit: str) -> None:
    """A unit is never guessed, however plausible the number."""
    signal = chart.model.manifest.signals[name]
    check_unused(chart, drawn, chart.fact(name, signal.high, 3, unit=unit, n=999), SetAsideReason.UNIT)


def check_unused(chart: Any, drawn: list[Any], fact: Any, reason: SetAsideReason) -> None:
    """Same answer with and without the fact; the fact is reported once, without its value."""
    given_facts = facts(chart, drawn)
    without, with_it = assess(chart, *given_facts), assess(chart, *given_facts, fact)
    assert without.probability == with_it.probability
    assert without.explanation == with_it.explanation
    told = [(aside.reference, aside.reason) for aside in with_it.unused if aside not in without.unused]
    assert told == [(fact.reference, reason)]
    assert len(with_it.unused) == len(without.unused) + 1


@quick
@given(number=st.sampled_from([float("nan"), float("inf"), float("-inf")]))
def test_what_is_not_a_number_never_counts(chart: Any, number: float) -> None:
    """NaN and infinities are outside every range."""
    check_unused(chart, [], chart.fact("HR", number, 3, n=999), SetAsideReason.IMPLAUSIBLE)
