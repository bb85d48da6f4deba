"""What each kind of input says of a record: a number, nothing, and never a guess."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from clinical.assessment import Abstention, Basis, Score
from clinical.record import Coding, Condition, PatientRecord, SetAside, SetAsideReason, Stay

SUM = """
from models.formulae.worked import Line, Worked

def answer(given):
    value = given["x"]
    line = Line("x", value, 99.0, "as it is" if value is not None else "")
    return Worked(value or 0.0, 99.0 if value is None else value, (line,), "", None)
"""
Ask = Callable[..., Any]
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"


@pytest.fixture
def ask(toy: Any, patient: Any) -> Ask:
    """The only line of a score with one input, on a record."""

    def found(inputs: str, record: PatientRecord, **head: Any) -> Any:
        model = toy.model(f"{inputs}\n\n[inputs.age]\nkind = 'person'\nlabel = 'Age'\ntake = 'age'\n", SUM, **head)
        finding = model.assess(record, patient.now)
        assert isinstance(finding, Score), finding
        return finding.items[0], finding

    return found


CONDITION = """
[needs.conditions]
count = 10
[inputs.x]
kind = "condition"
label = "Diabetes"
[inputs.x.codes]
icd-10 = ["E10-E14"]
icd-9-cm = ["250"]
snomed = ["44054006"]
"""


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("icd-10|E11.9", 1),
        ("icd-10|e119", 1),
        ("icd-10|E15", 0),
        ("icd-10|E09.9", 0),
        ("icd-9|250.02", 1),
        ("icd-9|25002", 1),
        ("icd-9|E250", 0),
        ("snomed|44054006", 1),
        ("snomed|440540061", None),
        ("snomed|E11", None),
        ("icd-10|E1", None),
        ("icd-10|type 2 diabetes", None),
        ("urn:oid:2.16.840.1.113883.6.90|E11.9", 1),
        ("urn:oid:2.16.840.1.113883.6.103|250.02", 1),
        ("urn:oid:2.16.840.1.113883.6.96|44054006", 1),
        ("urn:oid:2.16.840.1.113883.6.90|I10", 0),
    ],
)
def test_diagnoses_by_branch_range_and_whole_code(ask: Ask, patient: Any, code: str, expected: float | None) -> None:
    """Dots and case do not count in a tree of codes; elsewhere only the whole code does, and another proves nothing."""
    item, _ = ask(CONDITION, patient.record(conditions=(patient.diagnosis(code),)))
    assert item.points == expected
    assert item.found == {1: "recorded", 0: "not recorded", None: ""}[expected]
    wanted = (Basis(f"Condition/{code}", f"diagnosis {code}", patient.ago(1000)),) if expected else ()
    assert item.basis == wanted


def test_a_diagnosis_that_is_not_there_may_only_not_have_been_read(ask: Ask, patient: Any) -> None:
    """A gap, a malformed one, and one in a system that nobody here can read: then nobody can say."""
    silent = patient.record()
    assert ask(CONDITION, silent)[0].points == 0
    unreadable = [
        replace(silent, incomplete=("conditions: only its first page",)),
        replace(silent, set_aside=(SetAside("Condition/1", SetAsideReason.MALFORMED, "?"),)),
        replace(silent, conditions=(Condition("Condition/2", (Coding("local", "dm2"),)),)),
        replace(silent, conditions=(Condition("Condition/3", (), text="diabetes"),)),
    ]
    for record in unreadable:
        item, finding = ask(CONDITION, record)
        assert item.points is None
        assert finding.missing == ("Diabetes",)
        assert not finding.whole
    refuted = (SetAside("Condition/1", SetAsideReason.VOID, "refuted", (Coding("local", "dm2"),)),)
    assert ask(CONDITION, replace(silent, set_aside=refuted))[0].points == 0
    assert ask(CONDITION, replace(unreadable[0], conditions=(patient.diagnosis("icd-10|E11"),)))[0].points == 1


@pytest.mark.parametrize(
    "foreign",
    [
        Condition("Condition/2", (Coding("local", "dm2"),)),
        Condition("Condition/2", (), text="Sugar"),
        Condition("Condition/2", (Coding("http://snomed.info/sct", "1"),)),
    ],
)
def test_one_diagnosis_that_cannot_be_read_is_not_absent_because_others_can(
    ask: Ask, patient: Any, foreign: Condition
) -> None:
    """It may be the one that is asked for, whatever the others are; and it is told."""
    item, finding = ask(CONDITION, patient.record(conditions=(foreign, patient.diagnosis("icd-10|I10"))))
    assert item.points is None
    assert (finding.missing, finding.highest) == (("Diabetes",), 99)
    assert [aside.reference for aside in finding.unused] == ["Condition/2"]
    also = replace(foreign, codings=(*foreign.codings, patient.diagnosis("icd-10|I10").codings[0]))
    assert ask(CONDITION, patient.record(conditions=(also,)))[0].points == 0


@pytest.mark.parametrize(
    "reason", [SetAsideReason.STATUS, SetAsideReason.NO_TIME, SetAsideReason.FUTURE, SetAsideReason.MALFORMED]
)
def test_a_diagnosis_that_was_set_aside_may_hold_all_the_same(ask: Ask, patient: Any, reason: SetAsideReason) -> None:
    """Provisional, with a date that cannot be read, or to come: on a matching or unreadable code nobody can say."""
    for code, expected in [("icd-10|E11.9", None), ("snomed|1", None), ("icd-10|I10", 0)]:
        aside = SetAside("Condition/7", reason, "why", patient.diagnosis(code).codings)
        item, finding = ask(CONDITION, patient.record(set_aside=(aside,)))
        assert item.points == expected, code
        assert (finding.unused == (aside,)) == (expected is None)


def test_a_working_diagnosis_of_a_message_may_hold_all_the_same(ask: Ask, patient: Any) -> None:
    """A DG1 segment has no FHIR reference; results of an ORU message are no diagnoses."""
    working = SetAside("ADT 7 segment 4", SetAsideReason.STATUS, "working", patient.diagnosis("icd-10|E11").codings)
    assert ask(CONDITION, patient.record(set_aside=(working,)))[0].points is None
    result = SetAside("ORU 7 segment 4", SetAsideReason.UNIT, "unit", (Coding("http://loinc.org", "2160-0"),))
    assert ask(CONDITION, patient.record(set_aside=(result,)))[0].points == 0


def test_what_befalls_women_up_to_an_age_is_asked_of_those_who_may_be_one(ask: Ask, patient: Any) -> None:
    """Of a man, and of somebody older, nothing is in doubt; old entries are over."""
    only = CONDITION.replace('label = "Diabetes"', 'label = "Pregnancy"\nfemale_until = 64\nwithin_days = 30')
    foreign = (Condition("Condition/2", (), text="?"),)
    assert ask(only, patient.record(conditions=foreign))[0].points is None
    assert ask(only, patient.record(conditions=foreign, sex=None))[0].points is None
    assert ask(only, patient.record(conditions=foreign, sex="male"))[0].points == 0
    assert ask(only.replace("64", "63"), patient.record(conditions=foreign))[0].points == 0
    assert ask(only, patient.record(conditions=(patient.diagnosis("icd-10|E11", 700),)))[0].points == 1
    assert ask(only, patient.record(conditions=(patient.diagnosis("icd-10|E11", 730),)))[0].points == 0


def test_diagnoses_to_come_do_not_count_and_resolved_ones_may(ask: Ask, patient: Any) -> None:
    """An onset or a record after now is somebody's mistake; `active_only` leaves out what has resolved."""
    later = patient.diagnosis("icd-10|E11", -1)
    item, finding = ask(CONDITION, patient.record(conditions=(later,)))
    assert item.points is None
    assert [aside.reason for aside in finding.unused] == [SetAsideReason.FUTURE]
    resolved = patient.diagnosis("icd-10|E11", active=False)
    assert ask(CONDITION, patient.record(conditions=(resolved,)))[0].points == 1
    only = CONDITION.replace('label = "Diabetes"', 'label = "Diabetes"\nactive_only = true')
    assert ask(only, patient.record(conditions=(resolved,)))[0].points == 0


def test_the_same_diagnosis_is_told_once(ask: Ask, patient: Any) -> None:
    """The newest of each name."""
    many = [
        replace(patient.diagnosis("icd-10|E11", hours), reference=f"Condition/{hours}", text="T2DM")
        for hours in (9, 5, 7)
    ]
    item, _ = ask(CONDITION, patient.record(conditions=tuple(many)))
    assert [basis.reference for basis in item.basis] == ["Condition/5"]


MEDICINE = """
[needs.medications]
count = 10
[inputs.x]
kind = "medicine"
label = "Statin"
codes = { rxnorm = ["83367"], atc = ["C10AA"] }
names = ["atorvastatin", "simvastatin"]
"""


def test_medicines_by_code_branch_and_ingredient(ask: Ask, patient: Any) -> None:
    """A clinical drug has a code of its own; the name of its ingredient is in its name as a whole word."""
    for use, expected in [
        (patient.medicine("Lipitor", "rxnorm|83367"), 1),
        (patient.medicine("x", "atc|C10AA05"), 1),
        (patient.medicine("Atorvastatin 20 MG Oral Tablet", "rxnorm|617310"), 1),
        (patient.medicine("Simvastatine", "rxnorm|2"), 0),
        (patient.medicine("Nystatin", "rxnorm|2"), 0),
        (patient.medicine("atorvastatin", active=False), 0),
        (patient.medicine("atorvastatin", end=patient.ago(1)), 0),
        (patient.medicine("atorvastatin", start=patient.ago(-1)), 0),
        (patient.medicine("atorvastatin", start=None), 1),
    ]:
        assert ask(MEDICINE, patient.record(medications=(use,)))[0].points == expected, use
    item, _ = ask(MEDICINE, patient.record(medications=(patient.medicine("Simvastatin 40 MG"),)))
    assert item.found == "in use"
    assert item.basis == (Basis("MedicationRequest/Simvastatin 40 MG", "Simvastatin 40 MG", patient.ago(1000)),)


def test_medicines_that_could_not_be_read_are_not_absent(ask: Ask, patient: Any) -> None:
    """A gap leaves the line open."""
    assert ask(MEDICINE, patient.record())[0].points == 0
    assert ask(MEDICINE, patient.record(incomplete=("medications: not sent",)))[0].points is None


def test_medicines_of_which_nobody_can_say(ask: Ask, patient: Any) -> None:
    """Without a name, by a text that may be a brand, on hold, or of unknown status: neither in use nor not in use."""
    unnamed = patient.medicine("", "rxnorm|617310")
    brand = patient.medicine("Fancystatin forte", "local|1")
    for use in (unnamed, brand, patient.medicine("atorvastatin", status="on-hold")):
        item, finding = ask(MEDICINE, patient.record(medications=(use,)))
        assert (item.points, finding.missing) == (None, ("Statin",)), use
        assert [aside.reference for aside in finding.unused] == [use.reference]
        ended = replace(use, active=False)
        assert ask(MEDICINE, patient.record(medications=(ended,)))[0].points == 0
    other = patient.medicine("", "atc|N02BE01")
    assert ask(MEDICINE, patient.record(medications=(other,)))[0].points == 0
    codes = {"atorvastatin": (Coding(RXNORM, "617310", "atorvastatin 20 MG"),), "any": (), "none": other.codings}
    for name, expected in [("atorvastatin", None), ("any", None), ("none", 0)]:
        aside = SetAside("MedicationRequest/9", SetAsideReason.STATUS, "its status is not known", codes[name])
        item, finding = ask(MEDICINE, patient.record(set_aside=(aside,)))
        assert item.points == expected, name
        assert (aside in finding.unused) == (expected is None or not aside.codings)
    never = SetAside("MedicationRequest/9", SetAsideReason.VOID, "it was entered in error", codes["atorvastatin"])
    assert ask(MEDICINE, patient.record(set_aside=(never,)))[0].points == 0


def test_words_by_which_a_medicine_is_not_meant(ask: Ask, patient: Any) -> None:
    """Whatever else its name says."""
    inputs = MEDICINE.replace('label = "Statin"', 'label = "Statin"\nexcept_words = ["cream"]')
    assert ask(inputs, patient.record(medications=(patient.medicine("Simvastatin cream 1 %"),)))[0].points == 0


def test_a_medicine_of_this_stay(ask: Ask, patient: Any) -> None:
    """A drip counts; what somebody carries for an emergency does not."""
    inputs = MEDICINE.replace('label = "Statin"', 'label = "Statin"\nin_stay = true')
    for changes, expected in [
        ({"start": patient.ago(2)}, 1),
        ({"start": patient.ago(40)}, 0),
        ({"start": None}, None),
        ({"start": patient.ago(40), "encounter": "Encounter/1"}, 1),
        ({"start": patient.ago(2), "encounter": "Encounter/9"}, 0),
        ({"start": patient.ago(40), "latest_start": patient.ago(16.1)}, 1),
    ]:
        record = patient.record(medications=(patient.medicine("simvastatin", **changes),))
        assert ask(inputs, record)[0].points == expected, changes


def test_a_medicine_that_ran_lately(ask: Ask, patient: Any) -> None:
    """What ended within the time counts; what may have ended before it, or only been on order, leaves it open."""
    inputs = MEDICINE.replace('label = "Statin"', 'label = "Statin"\nin_stay = true\nwithin_hours = 24')
    ended = {"active": False, "status": "completed"}
    for changes, expected in [
        ({"start": patient.ago(3), **ended}, 1),
        ({"start": patient.ago(28), **ended}, None),
        ({"start": patient.ago(28), "end": patient.ago(3), **ended}, 1),
        ({"start": patient.ago(28), "end": patient.ago(25), **ended}, 0),
        ({"start": patient.ago(40), **ended}, 0),
        ({"start": None, **ended}, None),
        ({"start": patient.ago(3), "status": "on-hold"}, None),
        ({"start": patient.ago(40), "status": "on-hold"}, 0),
        ({"start": patient.ago(3), "encounter": "Encounter/9"}, None),
        ({"start": patient.ago(400), "encounter": "Encounter/9"}, 0),
        ({"start": patient.ago(28), "latest_start": patient.ago(4), "active": False}, None),
    ]:
        record = patient.record(medications=(patient.medicine("simvastatin", **changes),))
        assert ask(inputs, record)[0].points == expected, changes


VISITS = """
[needs.encounters]
count = 10
[inputs.x]
kind = "encounters"
label = "Emergency visits"
classes = ["EMER"]
within_days = 183
skip_hours = 24
"""


def test_visits_are_counted_back_from_the_stay(ask: Ask, patient: Any) -> None:
    """Those of the class that began within the time, without the stay itself and the visit that led to it."""

    def visit(number: int, hours: float, kind: str = "EMER", status: str = "finished") -> Stay:
        return replace(
            patient.stay(kind, hours), reference=f"Encounter/v{number}", status=status, end=patient.ago(hours - 2)
        )

    before = 30.0
    stays = (
        patient.stay(hours=before),
        visit(1, before + 2),
        visit(2, before + 25),
        visit(3, before + 183 * 24 - 1),
        visit(4, before + 183 * 24 + 1),
        visit(5, before + 100, "AMB"),
        visit(6, before + 100, status="cancelled"),
    )
    item, _ = ask(VISITS, patient.record(stays=stays))
    assert item.points == 2
    assert [basis.reference for basis in item.basis] == ["Encounter/v2", "Encounter/v3"]
    assert ask(VISITS, patient.record(incomplete=("encounters: not sent",)))[0].points is None


def test_visits_of_which_nobody_can_say_count_at_the_most(ask: Ask, patient: Any) -> None:
    """Of a class that is not known, on a day without a time at the edge, without a date, or of unknown status."""
    before, current = 30.0, patient.stay(hours=30.0)
    day = (patient.now - timedelta(hours=before)).date()
    visit = replace(patient.stay("EMER", 100.0), reference="Encounter/v", status="finished")
    dated = replace(visit, start=None, start_day=day - timedelta(days=20))
    cases = [
        (visit, (1, 1)),
        (dated, (1, 1)),
        (replace(dated, start_day=day - timedelta(days=1)), (0, 1)),
        (replace(dated, start_day=day - timedelta(days=200)), (0, 0)),
        (replace(visit, start=None), (0, 1)),
        (replace(visit, start=None, end=patient.ago(24 * 300)), (0, 0)),
        (replace(visit, status="unknown"), (0, 1)),
        (replace(visit, class_code=None), (0, 1)),
        (replace(visit, class_code=Coding("x", "E")), (0, 1)),
        (replace(visit, class_code=Coding("x", "AMB")), (0, 1)),
        (replace(visit, class_code=Coding("", "AMB")), (0, 0)),
    ]
    for other, (least, most) in cases:
        record = patient.record(stays=(current, other))
        assert ask(VISITS, record)[0].points == least, other
        assert ask(VISITS + 'take = "most"\n', record)[0].points == most, other


def test_one_visit_under_several_names_counts_once(ask: Ask, patient: Any) -> None:
    """The same class at one time; of those told by a day nobody can say, so they count at the most."""
    visit = replace(patient.stay("EMER", 500.0), reference="Encounter/a", status="finished")
    day = replace(visit, start=None, start_day=visit.start.date())
    other_day = replace(day, start_day=day.start_day - timedelta(days=3))
    told = replace(visit, end=patient.ago(496))
    later = replace(visit, start=patient.ago(499.9), end=patient.ago(496))
    inner = [replace(visit, start=patient.ago(hours), end=patient.ago(hours - 0.5)) for hours in (499, 497)]
    # 22:00 in New York is 02:00 of the next day in UTC.
    evening = replace(visit, start=datetime(2026, 1, 11, 2, tzinfo=UTC))
    its_day = replace(day, start_day=date(2026, 1, 10))
    same = replace(visit, start=visit.start.astimezone(timezone(timedelta(hours=1))))
    for others, (least, most) in [
        ((visit, visit), (1, 1)),
        ((visit, same), (1, 1)),
        ((visit, replace(visit, start=patient.ago(499.9))), (1, 2)),
        ((visit, replace(visit, start=patient.ago(497))), (2, 2)),
        ((told, later), (1, 1)),
        ((told, replace(visit, start=patient.ago(499))), (1, 1)),
        ((told, replace(told, start=patient.ago(496), end=patient.ago(490))), (2, 2)),
        ((told, *inner), (1, 2)),
        ((told, replace(told, class_code=Coding("x", "E"))), (1, 1)),
        ((replace(told, end=patient.ago(400)), visit), (1, 2)),
        ((evening, its_day), (1, 2)),
        ((evening, replace(its_day, start_day=date(2026, 1, 9))), (2, 2)),
        ((day, other_day), (2, 2)),
        ((visit, replace(visit, class_code=Coding("", "AMB"))), (1, 1)),
        ((day, day), (1, 2)),
        ((day, visit), (1, 2)),
        ((day, replace(day, start_day=day.start_day - timedelta(days=1))), (2, 2)),
    ]:
        named = (replace(other, reference=f"Encounter/{n}v") for n, other in enumerate(others))
        record = patient.record(stays=(patient.stay(), *named))
        assert ask(VISITS, record)[0].points == least, others
        assert ask(VISITS + 'take = "most"\n', record)[0].points == most, others


PROCEDURE = """
[needs.procedures]
count = 10
[inputs.x]
kind = "procedure"
label = "Dialysis"
codes = { snomed = ["302497006"] }
within_days = 7
"""


def test_procedures_are_counted_within_their_time(ask: Ask, patient: Any) -> None:
    """Those with one of the codes; what could not be read is open."""
    done = tuple(patient.procedure("snomed|302497006", hours) for hours in (1, 100, 169, -1))
    item, _ = ask(PROCEDURE, patient.record(procedures=done))
    assert item.points == 2
    assert ask(PROCEDURE, patient.record(incomplete=("procedures: x",)))[0].points is None


def test_one_procedure_under_several_names_counts_once(ask: Ask, patient: Any) -> None:
    """The same moment, in any zone, under any code; where only a day is told, nobody can say."""
    one = patient.procedure("snomed|302497006", 30)
    same = replace(one, performed=one.performed.astimezone(timezone(timedelta(hours=1))))
    both = replace(one, codings=(Coding("http://local", "7"), *one.codings))
    billed = replace(one, codings=(Coding("http://www.ama-assn.org/go/cpt", "90935"),))
    long, unclosed = replace(one, end=patient.ago(26)), replace(one, status="in-progress")
    day = replace(one, performed=patient.ago(32), latest_start=patient.ago(8.01))
    two_codes = PROCEDURE.replace('["302497006"] }', '["302497006"], cpt = ["90935"] }')
    for others, expected in [
        ((one, one, one), 1),
        ((one, same), 1),
        ((one, both), 1),
        ((one, long), 1),
        ((one, billed), 1),
        ((replace(billed, performed=patient.ago(28)), long), 1),
        ((replace(billed, performed=patient.ago(26)), long), 1),
        ((replace(billed, performed=patient.ago(25)), long), None),
        ((replace(billed, performed=patient.ago(19)), long), 2),
        ((replace(billed, performed=patient.ago(28), end=patient.ago(24)), long), 1),
        ((replace(billed, performed=patient.ago(26), end=patient.ago(22)), long), 2),
        ((replace(billed, performed=patient.ago(28)), replace(billed, performed=patient.ago(27)), long), None),
        ((replace(billed, performed=patient.ago(2)), unclosed), None),
        ((one, replace(billed, performed=patient.ago(30.25))), None),
        ((one, patient.procedure("snomed|302497006", 36.5)), 2),
        ((one, day), None),
        ((billed, day), None),
        ((replace(one, performed=patient.ago(1)), day), None),
        ((day, day), None),
        ((day, replace(day, codings=billed.codings)), None),
        ((day, replace(day, performed=patient.ago(56), latest_start=patient.ago(32.01))), 2),
    ]:
        done = tuple(replace(other, reference=f"Procedure/{n}") for n, other in enumerate(others))
        assert ask(two_codes, patient.record(procedures=done))[0].points == expected, others
    hours = PROCEDURE.replace('label = "Dialysis"', 'label = "Dialysis"\ntake = "hours"\nenough = 24')
    going_on = tuple(replace(one, reference=f"Procedure/{n}", end=patient.ago(20 + n)) for n in range(3))
    assert ask(hours, patient.record(procedures=going_on))[0].points == 10


def test_no_hour_of_a_procedure_counts_twice(ask: Ask, patient: Any) -> None:
    """Of two that went on at once, all hours count that either has; those that follow each other add up."""
    hours = PROCEDURE.replace('label = "Dialysis"', 'label = "Dialysis"\ntake = "hours"\nenough = 24')
    first = replace(patient.procedure("snomed|302497006", 30), end=patient.ago(20))
    for start, end, expected in [(25, 15, 15), (20, 15, 15), (19, 15, 14), (28, 22, 10), (40, 10, 30)]:
        other = replace(first, reference="Procedure/o", performed=patient.ago(start), end=patient.ago(end))
        assert ask(hours, patient.record(procedures=(first, other)))[0].points == expected, start


def test_procedures_of_which_nobody_can_say(ask: Ask, patient: Any) -> None:
    """Without a date or a name, of unclear status, or on a day that may lie before the time."""
    one = patient.procedure("snomed|302497006", 1)
    other = replace(patient.procedure("snomed|1", 1), text="Physiotherapy")
    named = PROCEDURE.replace('label = "Dialysis"', 'label = "Dialysis"\nnames = ["dialys"]')
    day = {"performed": patient.ago(180), "latest_start": patient.ago(156)}
    for done, expected in [
        (one, 1),
        (other, 0),
        (replace(other, text="High flux haemodialysis"), None),
        (replace(other, text=""), None),
        (replace(one, performed=None), None),
        (replace(one, **day), None),
        (replace(one, performed=patient.ago(200), end=patient.ago(100)), 1),
        (replace(one, performed=patient.ago(200), status="in-progress"), 1),
        (replace(one, performed=patient.ago(200), end=patient.ago(170)), 0),
    ]:
        item, finding = ask(named, patient.record(procedures=(done,)))
        assert item.points == expected, done
        assert bool(finding.unused) == (expected is None)
    for reason, expected in [(SetAsideReason.STATUS, None), (SetAsideReason.VOID, 0)]:
        aside = SetAside("Procedure/9", reason, "its status is not known", one.codings)
        assert ask(named, patient.record(set_aside=(aside,)))[0].points == expected
    enough = named + "enough = 1\n"
    assert ask(enough, patient.record(procedures=(one, replace(one, performed=None))))[0].points == 1


def test_hours_of_a_procedure_that_goes_on(ask: Ask, patient: Any) -> None:
    """From its start to its end or now, within the time; without an end nobody can say."""
    inputs = PROCEDURE.replace('label = "Dialysis"', 'label = "Dialysis"\ntake = "hours"\nenough = 24')
    one = patient.procedure("snomed|302497006", 60)
    day = {"performed": patient.ago(30), "latest_start": patient.ago(10), "status": "in-progress"}
    for done, expected in [
        (replace(one, status="in-progress"), 60),
        (replace(one, end=patient.ago(50)), 10),
        (replace(one, performed=patient.ago(200), status="in-progress"), 168),
        (replace(one, status="completed"), None),
        (replace(one, **day), None),
    ]:
        assert ask(inputs, patient.record(procedures=(done,)))[0].points == expected, done


ANSWER = """
[needs.answers]
count = 10
[inputs.x]
kind = "answer"
label = "Smoking"
codes = { loinc = ["72166-2"] }
values = { "snomed|449868002" = 1, "snomed|266919005" = 0 }
within_days = 10
"""


def test_the_latest_answer_within_its_time_counts(ask: Ask, patient: Any) -> None:
    """Not one before, not one to come, and not one of another question."""
    never, every_day = "snomed|266919005", "snomed|449868002"
    answers = (
        patient.answer("loinc|72166-2", never, 5),
        patient.answer("loinc|72166-2", every_day, 50),
        patient.answer("loinc|72166-2", every_day, -5),
        patient.answer("loinc|1", every_day, 1),
    )
    item, finding = ask(ANSWER, patient.record(answers=answers))
    assert (item.points, item.found) == (0, "answered")
    assert [aside.reason for aside in finding.unused] == [SetAsideReason.FUTURE]
    assert ask(ANSWER, patient.record(answers=(patient.answer("loinc|72166-2", every_day, 240),)))[0].points is None


def test_a_default_stands_only_where_the_record_could_be_read(ask: Ask, patient: Any) -> None:
    """With `otherwise`, silence has a meaning; a gap still has none, nor an answer that is not final or too old."""
    inputs = ANSWER + "otherwise = 0\n"
    assert ask(inputs, patient.record())[0].points == 0
    assert ask(inputs, patient.record(incomplete=("answers: not sent",)))[0].points is None
    for code, expected in [("loinc|72166-2", None), ("loinc|1", 0)]:
        codings = patient.answer(code, "snomed|449868002").codings
        aside = SetAside("Observation/9", SetAsideReason.STATUS, "not final", codings)
        assert ask(inputs, patient.record(set_aside=(aside,)))[0].points == expected
    for value, hours, expected in [
        ("snomed|449868002", 47, 1),
        ("snomed|449868002", 49, None),
        ("snomed|266919005", 49, 0),
        ("snomed|999", 1, None),
    ]:
        record = patient.record(answers=(patient.answer("loinc|72166-2", value, hours),))
        item, finding = ask(inputs + "holds_days = 2\n", record)
        assert item.points == expected, value
        assert bool(finding.unused) == (expected is None)


def stay_input(take: str, values: str = "") -> str:
    """An input of the stay."""
    return f'[inputs.x]\nkind = "stay"\nlabel = "Stay"\ntake = "{take}"\n{values}'


def test_what_the_stay_says(ask: Ask, patient: Any) -> None:
    """Its calendar days by its own clock, and numbers for its codes."""
    days = stay_input("days")
    for offset, hours, expected in [(0, 1, 0), (0, 9, 1), (0, 30, 1), (0, 33, 2), (-9, 9, 0), (-9, 24, 1), (9, 18, 1)]:
        stay = patient.stay(hours=hours, offset=timedelta(hours=offset))
        assert ask(days, patient.record(stays=(stay,)))[0].points == expected, (offset, hours)
    assert ask(days, patient.record(stays=()))[0].points is None
    assert ask(days, patient.record(stays=(replace(patient.stay(), start=None),)))[0].points is None
    priority = "http://terminology.hl7.org/CodeSystem/v3-ActPriority"
    inputs = stay_input("priority", 'values = { "act-priority|EM" = 1, "act-priority|EL" = 0 }')
    for code, known in [("EM", 1), ("EL", 0), ("CS", None)]:
        stays = (replace(patient.stay(), priority=Coding(priority, code)),)
        assert ask(inputs, patient.record(stays=stays))[0].points == known


def test_days_where_the_clock_of_the_hospital_is_not_told(ask: Ask, patient: Any) -> None:
    """There may have been one more midnight; days as they were written are taken as they are."""
    for changes, least, most in [
        ({"start": patient.ago(30)}, 1, 2),
        ({"start": patient.ago(3)}, 0, 1),
        ({"start": patient.ago(50), "end": patient.ago(2)}, 2, 2),
        ({"start": None, "start_day": date(2026, 2, 25)}, 4, 5),
        ({"start": None, "start_day": date(2026, 2, 1), "end_day": date(2026, 3, 1), "status": "finished"}, 28, 28),
    ]:
        record = patient.record(stays=(patient.stay(**changes),))
        for take, expected in (("days", least), ("days_most", most)):
            assert ask(stay_input(take), record, setting="discharge")[0].points == expected, changes


MEASURED = """
[needs.labs]
count = 10
[inputs.x]
kind = "measured"
label = "Creatinine"
need = "labs"
codes = ["2160-0"]
unit = "mg/dL"
range = [0.1, 30]
source = "a test"
within_days = 2
take = "{take}"
"""


@pytest.mark.parametrize(
    ("take", "value", "hours"), [("latest", 1.5, 1.0), ("lowest", 1.0, 5.0), ("highest", 2.0, 3.0)]
)
def test_which_value_counts(ask: Ask, patient: Any, take: str, value: float, hours: float) -> None:
    """Of those within the time; the newest of equals."""
    pairs = [(1.0, 9), (1.0, 5), (2.0, 3), (1.5, 1), (9.0, 48), (0.2, 50)]
    record = patient.record(*(patient.fact("2160-0", number, "mg/dL", ago) for number, ago in pairs))
    item, _ = ask(MEASURED.format(take=take), record)
    assert (item.points, item.facts[0].time) == (value, patient.ago(hours))


def test_a_plausible_value_outside_the_domain_gives_no_answer(toy: Any, patient: Any) -> None:
    """The score was not made for it: that is told, and no number given."""
    inputs = MEASURED.format(take="latest") + "domain = [0.5, 2]\n"
    model = toy.model(inputs, SUM)
    assert isinstance(model.assess(patient.record(patient.fact("2160-0", 2.0, "mg/dL")), patient.now), Score)
    finding = model.assess(patient.record(patient.fact("2160-0", 2.1, "mg/dL")), patient.now)
    assert isinstance(finding, Abstention)
    assert finding.text == "creatinine lies outside 0.5 to 2 mg/dL, for which the score was made"
    assert finding.in_population


def test_something_required_is_named_where_it_is_missing(toy: Any, patient: Any) -> None:
    """The abstention says what."""
    inputs = MEASURED.format(take="latest").replace('label = "Creatinine"', 'label = "Creatinine"\nrequired = true')
    finding = toy.model(inputs, SUM).assess(patient.record(), patient.now)
    assert isinstance(finding, Abstention)
    assert (finding.text, finding.missing) == ("not found: Creatinine", ("Creatinine",))


@pytest.mark.parametrize(
    ("what", "sex", "expected"),
    [("sex", "male", 1), ("sex", "female", 0), ("sex", "other", None), ("sex", None, None), ("age", "male", 64)],
)
def test_the_person(ask: Ask, patient: Any, what: str, sex: str | None, expected: float | None) -> None:
    """Age and sex; another sex than the two that the equations know is no number."""
    inputs = f'[inputs.x]\nkind = "person"\nlabel = "Person"\ntake = "{what}"\n'
    assert ask(inputs, patient.record(sex=sex))[0].points == expected
