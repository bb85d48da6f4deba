"""What each kind of input says of a record: a number, nothing, and never a guess."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
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
        ("snomed|440540061", 0),
        ("snomed|E11", 0),
    ],
)
def test_diagnoses_by_branch_range_and_whole_code(ask: Ask, patient: Any, code: str, expected: float) -> None:
    """Dots and case do not count in a tree of codes; elsewhere only the whole code does."""
    item, _ = ask(CONDITION, patient.record(conditions=(patient.diagnosis(code),)))
    assert item.points == expected
    assert item.found == ("recorded" if expected else "not recorded")
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
    refuted = (SetAside("Condition/1", SetAsideReason.STATUS, "refuted", (Coding("local", "dm2"),)),)
    assert ask(CONDITION, replace(silent, set_aside=refuted))[0].points == 0
    assert ask(CONDITION, replace(unreadable[0], conditions=(patient.diagnosis("icd-10|E11"),)))[0].points == 1


def test_a_diagnosis_in_a_foreign_system_is_reported_beside_others(ask: Ask, patient: Any) -> None:
    """Where others can be read it does not stop the answer, but it is told."""
    foreign = Condition("Condition/2", (Coding("local", "dm2"),))
    item, finding = ask(CONDITION, patient.record(conditions=(foreign, patient.diagnosis("icd-10|I10"))))
    assert item.points == 0
    assert [aside.reference for aside in finding.unused] == ["Condition/2"]


def test_diagnoses_to_come_do_not_count_and_resolved_ones_may(ask: Ask, patient: Any) -> None:
    """An onset or a record after now; `active_only` leaves out what has resolved."""
    later = patient.diagnosis("icd-10|E11", -1)
    assert ask(CONDITION, patient.record(conditions=(later,)))[0].points == 0
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


def test_a_medicine_of_this_stay(ask: Ask, patient: Any) -> None:
    """A drip counts; what somebody carries for an emergency does not."""
    inputs = MEDICINE.replace('label = "Statin"', 'label = "Statin"\nin_stay = true')
    for changes, expected in [
        ({"start": patient.ago(2)}, 1),
        ({"start": patient.ago(40)}, 0),
        ({"start": None}, 0),
        ({"start": patient.ago(40), "encounter": "Encounter/1"}, 1),
        ({"start": patient.ago(2), "encounter": "Encounter/9"}, 0),
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
    item, _ = ask(PROCEDURE, patient.record(procedures=(*done, patient.procedure("snomed|1", 1))))
    assert item.points == 2
    assert ask(PROCEDURE, patient.record(incomplete=("procedures: x",)))[0].points is None


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
    """With `otherwise`, silence has a meaning; a gap still has none."""
    inputs = ANSWER + "otherwise = 0\n"
    assert ask(inputs, patient.record())[0].points == 0
    assert ask(inputs, patient.record(incomplete=("answers: not sent",)))[0].points is None


def stay_input(take: str, values: str = "") -> str:
    """An input of the stay."""
    return f'[inputs.x]\nkind = "stay"\nlabel = "Stay"\ntake = "{take}"\n{values}'


def test_what_the_stay_says(ask: Ask, patient: Any) -> None:
    """Its calendar days in its own zone, and numbers for its codes."""
    days = stay_input("days")
    for hours, expected in [(1, 0), (9, 1), (30, 1), (33, 2)]:
        assert ask(days, patient.record(stays=(patient.stay(hours=hours),)))[0].points == expected
    assert ask(days, patient.record(stays=()))[0].points is None
    assert ask(days, patient.record(stays=(replace(patient.stay(), start=None),)))[0].points is None
    priority = "http://terminology.hl7.org/CodeSystem/v3-ActPriority"
    inputs = stay_input("priority", 'values = { "act-priority|EM" = 1, "act-priority|EL" = 0 }')
    for code, known in [("EM", 1), ("EL", 0), ("CS", None)]:
        stays = (replace(patient.stay(), priority=Coding(priority, code)),)
        assert ask(inputs, patient.record(stays=stays))[0].points == known


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
