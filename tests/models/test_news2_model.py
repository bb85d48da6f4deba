"""NEWS2 from records: every band edge through the whole path, and all that may be missing or wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from clinical.assessment import Abstention, AbstentionReason, Finding, Indicator, Score
from clinical.record import Observation, SetAsideReason

Points = Callable[[Finding], Mapping[str, float | None]]

WELL = {
    "9279-1": (16.0, "/min"),
    "59408-5": (97.0, "%"),
    "8480-6": (120.0, "mm[Hg]"),
    "8867-4": (70.0, "/min"),
    "8310-5": (37.0, "Cel"),
    "9269-2": (15.0, "{score}"),
    "3150-0": (21.0, "%"),
}


@pytest.fixture
def vitals(patient: Any) -> Callable[..., tuple[Observation, ...]]:
    """A well patient's vital signs, with some of them changed or (None) left out."""

    def build(**changes: float | None) -> tuple[Observation, ...]:
        wanted: dict[str, float | None] = {code: value for code, (value, _) in WELL.items()}
        wanted |= {name.removeprefix("c").replace("_", "-"): value for name, value in changes.items()}
        return tuple(patient.fact(code, value, WELL[code][1]) for code, value in wanted.items() if value is not None)

    return build


@pytest.fixture
def assess(scores: Any, patient: Any) -> Callable[..., Finding]:
    """NEWS2 of facts."""

    def answer(*facts: Observation, **changes: Any) -> Finding:
        return scores["news2"].assess(patient.record(*facts, **changes), patient.now)

    return answer


@pytest.mark.parametrize(
    ("code", "line", "edges"),
    [
        ("9279-1", "respiratory_rate", {8: 3, 9: 1, 11: 1, 12: 0, 20: 0, 21: 2, 24: 2, 25: 3}),
        ("59408-5", "oxygen_saturation", {91: 3, 92: 2, 93: 2, 94: 1, 95: 1, 96: 0}),
        ("8480-6", "systolic_pressure", {90: 3, 91: 2, 100: 2, 101: 1, 110: 1, 111: 0, 219: 0, 220: 3}),
        ("8867-4", "pulse", {40: 3, 41: 1, 50: 1, 51: 0, 90: 0, 91: 1, 110: 1, 111: 2, 130: 2, 131: 3}),
        (
            "8310-5",
            "temperature",
            {35.0: 3, 35.1: 1, 36.0: 1, 36.1: 0, 38.0: 0, 38.1: 1, 39.0: 1, 39.1: 2},
        ),
        ("9269-2", "not_alert", {14: 3, 15: 0}),
        ("3150-0", "supplemental_oxygen", {21: 0, 24: 2}),
    ],
)
def test_every_band_edge(
    assess: Any, vitals: Any, points: Points, code: str, line: str, edges: dict[float, float]
) -> None:
    """Each edge gives its points in its line and none elsewhere, and the total is their sum."""
    for value, expected in edges.items():
        finding = assess(*vitals(**{f"c{code.replace('-', '_')}": float(value)}))
        found = points(finding)
        assert found[line] == expected, (code, value)
        assert sum(found.values()) == expected == finding.value == finding.highest
        assert finding.whole


def test_scale_2_counts_only_where_the_record_says_so(assess: Any, vitals: Any, patient: Any, points: Points) -> None:
    """On air and on oxygen; without the decision of a clinician scale 1 counts, also with a low saturation."""
    target = "snomed|852641000000103"
    scale_2 = (patient.answer(target, "snomed|1104321000000108", 48),)
    scale_1 = (patient.answer(target, "snomed|1104311000000102", 2),)
    low = vitals(c59408_5=88.0)
    assert points(assess(*low))["oxygen_saturation"] == 3
    assert points(assess(*low, answers=scale_2))["oxygen_saturation"] == 0
    assert points(assess(*low, answers=(*scale_2, *scale_1)))["oxygen_saturation"] == 3
    high = vitals(c59408_5=97.0, c3150_0=28.0)
    assert points(assess(*high))["oxygen_saturation"] == 0
    assert points(assess(*high, answers=scale_2))["oxygen_saturation"] == 3


def test_oxygen_is_known_from_an_answer_a_flow_or_a_concentration(
    assess: Any, vitals: Any, patient: Any, points: Points
) -> None:
    """The newest of them counts; where nothing says it, the line is missing and not zero."""
    none = vitals(c3150_0=None)
    finding = assess(*none)
    assert points(finding)["supplemental_oxygen"] is None
    assert (finding.value, finding.highest, finding.missing) == (0, 2, ("Oxygen",))
    assert points(assess(*none, patient.fact("3151-8", 2.0, "L/min")))["supplemental_oxygen"] == 2
    assert points(assess(*none, patient.fact("3151-8", 0.0, "L/min")))["supplemental_oxygen"] == 0
    yes = (patient.answer("snomed|371825009", "snomed|373066001", 0.5, text="Yes"),)
    finding = assess(*vitals(), answers=yes)
    item = next(item for item in finding.items if item.name == "supplemental_oxygen")
    assert (item.points, item.found, item.rule) == (2, "Yes", "oxygen")
    assert [basis.reference for basis in item.basis] == ["Observation/371825009-0.5"]
    assert item.facts == ()


@pytest.mark.parametrize(
    ("value", "hours", "coma", "expected"),
    [
        ("loinc|LA9340-6", 0.5, 14.0, 0),
        ("loinc|LA6560-2", 0.5, 15.0, 3),
        ("snomed|130987000", 0.5, 15.0, 3),
        ("snomed|248234008", 0.5, 14.0, 0),
        ("loinc|LA9340-6", 11.0, 3.0, 3),
        ("snomed|130987000", 11.0, 15.0, 0),
        ("loinc|LA9340-6", 1.0, 3.0, 3),
        ("snomed|130987000", 1.0, 15.0, 3),
    ],
)
def test_the_newest_word_on_consciousness_counts_and_of_two_at_once_the_worse(
    assess: Any, vitals: Any, patient: Any, points: Points, value: str, hours: float, coma: float, expected: float
) -> None:
    """The answer on the scale and the coma score, which was taken an hour ago."""
    answers = (patient.answer("loinc|67775-7", value, hours),)
    assert points(assess(*vitals(c9269_2=coma), answers=answers))["not_alert"] == expected


def test_old_air_is_no_air_now(assess: Any, vitals: Any, patient: Any, points: Points) -> None:
    """A flow of 0 and a "no" of this morning do not outweigh 60 % of a few minutes ago, nor the other way round."""
    old = patient.fact("3151-8", 0.0, "L/min", 11.0)
    no = (patient.answer("snomed|371825009", "snomed|373067005", 11.0),)
    assert points(assess(*vitals(c3150_0=60.0), old, answers=no))["supplemental_oxygen"] == 2
    flow = patient.fact("3151-8", 6.0, "L/min", 11.0)
    assert points(assess(*vitals(c3150_0=21.0), flow))["supplemental_oxygen"] == 0


def test_two_that_differ_at_one_moment_are_neither(assess: Any, vitals: Any, patient: Any, points: Points) -> None:
    """Saturations of 97 and 70 % at one time: the line is open, and both ends of the score show it."""
    finding = assess(*vitals(), patient.fact("59408-5", 70.0, "%"))
    assert points(finding)["oxygen_saturation"] is None
    assert finding.highest >= 3
    assert finding.worst is not None
    assert any("at the same time" in aside.detail for aside in finding.unused)
    answers = (
        patient.answer("loinc|67775-7", "loinc|LA9340-6", 0.5),
        replace(patient.answer("loinc|67775-7", "snomed|130987000", 0.5), reference="Observation/other"),
    )
    finding = assess(*vitals(c9269_2=None), answers=answers)
    assert points(finding)["not_alert"] is None


def test_an_answer_that_is_not_understood_is_reported_and_no_older_one_taken(
    assess: Any, vitals: Any, patient: Any, points: Points
) -> None:
    """What somebody said last holds, even if nobody can read it."""
    answers = (patient.answer("loinc|67775-7", "loinc|LA9340-6", 3), patient.answer("loinc|67775-7", "local|drowsy", 1))
    finding = assess(*vitals(c9269_2=None), answers=answers)
    assert points(finding)["not_alert"] is None
    assert [(aside.reference, aside.reason) for aside in finding.unused] == [
        ("Observation/67775-7-1", SetAsideReason.NO_VALUE)
    ]


@pytest.mark.parametrize(
    ("changes", "value", "tier", "indicator"),
    [
        ({}, 0, "none", Indicator.INFO),
        ({"c9279_1": 22.0, "c8867_4": 95.0}, 3, "low", Indicator.INFO),
        ({"c9279_1": 25.0}, 3, "low-medium", Indicator.WARNING),
        ({"c9279_1": 22.0, "c8867_4": 115.0, "c8310_5": 38.5}, 5, "medium", Indicator.WARNING),
        ({"c9279_1": 25.0, "c8867_4": 115.0, "c8480_6": 95.0}, 7, "high", Indicator.CRITICAL),
    ],
)
def test_tiers_are_the_published_ones(
    assess: Any, vitals: Any, changes: dict[str, float], value: float, tier: str, indicator: Indicator
) -> None:
    """A single line of three points is more than a sum of three."""
    finding = assess(*vitals(**changes))
    assert isinstance(finding, Score)
    assert (finding.value, finding.tier.name, finding.tier.indicator) == (value, tier, indicator)
    assert finding.maximum == 20
    assert finding.situation == "day 2 of the hospital stay"


def test_every_line_keeps_its_fact(assess: Any, vitals: Any, patient: Any) -> None:
    """Value, unit, time and reference of what gave the points; the newest within 12 hours counts."""
    finding = assess(*vitals(), patient.fact("8867-4", 140.0, "/min", 5.0), patient.fact("8867-4", 95.0, "/min", 0.5))
    item = next(item for item in finding.items if item.name == "pulse")
    assert (item.points, item.found, item.rule, item.label) == (1, "95 /min", "91 to 110", "Pulse")
    assert [fact.reference for fact in item.facts] == ["Observation/8867-4-0.5-95.0"]
    assert (finding.oldest, finding.newest) == (patient.ago(1), patient.ago(0.5))


def test_what_cannot_be_used_is_told_and_not_used(assess: Any, vitals: Any, patient: Any) -> None:
    """Another unit, an impossible value and a time to come; what is older than 12 hours is passed over."""
    facts = vitals(c8867_4=None, c8310_5=None, c9279_1=None)
    bad = (
        patient.fact("8867-4", 1.2, "/s"),
        patient.fact("8310-5", 98.6, "Cel"),
        patient.fact("9279-1", 40.0, "/min", -1.0),
        patient.fact("8867-4", 140.0, "/min", 12.0),
    )
    finding = assess(*facts, *bad)
    assert isinstance(finding, Score)
    assert finding.missing == ("Respiratory rate", "Pulse", "Body temperature")
    assert (finding.value, finding.highest) == (0, 9)
    assert [aside.reason for aside in finding.unused] == [
        SetAsideReason.UNIT,
        SetAsideReason.IMPLAUSIBLE,
        SetAsideReason.FUTURE,
    ]


def test_too_little_gives_no_answer(assess: Any, vitals: Any) -> None:
    """Four lines are needed: a sum of nothing would read as "well"."""
    three = vitals(c8867_4=None, c8310_5=None, c9269_2=None, c3150_0=None)
    finding = assess(*three)
    assert isinstance(finding, Abstention)
    assert finding.reason is AbstentionReason.NOT_ENOUGH_DATA
    assert finding.text == "3 of 7 items were found; the score needs 4"
    assert finding.missing == ("Oxygen", "Pulse", "Consciousness", "Body temperature")
    assert finding.in_population
    assert isinstance(assess(), Abstention)


def test_for_whom_there_is_no_answer(assess: Any, vitals: Any, patient: Any) -> None:
    """The dead, children, people of unknown age, and people who are not in hospital."""
    facts = vitals()
    cases: list[tuple[dict[str, Any], AbstentionReason, bool]] = [
        ({"deceased": True}, AbstentionReason.DECEASED, False),
        ({"birth_date": date(2015, 1, 1)}, AbstentionReason.NOT_ADULT, False),
        ({"birth_date": None}, AbstentionReason.AGE_UNKNOWN, True),
        ({"stays": ()}, AbstentionReason.NO_CURRENT_STAY, False),
        ({"stays": (), "incomplete": ("encounter: not sent",)}, AbstentionReason.NO_CURRENT_STAY, True),
        ({"stays": (patient.stay("AMB"),)}, AbstentionReason.NO_CURRENT_STAY, False),
        ({"stays": (patient.stay("AMB"),), "focus": "Encounter/1"}, AbstentionReason.NO_CURRENT_STAY, False),
        (
            {"stays": (replace(patient.stay(), status="finished", end=patient.ago(1)),)},
            AbstentionReason.NO_CURRENT_STAY,
            False,
        ),
    ]
    for changes, reason, in_population in cases:
        finding = assess(*facts, **changes)
        assert isinstance(finding, Abstention), changes
        assert (finding.reason, finding.in_population) == (reason, in_population), changes
    assert isinstance(assess(*facts, stays=(patient.stay("EMER"), patient.stay("AMB", reference="Encounter/2"))), Score)


def test_the_order_of_facts_does_not_matter(assess: Any, vitals: Any) -> None:
    """The same record in another order gives the same answer."""
    facts = vitals()
    assert assess(*reversed(facts)) == assess(*facts)
