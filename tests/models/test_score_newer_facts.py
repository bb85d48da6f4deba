"""Newer facts that cannot be used: what is older in their place is not told as if it were the latest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from clinical.assessment import LOOK_FIRST, Abstention, AbstentionReason, Finding, Indicator, Score
from clinical.record import (
    EVER,
    LOINC,
    Coding,
    Observation,
    PatientRecord,
    Says,
    SetAside,
    SetAsideReason,
    StayLocation,
)

Assess = Callable[..., Finding]
CALM = {
    "9279-1": (16.0, "/min"), "59408-5": (97.0, "%"), "8480-6": (120.0, "mm[Hg]"), "8867-4": (70.0, "/min"),
    "8310-5": (37.0, "Cel"), "3151-8": (0.0, "L/min"),
}  # fmt: skip
ALERT, UNRESPONSIVE = "loinc|LA9340-6", "loinc|LA9343-0"
UNCERTAIN = [
    SetAsideReason.STATUS,
    SetAsideReason.UNIT,
    SetAsideReason.NO_VALUE,
    SetAsideReason.MALFORMED,
    SetAsideReason.IMPLAUSIBLE,
]


@pytest.fixture
def aside(patient: Any) -> Callable[..., SetAside]:
    """A fact that the reader set aside, some hours ago (None: nobody knows when)."""

    def build(code: str, hours: float | None = 0.2, reason: SetAsideReason = SetAsideReason.STATUS) -> SetAside:
        time = None if hours is None else patient.ago(hours)
        return SetAside(f"Observation/aside-{code}", reason, "status 'preliminary' is not final", _codes(code), time)

    return build


def _codes(code: str) -> tuple[Coding, ...]:
    return (Coding(LOINC, code),)


@pytest.fixture
def assess(scores: Any, patient: Any) -> Assess:
    """A score of a record, now."""
    return lambda folder, record: scores[folder].assess(record, patient.now)  # type: ignore[no-any-return]


@pytest.fixture
def calm(patient: Any) -> Callable[..., PatientRecord]:
    """A well patient of five hours ago, by NEWS2; and what was set aside."""

    def build(*unused: SetAside, facts: tuple[Observation, ...] = (), **changes: Any) -> PatientRecord:
        seen = tuple(patient.fact(code, value, unit, 5) for code, (value, unit) in CALM.items())
        answers = (patient.answer("loinc|67775-7", ALERT, 5),)
        record: PatientRecord = patient.record(*seen, *facts, answers=answers, set_aside=unused)
        return replace(record, **changes)

    return build


@pytest.mark.parametrize("reason", UNCERTAIN)
def test_a_newer_fact_that_cannot_be_used_opens_its_line(
    assess: Assess, calm: Any, aside: Any, reason: SetAsideReason
) -> None:
    """A respiratory rate of minutes ago: 0 to 3 points, the worst of it decides, and it is named first."""
    finding = assess("news2", calm(aside("8867-4", 9), aside("9279-1", reason=reason)))
    assert isinstance(finding, Score)
    assert (finding.value, finding.highest, finding.missing) == (0, 3, ("Respiratory rate",))
    assert finding.worst is not None
    assert finding.worst.indicator is Indicator.WARNING
    assert finding.unused[0].detail == "newer than what can be used: status 'preliminary' is not final"
    assert [fact.reference for fact in finding.unused] == ["Observation/aside-9279-1", "Observation/aside-8867-4"]


@pytest.mark.parametrize(
    "changes",
    [{"reason": SetAsideReason.VOID}, {"reason": SetAsideReason.FUTURE}, {"empty": True}, {"codings": ()}],
)
def test_what_says_nothing_opens_nothing(assess: Assess, calm: Any, aside: Any, changes: dict[str, Any]) -> None:
    """What never was, what is to come, what holds no value by its sender's own word."""
    finding = assess("news2", calm(replace(aside("9279-1"), **changes)))
    assert isinstance(finding, Score)
    assert finding.whole
    assert finding.value == 0


@pytest.mark.parametrize("hours", [5, 6, 13, -40])
def test_what_is_not_newer_opens_nothing(assess: Assess, calm: Any, aside: Any, hours: float) -> None:
    """At the same time as what is used, before it, outside of the twelve hours, or dated far ahead."""
    finding = assess("news2", calm(aside("9279-1", hours)))
    assert isinstance(finding, Score)
    assert finding.whole


def test_a_fact_without_any_time_may_be_the_newest(assess: Assess, calm: Any, aside: Any) -> None:
    """Nobody can say which of the two holds."""
    finding = assess("news2", calm(aside("9279-1", None)))
    assert isinstance(finding, Score)
    assert (finding.value, finding.highest) == (0, 3)


def test_where_all_is_newer_and_unusable_there_is_no_score(assess: Assess, calm: Any, aside: Any) -> None:
    """Not an empty list: not assessed, and why."""
    finding = assess("news2", calm(*(aside(code) for code in (*CALM, "67775-7"))))
    assert isinstance(finding, Abstention)
    assert finding.reason is AbstentionReason.NOT_ENOUGH_DATA
    assert finding.in_population
    assert finding.text == "0 of 7 items can be counted, newer values cannot be used; the score needs 4"
    assert len(finding.unused) == 7


def test_what_is_certain_is_told_beside_what_is_open(assess: Assess, calm: Any, aside: Any, patient: Any) -> None:
    """Unresponsive, and all else without a unit: at least 3 points, and the most is an emergency."""
    record = calm(*(aside(code, reason=SetAsideReason.UNIT) for code in CALM))
    finding = assess("news2", replace(record, answers=(patient.answer("loinc|67775-7", UNRESPONSIVE),)))
    assert isinstance(finding, Score)
    assert (finding.value, finding.highest, finding.tier.name) == (3, 20, "low-medium")
    assert finding.worst is not None
    assert finding.worst.indicator is Indicator.CRITICAL


def test_an_implausible_newer_number_is_one_of_them(assess: Assess, calm: Any, patient: Any) -> None:
    """Pulse 999: nobody can say what it was meant to be."""
    finding = assess("news2", calm(facts=(patient.fact("8867-4", 999.0, "/min"),)))
    assert isinstance(finding, Score)
    assert (finding.value, finding.highest, finding.missing) == (0, 3, ("Pulse",))


def test_a_newer_usable_fact_settles_it(assess: Assess, calm: Any, aside: Any, patient: Any) -> None:
    """Preliminary first, final a little later."""
    finding = assess("news2", calm(aside("9279-1", 2), facts=(patient.fact("9279-1", 22.0, "/min", 1),)))
    assert isinstance(finding, Score)
    assert (finding.value, finding.highest) == (2, 2)


def test_a_fact_beside_which_there_is_none_is_not_called_newer(assess: Assess, patient: Any, aside: Any) -> None:
    """The only creatinine cannot be used: there is none, as before."""
    finding = assess("ckd_epi", patient.record(stays=(), set_aside=(aside("2160-0"),)))
    assert isinstance(finding, Abstention)
    assert finding.text == "not found: Creatinine"
    assert [fact.detail for fact in finding.unused] == ["status 'preliminary' is not final"]


def test_a_coded_answer_that_was_set_aside_is_named(assess: Assess, calm: Any, aside: Any) -> None:
    """Consciousness, not final yet: which line it belongs to, and up to three points."""
    finding = assess("news2", calm(aside("67775-7")))
    assert isinstance(finding, Score)
    assert (finding.value, finding.highest, finding.missing) == (0, 3, ("Consciousness",))
    (told,) = finding.unused
    assert told.detail == "newer than what can be used: Consciousness: status 'preliminary' is not final"


def test_an_older_measurement_does_not_stand_in_for_two_answers_that_differ(
    assess: Assess, calm: Any, patient: Any
) -> None:
    """Alert and unresponsive at once: a coma score of before says nothing."""
    both = (patient.answer("loinc|67775-7", ALERT), patient.answer("loinc|67775-7", UNRESPONSIVE))
    finding = assess("news2", calm(facts=(patient.fact("9269-2", 15.0, "{score}", 5),), answers=both))
    assert isinstance(finding, Score)
    assert (finding.value, finding.highest, finding.missing) == (0, 3, ("Consciousness",))


def test_a_newer_coma_score_that_cannot_be_used_is_newer_than_the_answer(assess: Assess, calm: Any, aside: Any) -> None:
    """Inputs of which one stands for the other are one line."""
    finding = assess("news2", calm(aside("9269-2")))
    assert isinstance(finding, Score)
    assert (finding.highest, finding.missing) == (3, ("Consciousness",))


def test_an_alternative_that_is_enough_leaves_the_line_open(assess: Assess, patient: Any, aside: Any) -> None:
    """SIRS: an arterial pressure of carbon dioxide beside a newer rate that cannot be used."""
    facts = (
        patient.fact("9279-1", 16.0, "/min", 5), patient.fact("2019-8", 40.0, "mm[Hg]", 5),
        patient.fact("8867-4", 70.0, "/min", 5), patient.fact("8310-5", 37.0, "Cel", 5),
        patient.fact("6690-2", 7.0, "10*3/uL", 5),
    )  # fmt: skip
    finding = assess("sirs", patient.record(*facts, set_aside=(aside("9279-1"),)))
    assert isinstance(finding, Score)
    assert (finding.value, finding.highest, finding.missing) == (0, 1, ("Respiratory rate or PaCO2",))
    assert assess("sirs", patient.record(*facts)).highest == 0  # type: ignore[union-attr]


def test_the_worst_value_that_was_found_is_the_least(assess: Assess, patient: Any, aside: Any) -> None:
    """SOFA takes the worst of a day: platelets of 40 stay 3 points, and another count of that day may be worse."""
    beds = patient.stay(locations=(_bed(patient),))
    facts = (
        patient.fact("777-3", 40.0, "10*3/uL", 5), patient.fact("1975-2", 0.5, "mg/dL", 5),
        patient.fact("2160-0", 0.8, "mg/dL", 5), patient.fact("9269-2", 15.0, "{score}", 5),
    )  # fmt: skip
    whole = assess("sofa", patient.record(*facts, stays=(beds,)))
    finding = assess("sofa", patient.record(*facts, stays=(beds,), set_aside=(aside("777-3", 9),)))
    assert isinstance(finding, Score)
    assert isinstance(whole, Score)
    assert (finding.value, finding.highest) == (whole.value, whole.highest + 1) == (3, whole.highest + 1)
    assert {"Platelets", "Coagulation"} & set(finding.missing)


def _bed(patient: Any) -> StayLocation:
    return StayLocation("Medical ICU", start=patient.ago(30), intensive_care=True, recognised_by="test")


def test_an_equation_without_its_newest_value_is_refused(assess: Assess, patient: Any, aside: Any) -> None:
    """A creatinine "above 15" an hour ago beside 1.0 of 300 days ago is no eGFR of 75."""
    old = patient.fact("2160-0", 1.0, "mg/dL", 24 * 300)
    finding = assess("ckd_epi", patient.record(old, stays=(), set_aside=(aside("2160-0", 1, SetAsideReason.NO_VALUE),)))
    assert isinstance(finding, Abstention)
    assert finding.text == "a newer value cannot be used: Creatinine"
    assert finding.in_population
    assert finding.missing == ("Creatinine",)


def test_a_day_without_a_time_is_the_end_of_that_day(assess: Assess, calm: Any, aside: Any, patient: Any) -> None:
    """As the reader tells it, up to 36 hours ahead of now: it may have been a moment ago."""
    of_today = replace(aside("9279-1"), reason=SetAsideReason.NO_TIME, time=patient.now + timedelta(hours=28))
    finding = assess("news2", calm(of_today))
    assert isinstance(finding, Score)
    assert finding.highest == 3


def test_a_fact_that_no_input_asks_for_opens_nothing(assess: Assess, calm: Any, aside: Any) -> None:
    """A creatinine is none of the matters of NEWS2."""
    finding = assess("news2", calm(aside("2160-0")))
    assert isinstance(finding, Score)
    assert finding.whole


@pytest.mark.parametrize(
    ("since", "time", "words", "detail"),
    [
        (None, 10, "a newer value cannot be used", "newer than what can be used"),
        (15, 10, "a newer value cannot be used", "newer than what can be used"),
        (30, 10, "a value that may be newer cannot be used", "perhaps newer than what can be used"),
        (None, None, "an undated value cannot be used", "undated, perhaps newer than what can be used"),
    ],
)
def test_what_may_be_newer_is_not_called_newer(
    assess: Assess, patient: Any, aside: Any, since: float | None, time: float | None, words: str, detail: str
) -> None:
    """A creatinine of a day ago, and one that cannot be used: only what is surely newer is told as that."""
    other = replace(aside("2160-0", time), since=None if since is None else patient.ago(since))
    record = patient.record(patient.fact("2160-0", 1.8, "mg/dL", 24), stays=(), set_aside=(other,))
    finding = assess("ckd_epi", record)
    assert isinstance(finding, Abstention)
    assert finding.text == f"{words}: Creatinine"
    assert finding.unused[0].detail == f"{detail}: status 'preliminary' is not final"


def test_what_was_issued_before_what_is_used_is_older(assess: Assess, patient: Any, aside: Any) -> None:
    """A result cannot be newer than its issue, whenever it was measured."""
    other = replace(aside("2160-0", 48), since=EVER)
    record = patient.record(patient.fact("2160-0", 1.8, "mg/dL", 24), stays=(), set_aside=(other,))
    assert isinstance(assess("ckd_epi", record), Score)


def test_undated_values_of_most_items_are_told_as_that(assess: Assess, calm: Any, aside: Any) -> None:
    """Not as newer ones; with one that is surely newer, as such that may be."""
    undated = [aside(code, None) for code in (*CALM, "67775-7")]
    finding = assess("news2", calm(*undated))
    assert isinstance(finding, Abstention)
    assert finding.text == "0 of 7 items can be counted, undated values cannot be used; the score needs 4"
    finding = assess("news2", calm(aside("9279-1"), *undated[1:]))
    assert isinstance(finding, Abstention)
    assert finding.text == "0 of 7 items can be counted, values that may be newer cannot be used; the score needs 4"


@pytest.mark.parametrize(
    ("says", "since", "time", "whole"),
    [
        (Says(1.8, "mg/dL"), 40, 16, True),
        (Says(1.8 + 1e-14, "mg/dL"), 40, 16, True),
        (Says(1.8, "mg/dL"), None, None, True),
        (Says(1.9, "mg/dL"), 40, 16, False),
        (Says(1.8, "umol/L"), 40, 16, False),
        (Says(1.8, "mg/dL"), 20, 16, False),
        (None, 40, 16, False),
    ],
)
def test_a_copy_that_tells_only_the_day_opens_nothing(
    assess: Assess, patient: Any, aside: Any, says: Says | None, since: float | None, time: float | None, whole: bool
) -> None:
    """The same number in the same unit, at a time that may be the same; another value, or another time, is in doubt."""
    copy = aside("2160-0", time, SetAsideReason.NO_TIME)
    copy = replace(copy, since=None if since is None else patient.ago(since), says=says)
    record = patient.record(patient.fact("2160-0", 1.8, "mg/dL", 24), stays=(), set_aside=(copy,))
    assert isinstance(assess("ckd_epi", record), Score) is whole


@pytest.mark.parametrize(("value", "whole"), [(ALERT, True), (UNRESPONSIVE, False), ("loinc|LA0000-0", False)])
def test_a_copy_of_an_answer_opens_nothing(assess: Assess, calm: Any, aside: Any, value: str, whole: bool) -> None:
    """Alert at a moment, and alert on that day; an answer that the score does not know is none."""
    code = value.partition("|")[2]
    copy = replace(aside("67775-7", None, SetAsideReason.NO_TIME), says=Says(values=_codes(code)))
    finding = assess("news2", calm(copy))
    assert isinstance(finding, Score)
    assert finding.whole is whole


def test_a_copy_of_the_worst_value_opens_nothing(assess: Assess, patient: Any, aside: Any) -> None:
    """SOFA counts the lowest platelets: the same number on the same day is no worse, and another may be."""
    codes = {
        "777-3": (120.0, "10*3/uL"),
        "1975-2": (1.0, "mg/dL"),
        "2160-0": (1.0, "mg/dL"),
        "9269-2": (15.0, "{score}"),
    }
    facts = [patient.fact(code, value, unit, 2) for code, (value, unit) in codes.items()]
    bed = StayLocation("Medical ICU", start=patient.ago(30), intensive_care=True, recognised_by="test")
    open_ = {}
    for value in (120.0, 30.0):
        copy = replace(aside("777-3", 1, SetAsideReason.NO_TIME), since=patient.ago(3), says=Says(value, "10*3/uL"))
        record = patient.record(*facts, stays=(patient.stay(locations=(bed,)),), set_aside=(copy,))
        told = assess("sofa", record)
        assert isinstance(told, Score), told
        open_[value] = "Platelets" in told.missing or "Coagulation" in told.missing
    assert open_ == {120.0: False, 30.0: True}


def test_what_decides_is_marked(assess: Assess, calm: Any, aside: Any) -> None:
    """By it cards and pages know what to tell first."""
    finding = assess("news2", calm(aside("8867-4", 9), aside("9279-1")))
    assert isinstance(finding, Score)
    assert [(fact.reference, fact.decides) for fact in finding.unused] == [
        ("Observation/aside-9279-1", True), ("Observation/aside-8867-4", False)
    ]  # fmt: skip
    assert finding.suggestion == LOOK_FIRST


def test_an_undated_fact_takes_no_time_of_another_of_its_name(assess: Assess, calm: Any, aside: Any) -> None:
    """HL7 v2 names a result by its message and its place: where a message's id comes twice, so does the name."""
    record = calm()
    name = next(fact.reference for fact in record.observations if fact.codings[0].code == "9279-1")
    finding = assess("news2", replace(record, set_aside=(replace(aside("9279-1", None), reference=name),)))
    assert isinstance(finding, Score)
    assert (finding.value, finding.highest) == (0, 3)
    assert finding.unused[0].time is None
