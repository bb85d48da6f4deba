"""Whom a published score does not hold for: who does not leave the hospital alive, and fibrillation from a valve."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from clinical.assessment import Abstention, AbstentionReason, Finding, Score
from clinical.record import Coding, PatientRecord
from models.readmission_30d import destinations
from models.runtime.score_leaving import not_leaving

DISPOSITION = "http://terminology.hl7.org/CodeSystem/discharge-disposition"
BILL = "https://www.nubc.org/CodeSystem/PatDischargeStatus"
HL7_V2 = "http://terminology.hl7.org/CodeSystem/v2-0112"
NAMES_OF_THE_BILL = (BILL, *(name for name, same in destinations._SAME.items() if same == BILL))
CODES = sorted({code for system, code in destinations._DESTINATION if system in (DISPOSITION, BILL)})


@pytest.fixture
def leaving(scores: Any, patient: Any) -> Callable[[Coding | None], Finding]:
    """LACE of somebody with cancer, five days after an emergency admission, with a destination."""

    def build(disposition: Coding | None) -> Finding:
        urgent = Coding("http://terminology.hl7.org/CodeSystem/v3-ActPriority", "EM")
        stay = replace(patient.stay(hours=120), priority=urgent, discharge_disposition=disposition)
        record = patient.record(stays=(stay,), conditions=(patient.diagnosis("icd-10|C34.9"),))
        return scores["lace"].assess(record, patient.now)  # type: ignore[no-any-return]

    return build


@pytest.mark.parametrize(
    ("system", "code"), [(DISPOSITION, "exp"), (DISPOSITION, "hosp"), (BILL, "20"), (HL7_V2, "51")]
)
def test_lace_is_not_for_the_dead_nor_for_a_hospice(leaving: Any, system: str, code: str) -> None:
    """Nobody comes back, so there is nothing to arrange."""
    finding = leaving(Coding(system, code))
    assert isinstance(finding, Abstention)
    assert (finding.text, finding.in_population) == ("the patient has died or goes to a hospice", False)
    assert finding.reason is AbstentionReason.NOT_MEANT_FOR


def test_lace_says_where_it_cannot_read_who_leaves_alive(leaving: Any) -> None:
    """A hospital's own code may say anything, and so may a code that a known list does not have; home is who leaves."""
    for unread in (
        Coding("urn:own", "DX"),
        Coding("", "", "?"),
        Coding(BILL, "22", "Home"),
        Coding(HL7_V2, "HOM", "Home"),
    ):
        finding = leaving(unread)
        assert isinstance(finding, Abstention)
        assert (finding.missing, finding.in_population) == (("Discharge disposition",), True)
        assert finding.text == "the record does not say whether the patient leaves alive"
    for disposition in (None, Coding(DISPOSITION, "home"), Coding(BILL, "1"), Coding(BILL, "81")):
        found = leaving(disposition)
        assert isinstance(found, Score)
        assert "disposition" not in found.situation


@pytest.mark.parametrize("system", ["http://www.nubc.org/patient-discharge", "urn:oid:2.16.840.1.113883.6.301.5"])
def test_the_bill_goes_by_older_names_too(leaving: Any, system: str) -> None:
    """That of Synthea, and the object identifier of the list."""
    assert isinstance(leaving(Coding(system, "01")), Score)
    assert leaving(Coding(system, "20")).text == "the patient has died or goes to a hospice"


@pytest.mark.parametrize(
    "words", ["Home or Self Care", "Skilled Nursing Facility", "Domicilio", "Discharged today to Todd House"]
)
@pytest.mark.parametrize("code", [("", ""), ("urn:own", "1")])
def test_words_that_do_not_speak_of_death_are_as_none(leaving: Any, words: str, code: tuple[str, str]) -> None:
    """LACE is answered as without a disposition, and says that there is one that cannot be read."""
    found = leaving(Coding(*code, words))
    assert isinstance(found, Score)
    assert found.value == leaving(None).value
    assert found.situation.endswith("; the discharge disposition cannot be read")


@pytest.mark.parametrize(
    "words",
    [
        "Expired",
        "DIED",
        "Patient deceased",
        "Home / Death",
        "Hospice - home",
        "To morgue",
        "EXP",
        "Fallecimiento",
        "Éxitus",
        "Décédé",
        "verstorben",
        "Tod",
        "Overlijden",
        "End of life care",
        "Fin de vie",
        "Soins de confort",
        "Medical examiner case",
        "死亡",
    ],
)
def test_words_that_may_mean_death_give_no_answer(leaving: Any, words: str) -> None:
    """In several languages; letters that cannot be looked through may mean it too."""
    finding = leaving(Coding("", "", words))
    assert isinstance(finding, Abstention)
    assert (finding.missing, finding.in_population) == (("Discharge disposition",), True)
    assert finding.text == "the words of the discharge disposition may mean death or a hospice"


NAMES_OF_THE_TABLE = tuple(name for name in NAMES_OF_THE_BILL if name != BILL)


@pytest.mark.parametrize("system", NAMES_OF_THE_TABLE)
def test_code_21_of_hl7s_table_does_not_say_who_leaves_alive(leaving: Any, system: str) -> None:
    """There it is "expired, to be defined at state level"; on the bill itself it is a court or the police."""
    for code in ("21", " 21 ", "22", "29"):
        finding = leaving(Coding(system, code, "Court"))
        assert isinstance(finding, Abstention)
        assert finding.text == "the record does not say whether the patient leaves alive"
    assert isinstance(leaving(Coding(BILL, "21")), Score)
    assert isinstance(leaving(Coding(system, "01")), Score)


@pytest.mark.parametrize("system", [DISPOSITION, *NAMES_OF_THE_BILL])
def test_destinations_are_those_of_the_readmission_model(patient: Any, system: str) -> None:
    """Every code of either list, with and without a leading zero, the planned ones, and some of neither.

    The folder of the model is signed and still reads 21 of HL7's table as the bill's own.
    """
    numbers = [f"{number}" for number in range(100)] + [f"{number:02}" for number in range(10)]
    for code in (*CODES, *numbers, "EXP", "", " exp "):
        if code == "21" and system in NAMES_OF_THE_TABLE:
            continue
        coding = Coding(system, code)
        refusal = not_leaving(patient.stay(discharge_disposition=coding))
        gone = destinations.destination_of(coding) == destinations.DIED_OR_HOSPICE
        assert (refusal is not None) is (gone or destinations.alive_is_not_told(coding)), (system, code)
        assert refusal is None or refusal.in_population is not gone, (system, code)


@pytest.fixture
def fibrillating(scores: Any, patient: Any) -> Callable[..., Finding]:
    """CHA2DS2-VASc of atrial fibrillation and what else is given."""

    def build(*codes: str) -> Finding:
        found = tuple(map(patient.diagnosis, ("icd-10|I48.91", *codes)))
        record: PatientRecord = patient.record(conditions=found)
        return scores["cha2ds2_vasc"].assess(record, patient.now)  # type: ignore[no-any-return]

    return build


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("icd-10|I05.0", "mitral stenosis of unknown severity"),
        ("icd-10|I05.2", "mitral stenosis of unknown severity"),
        ("icd-10|I34.2", "mitral stenosis of unknown severity"),
        ("icd-10|Q23.2", "mitral stenosis of unknown severity"),
        ("icd-9|394.0", "mitral stenosis of unknown severity"),
        ("icd-9|396.1", "mitral stenosis of unknown severity"),
        ("snomed|79619009", "mitral stenosis of unknown severity"),
        ("icd-10|Z95.2", "heart valve prosthesis that may be mechanical"),
        ("icd-10|Z95.4", "heart valve prosthesis that may be mechanical"),
        ("icd-10|T82.01XA", "heart valve prosthesis that may be mechanical"),
        ("icd-9|V43.3", "heart valve prosthesis that may be mechanical"),
    ],
)
def test_a_fibrillation_that_may_be_from_a_valve_is_not_scored(fibrillating: Any, code: str, words: str) -> None:
    """The code does not say how severe it is, or of what it is made: not assessed, by name, and no silent 0."""
    finding = fibrillating(code)
    assert isinstance(finding, Abstention)
    assert finding.text == f"the score may not be meant for this patient: {words}"
    assert (finding.reason, finding.in_population) == (AbstentionReason.NOT_ENOUGH_DATA, True)


@pytest.mark.parametrize("code", ["icd-10|I34.0", "icd-10|I35.0", "icd-10|I05.1", "icd-10|Z95.3", "icd-10|I10"])
def test_other_valves_and_biological_ones_are_scored(fibrillating: Any, code: str) -> None:
    """Leaking or aortic valves, and those of animals, are no valvular fibrillation by the guidelines."""
    assert isinstance(fibrillating(code), Score)


@pytest.mark.parametrize("code", ["icd-10|I08.0", "icd-10|I05.9", "icd-10|I08", "icd-9|396.9"])
def test_a_mitral_valve_disease_that_may_be_a_stenosis_is_told(fibrillating: Any, code: str) -> None:
    """There is a score, and beside it that the record leaves open whether a stenosis is there."""
    finding = fibrillating(code)
    assert isinstance(finding, Score)
    assert finding.situation.endswith("the record does not say whether there is mitral stenosis of unknown severity")
    assert isinstance(fibrillating(code, "icd-10|I05.0"), Abstention)


def test_diagnoses_that_say_nothing_of_a_valve_are_told(fibrillating: Any) -> None:
    """There is a score, and beside it that the record leaves the valve open."""
    finding = fibrillating("snomed|703272007")
    assert isinstance(finding, Score)
    assert "does not say whether there is mitral stenosis of unknown severity or heart valve prosthesis" in (
        finding.situation
    )
