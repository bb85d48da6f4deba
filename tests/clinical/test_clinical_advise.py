"""The main job, with fakes in all four ports."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import pytest

from clinical.advice import Advice, Feedback, Receipt, WithheldReason
from clinical.advise import advise, unit_name
from clinical.assessment import Abstention, Finding, ModelInfo, RiskAssessment
from clinical.errors import DataUnavailable, LedgerUnavailable, ModelFault
from clinical.invocation import Invocation
from clinical.need import DataNeed
from clinical.policy import Policy
from clinical.record import PatientRecord, Stay, StayLocation
from findings import INFO, NOW

INVOCATION = Invocation("demo-ehr", "icu-mortality", "patient-view", "i-1", "pat-1", "Practitioner/1", "enc-1")


class Records:
    """A record source that hands out one record, or fails."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.fault = fault

    def read(self, invocation: Invocation, needs: Sequence[DataNeed]) -> PatientRecord:
        if self.fault:
            raise self.fault
        assert needs == Model.needs
        return PatientRecord(patient_id=invocation.patient_id, read_at=NOW)


class Model:
    """A model that always finds the same, or fails."""

    info: ModelInfo = INFO
    needs: tuple[DataNeed, ...] = (DataNeed("patient", "Patient"),)

    def __init__(self, finding: Finding | Exception) -> None:
        self.finding = finding

    def assess(self, record: PatientRecord, as_of: datetime) -> Finding:
        if isinstance(self.finding, Exception):
            raise self.finding
        return self.finding


class Memory:
    """A ledger in memory that may refuse."""

    def __init__(self, *, works: bool = True) -> None:
        self.works = works
        self.rows: list[Advice] = []

    def append(self, advice: Advice) -> None:
        if not self.works:
            raise LedgerUnavailable("The ledger cannot be written.")
        self.rows.append(advice)

    def find(self, advice_id: str, *, client: str, patient_id: str) -> Advice | None:
        return None

    def decision(self, advice_id: str) -> Feedback | None:
        return None

    def record(self, batch: Sequence[Feedback]) -> Receipt:
        return Receipt(0, 0, 0)


class Clock:
    """Now is always the same."""

    def now(self) -> datetime:
        return NOW


def run(
    finding: Finding | Exception, policy: Policy | None = None, *, memory: Memory, fault: Exception | None = None
) -> Advice:
    """The main job with these parts."""
    return advise(
        INVOCATION,
        model=Model(finding),
        records=Records(fault),
        policy=policy or Policy(),
        ledger=memory,
        clock=Clock(),
    )


def test_a_finding_is_stored_before_it_is_handed_out(make_assessment: Callable[..., RiskAssessment]) -> None:
    """What comes back is what the ledger holds."""
    memory = Memory()
    advice = run(make_assessment(), memory=memory)
    assert memory.rows == [advice]
    assert advice.shown
    assert (advice.patient_id, advice.user, advice.hook) == ("pat-1", "Practitioner/1", "patient-view")
    assert advice.id != advice.suggestion_id


def test_two_calls_leave_two_entries(make_assessment: Callable[..., RiskAssessment]) -> None:
    """Each call is an entry of its own with an id of its own."""
    memory = Memory()
    assert run(make_assessment(), memory=memory).id != run(make_assessment(), memory=memory).id
    assert len(memory.rows) == 2


def test_no_ledger_no_advice(make_assessment: Callable[..., RiskAssessment]) -> None:
    """If the entry cannot be stored, nothing is handed out."""
    with pytest.raises(LedgerUnavailable):
        run(make_assessment(), memory=Memory(works=False))


@pytest.mark.parametrize("fault", [DataUnavailable("labs", "not sent"), OSError("disk")])
def test_a_failed_read_is_a_fault_and_not_an_empty_answer(fault: Exception) -> None:
    """Faults of the record source pass through."""
    memory = Memory()
    with pytest.raises(type(fault)):
        run(ModelFault("unused"), memory=memory, fault=fault)
    assert memory.rows == []


def test_a_model_fault_is_a_fault(make_assessment: Callable[..., RiskAssessment]) -> None:
    """Faults of the model pass through."""
    with pytest.raises(ModelFault):
        run(ModelFault("not additive"), memory=Memory())


@pytest.mark.parametrize(
    ("policy", "probability", "tier", "withheld"),
    [
        (Policy(), 0.5, "high", None),
        (Policy(), 0.25, "raised", None),
        (Policy(), 0.05, "low", WithheldReason.BELOW_THRESHOLD),
        (Policy(show_from=0.0), 0.05, "low", None),
        (Policy(show_from=0.3), 0.25, "raised", WithheldReason.BELOW_THRESHOLD),
        (Policy(show_from=0.3), 0.3, "raised", None),
        (Policy(shadow=True), 0.5, "high", WithheldReason.SHADOW),
    ],
)
def test_policy_on_a_risk(
    policy: Policy,
    probability: float,
    tier: str,
    withheld: WithheldReason | None,
    make_assessment: Callable[..., RiskAssessment],
) -> None:
    """What a policy withholds is still stored, with its reason."""
    memory = Memory()
    assert run(make_assessment(probability, tier), policy, memory=memory).withheld is withheld
    assert memory.rows[0].withheld is withheld


def test_an_abstention_in_the_population_is_shown(make_abstention: Callable[..., Abstention]) -> None:
    """A missing answer never looks like a low risk."""
    assert run(make_abstention(), memory=Memory()).shown


def test_an_abstention_outside_the_population_is_withheld(make_abstention: Callable[..., Abstention]) -> None:
    """A patient whom the model is not meant for gets no card, and the ledger says why."""
    advice = run(make_abstention(in_population=False), Policy(shadow=True), memory=Memory())
    assert advice.withheld is WithheldReason.OUTSIDE_POPULATION
    assert not advice.shown


def test_an_abstention_in_shadow_is_withheld(make_abstention: Callable[..., Abstention]) -> None:
    """Shadow mode shows nothing at all."""
    assert run(make_abstention(), Policy(shadow=True), memory=Memory()).withheld is WithheldReason.SHADOW


def place(name: str, start: int | None, end: int | None = None) -> StayLocation:
    """A place from and until so many hours before now."""
    return StayLocation(
        name,
        start=None if start is None else NOW - timedelta(hours=start),
        end=None if end is None else NOW - timedelta(hours=end),
    )


def test_the_unit_is_the_place_where_the_patient_lies_now() -> None:
    """The latest begun and not ended place of the named stay."""
    here = Stay(
        "Encounter/1", "in-progress", None, None, None, (place("ER", 30, 20), place("ICU", 20), place("Ward", -5))
    )
    other = Stay("Encounter/2", "in-progress", None, None, None, (place("Clinic", 1),))
    record = PatientRecord("pat-1", NOW, stays=(here, other), focus="Encounter/1")
    assert unit_name(record, NOW) == "ICU"
    assert unit_name(PatientRecord("pat-1", NOW, stays=(here, other)), NOW) == "Clinic"
    assert unit_name(PatientRecord("pat-1", NOW), NOW) == ""
    assert (
        unit_name(PatientRecord("p", NOW, stays=(Stay("E", "x", None, None, None, (place("Bed", None),)),)), NOW)
        == "Bed"
    )
