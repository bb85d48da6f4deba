"""The main job, with fakes in its ports."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from clinical.advice import Advice, Feedback, History, Receipt, ShownBefore, WithheldReason
from clinical.advise import advise, not_read, request_key, unit_name
from clinical.assessment import (
    MEASURE_FIRST,
    Abstention,
    AbstentionReason,
    Finding,
    Indicator,
    ModelInfo,
    RiskAssessment,
    Score,
    Tier,
)
from clinical.errors import DataUnavailable, LedgerUnavailable, ModelFault, NotOffered
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

    def __init__(self, *, works: bool = True, past: History | None = None) -> None:
        self.works = works
        self.past = past or History()
        self.asked: list[datetime] = []
        self.quick = True
        self.rows: list[Advice] = []

    def append(self, advice: Advice) -> Advice:
        if not self.works:
            raise LedgerUnavailable("The ledger cannot be written.")
        known = [row for row in self.rows if advice.request_key and row.request_key == advice.request_key]
        self.rows += [] if known else [advice]
        return known[0] if known else advice

    def history(self, advice: Advice, since: datetime) -> History:
        self.asked.append(since)
        return self.past

    def put_off(self, advice: Advice, since: datetime) -> bool:
        """Perhaps."""
        return self.quick

    def find(
        self, advice_id: str, *, client: str, patient_id: str, encounter_id: str | None = None, asked_by: str = ""
    ) -> Advice | None:
        return None

    def decision(self, advice_id: str, *, asked_by: str = "") -> Feedback | None:
        return None

    def record(self, batch: Sequence[Feedback]) -> Receipt:
        return Receipt(0, 0, 0)


class Clock:
    """Now is always the same."""

    def now(self) -> datetime:
        return NOW


def run(
    finding: Finding | Exception,
    policy: Policy | None = None,
    *,
    memory: Memory,
    fault: Exception | None = None,
    call: Invocation = INVOCATION,
) -> Advice:
    """The main job with these parts."""
    return advise(
        call,
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


def test_a_call_that_is_sent_again_gets_what_it_got(make_assessment: Callable[..., RiskAssessment]) -> None:
    """What stands in the ledger is handed out, not what was found the second time."""
    memory = Memory()
    call = replace(INVOCATION, request_key=request_key(b"secret", "demo-ehr", b"body"))
    first = run(make_assessment(0.5), memory=memory, call=call)
    assert run(make_assessment(0.6), memory=memory, call=call) is first


def test_request_keys_keep_their_parts_apart() -> None:
    """Neither order nor place of a part is lost."""
    keys = {
        request_key(b"secret", *parts) for parts in (("ab", "c"), ("a", "bc"), ("abc",), ("c", "ab"), (b"ab", b"c"))
    }
    assert len(keys) == 4
    assert request_key(b"other", "ab", "c") not in keys
    assert all(len(key) == 64 for key in keys)


HOUR = timedelta(hours=1)
FATIGUE = Policy(
    show_from=0.0,
    repeat_within=12 * HOUR,
    snooze={"patient-refuses": 48 * HOUR},
    per_clinician_day=3,
    per_encounter=2,
)


def before(hours: float, tier: float = 0.2, overridden: float | None = None, reason: str = "") -> ShownBefore:
    """A card of some hours ago, perhaps overridden."""
    return ShownBefore(NOW - hours * HOUR, tier, None if overridden is None else NOW - overridden * HOUR, reason)


@pytest.mark.parametrize(
    ("past", "withheld"),
    [
        (History(), None),
        (History((before(11),)), WithheldReason.REPEAT),
        (History((before(12),)), None),
        (History((before(1, tier=0.0),)), None),
        (History((before(1, tier=0.45),)), WithheldReason.REPEAT),
        (History((before(20, overridden=19, reason="patient-refuses"),)), WithheldReason.SNOOZED),
        (History((before(49, overridden=48, reason="patient-refuses"),)), None),
        (History((before(20, overridden=19, reason="action-completed"),)), None),
        (History((before(20, tier=0.0, overridden=19, reason="patient-refuses"),)), None),
        (History(in_encounter=2), WithheldReason.ENCOUNTER_BUDGET),
        (History(in_encounter=1), None),
        (History(to_clinician=3), WithheldReason.CLINICIAN_BUDGET),
        (History(to_clinician=2), None),
    ],
)
def test_rules_against_too_many_cards(
    past: History, withheld: WithheldReason | None, make_assessment: Callable[..., RiskAssessment]
) -> None:
    """A repeat, a snoozed card and one above a budget stay away unless the tier rises; the ledger says why."""
    memory = Memory(past=past)
    assert run(make_assessment(0.25, "raised"), FATIGUE, memory=memory).withheld is withheld
    assert memory.asked == [NOW - 48 * HOUR]


def test_a_weak_answer_before_stands_for_no_firm_one(make_assessment: Callable[..., RiskAssessment]) -> None:
    """What was told as information keeps back information only; a firm card keeps back both."""
    firm = make_assessment(0.25, "raised")
    weak = replace(firm, weak="only 40 % of what the model weighs was found")
    told = {finding: History((replace(before(1), indicator=finding.indicator),)) for finding in (firm, weak)}
    assert run(firm, FATIGUE, memory=Memory(past=told[weak])).shown
    for finding, past in ((weak, told[weak]), (weak, told[firm]), (firm, told[firm])):
        assert run(finding, FATIGUE, memory=Memory(past=past)).withheld is WithheldReason.REPEAT


@pytest.mark.parametrize("show_from", [None, 5.0])
def test_a_score_that_may_be_high_is_never_too_low(show_from: float | None) -> None:
    """At least 0 and up to 8 is no 0: a gap in the data may not look like calm."""
    low, high = Tier("low", 0, Indicator.INFO, "x"), Tier("high", 7, Indicator.CRITICAL, "x")
    given = {"value": 0.0, "unit": "{points}", "tier": low, "items": (), "situation": "now"}
    open_ended = Score(INFO, NOW, highest=8.0, worst=high, **given)
    assert run(open_ended, Policy(show_from=show_from), memory=Memory()).shown
    assert open_ended.suggestion == MEASURE_FIRST
    for calm in (Score(INFO, NOW, highest=0.0, **given), Score(INFO, NOW, highest=1.0, worst=low, **given)):
        assert run(calm, Policy(show_from=show_from), memory=Memory()).withheld is WithheldReason.BELOW_THRESHOLD


def test_a_score_that_may_reach_the_threshold_is_shown() -> None:
    """Also where the worst that it may be is no alarm by itself: the site asked for cards from there."""
    low = Tier("low", 0, Indicator.INFO, "x")
    given = {"value": 2.0, "unit": "{points}", "tier": low, "items": (), "situation": "now"}
    assert run(Score(INFO, NOW, highest=4.0, worst=low, **given), Policy(show_from=4.0), memory=Memory()).shown
    below = run(Score(INFO, NOW, highest=4.0, worst=low, **given), Policy(show_from=4.5), memory=Memory())
    assert below.withheld is WithheldReason.BELOW_THRESHOLD
    alarming = Score(INFO, NOW, **{**given, "tier": replace(low, indicator=Indicator.WARNING)}, highest=4.0)
    assert run(alarming, Policy(show_from=4.5), memory=Memory()).withheld is WithheldReason.BELOW_THRESHOLD


def test_of_a_falling_score_the_least_is_the_worst() -> None:
    """A gap can only make it better; what is known decides."""
    low = Tier("usual", -90, Indicator.INFO, "x")
    falling = {"value": 60.0, "unit": "mL/min", "tier": low, "items": (), "situation": "now", "falling": True}
    shown = run(Score(INFO, NOW, highest=90.0, **falling), Policy(show_from=-60.0), memory=Memory())
    kept = run(Score(INFO, NOW, highest=90.0, **falling), Policy(show_from=-30.0), memory=Memory())
    assert shown.shown
    assert kept.withheld is WithheldReason.BELOW_THRESHOLD


@pytest.mark.parametrize("user", ["", "Device/hl7v2-feed", "Organization/1"])
def test_who_is_not_a_person_has_seen_nothing(user: str, make_assessment: Callable[..., RiskAssessment]) -> None:
    """Calls that name no clinician do not share one repeat, snooze or daily budget; the encounter's budget holds."""
    call = replace(INVOCATION, user=user)
    past = History((before(1), before(2, overridden=1, reason="patient-refuses")), to_clinician=99)
    risk = make_assessment(0.25, "raised")
    assert run(risk, FATIGUE, memory=Memory(past=past), call=call).shown
    full = replace(past, in_encounter=2)
    assert run(risk, FATIGUE, memory=Memory(past=full), call=call).withheld is WithheldReason.ENCOUNTER_BUDGET


MUCH = History((before(0.1, 0.45, 0.05, "patient-refuses"),), to_clinician=99, in_encounter=99)


def test_a_critical_card_always_goes_out(make_assessment: Callable[..., RiskAssessment]) -> None:
    """No budget, repeat or snooze withholds the critical tier; the past is not even read."""
    memory = Memory(past=MUCH)
    assert run(make_assessment(0.5, "high"), FATIGUE, memory=memory).shown
    assert memory.asked == []


def test_not_assessed_is_never_a_repeat(make_abstention: Callable[..., Abstention]) -> None:
    """Its absence would read as "no risk"."""
    assert run(make_abstention(), FATIGUE, memory=Memory(past=MUCH)).shown


@pytest.mark.parametrize("rule", [{"per_encounter": 0}, {"per_clinician_day": 0}])
def test_a_budget_alone_is_a_rule(rule: dict[str, int], make_assessment: Callable[..., RiskAssessment]) -> None:
    """The past is read for one budget too, and then not further back than now."""
    memory = Memory()
    assert not run(make_assessment(0.25, "raised"), Policy(show_from=0.0, **rule), memory=memory).shown
    assert memory.asked == [NOW]


@pytest.mark.parametrize(
    ("user", "withheld"),
    [
        ("Patient/1", WithheldReason.NOT_FOR_ROLE),
        ("https://ehr.test/fhir/RelatedPerson/1", WithheldReason.NOT_FOR_ROLE),
        ("Practitioner/Patient", None),
        ("Device/feed", None),
        ("", None),
    ],
)
def test_cards_are_for_clinicians(
    user: str, withheld: WithheldReason | None, make_assessment: Callable[..., RiskAssessment]
) -> None:
    """Patients and relatives see no card; a call that names nobody passes."""
    call = replace(INVOCATION, user=user)
    assert run(make_assessment(), memory=Memory(), call=call).withheld is withheld


def test_a_switched_off_service_shows_nothing(
    make_assessment: Callable[..., RiskAssessment], make_abstention: Callable[..., Abstention]
) -> None:
    """Not even the critical tier, and not even "not assessed"."""
    off = Policy(switched_off=True, shadow=True)
    for finding in (make_assessment(), make_abstention()):
        assert run(finding, off, memory=Memory()).withheld is WithheldReason.SWITCHED_OFF


def test_shadow_marks_what_would_have_been_shown(make_assessment: Callable[..., RiskAssessment]) -> None:
    """Another reason to withhold comes before shadow."""
    shadow = replace(FATIGUE, shadow=True)
    assert run(make_assessment(0.25, "raised"), shadow, memory=Memory()).withheld is WithheldReason.SHADOW
    repeated = run(make_assessment(0.25, "raised"), shadow, memory=Memory(past=History((before(1),))))
    assert repeated.withheld is WithheldReason.REPEAT


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


@pytest.mark.parametrize(
    ("policy", "asked"),
    [
        (Policy(own_snooze=timedelta(hours=24)), False),
        (Policy(own_snooze=timedelta(hours=24), repeat_within=timedelta(hours=1)), True),
        (Policy(own_snooze=timedelta(hours=24), snooze={"patient-refuses": timedelta(hours=1)}), True),
        (Policy(own_snooze=timedelta(hours=24), per_encounter=3), True),
        (Policy(own_snooze=timedelta(hours=24), per_clinician_day=3), True),
    ],
)
def test_the_past_is_read_where_it_can_matter(
    policy: Policy, asked: bool, make_assessment: Callable[..., RiskAssessment]
) -> None:
    """A clinician who has put nothing off has no past that counts, unless another rule asks for one."""
    memory = Memory()
    memory.quick = False
    assert run(make_assessment(0.25, "raised"), policy, memory=memory).shown
    assert bool(memory.asked) is asked
    memory.quick = True
    run(make_assessment(0.25, "raised"), policy, memory=memory)
    assert memory.asked


def test_what_the_ehr_gave_no_leave_to_read_is_said_and_names_the_data() -> None:
    """On a page of several models, the one without its data stands there without a number, and with the reason."""
    advice = not_read(INVOCATION, INFO, NotOffered("vitals", "the server answered 403"), NOW)
    assert isinstance(advice.finding, Abstention)
    assert advice.finding.reason is AbstentionReason.NOT_READ
    assert "'vitals' could not be read: the server answered 403" in advice.finding.text
    assert advice.unit_name == ""
