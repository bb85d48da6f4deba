"""For whom there is no answer, and whether that is shown."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from clinical.assessment import Abstention, AbstentionReason, RiskAssessment
from clinical.record import Coding, PatientRecord, SetAside, SetAsideReason, StayLocation
from models.runtime.whereabouts import intensive_care_start


def refused(chart: Any, record: PatientRecord, hours: float = 12.0) -> Abstention:
    """The abstention at an hour."""
    found = chart.model.assess(record, chart.at(hours))
    assert isinstance(found, Abstention)
    return found


def answered(chart: Any, record: PatientRecord, hours: float = 12.0) -> RiskAssessment:
    """The answer at an hour."""
    found = chart.model.assess(record, chart.at(hours))
    assert isinstance(found, RiskAssessment)
    return found


def ordinary(chart: Any, **changes: Any) -> PatientRecord:
    """A record with enough facts."""
    return chart.record(*chart.ordinary(), **changes)


@pytest.mark.parametrize("hours", [6.0, 6.5, 12.0])
def test_adults_in_intensive_care_are_answered(chart: Any, hours: float) -> None:
    """From hour 6, that hour included."""
    assert answered(chart, ordinary(chart), hours).situation == f"hour {int(hours)} of the intensive care stay"


@pytest.mark.parametrize(
    ("hours", "reason"),
    [(0.0, AbstentionReason.TOO_EARLY), (5.99, AbstentionReason.TOO_EARLY), (48.01, AbstentionReason.TOO_LATE)],
)
def test_outside_hours_6_to_48_there_is_no_answer(chart: Any, hours: float, reason: AbstentionReason) -> None:
    """Shown all the same: the patient is one of those for whom an answer is looked for."""
    found = refused(chart, ordinary(chart), hours)
    assert found.reason is reason
    assert found.in_population


def test_hour_48_is_still_answered(chart: Any) -> None:
    """The end of the range belongs to it."""
    recent = [chart.fact("HR", 90, 47), chart.fact("MAP", 70, 47)]
    assert answered(chart, chart.record(*chart.ordinary(), *recent), 48.0).probability > 0


@pytest.mark.parametrize(
    ("birth", "adult"), [(date(2008, 3, 1), True), (date(2008, 3, 2), False), (date(2020, 1, 1), False)]
)
def test_the_18th_birthday_decides(chart: Any, birth: date, adult: bool) -> None:
    """Age counts in completed years on the day on which intensive care began."""
    found = chart.model.assess(ordinary(chart, birth_date=birth), chart.at(12))
    assert isinstance(found, RiskAssessment) is adult
    if isinstance(found, Abstention):
        assert (found.reason, found.in_population) == (AbstentionReason.NOT_ADULT, False)


@pytest.mark.parametrize("birth", [None, date(2030, 1, 1)])
def test_an_unknown_or_impossible_birth_date_is_shown_as_not_assessed(chart: Any, birth: date | None) -> None:
    """In doubt the patient is in the population."""
    found = refused(chart, ordinary(chart, birth_date=birth))
    assert (found.reason, found.in_population) == (AbstentionReason.AGE_UNKNOWN, True)


@pytest.mark.parametrize("status", ["planned", "cancelled", "finished", "entered-in-error"])
def test_a_stay_that_is_not_under_way_gives_no_answer(chart: Any, status: str) -> None:
    """The record shows that the patient is not here now, so no card is shown."""
    found = refused(chart, ordinary(chart, stays=(chart.stay(status=status),)))
    assert (found.reason, found.in_population) == (AbstentionReason.NO_CURRENT_STAY, False)


def test_no_stay_at_all_gives_no_answer(chart: Any) -> None:
    """Nobody in hospital, nothing to assess."""
    assert refused(chart, ordinary(chart, stays=())).reason is AbstentionReason.NO_CURRENT_STAY


@pytest.mark.parametrize("gap", ["a stay of unknown status", "a stay that could not be read"])
def test_a_gap_about_the_stay_is_doubt(chart: Any, gap: str) -> None:
    """What is not known is shown as not assessed, and what was set aside is named."""
    aside = SetAside("Encounter/7", SetAsideReason.MALFORMED, "status: missing")
    if gap == "a stay of unknown status":
        found = refused(chart, ordinary(chart, stays=(chart.stay(status="unknown"),)))
    else:
        found = refused(chart, replace(ordinary(chart, stays=()), set_aside=(aside,)))
        assert found.unused == (aside,)
    assert (found.reason, found.in_population) == (AbstentionReason.NO_CURRENT_STAY, True)


def test_a_child_is_told_to_be_a_child_wherever_it_is(chart: Any) -> None:
    """Age comes before place: the reason given is the one that decides."""
    stay = chart.stay(chart.bed(icu=False))
    found = refused(chart, ordinary(chart, birth_date=date(2020, 1, 1), stays=(stay,)))
    assert found.reason is AbstentionReason.NOT_ADULT


def test_a_place_that_could_not_be_looked_up_is_doubt(chart: Any) -> None:
    """Nobody can say whether it is intensive care."""
    stay = chart.stay(replace(chart.bed(icu=False), known=False))
    found = refused(chart, ordinary(chart, stays=(stay,)))
    assert (found.reason, found.in_population) == (AbstentionReason.NOT_IN_INTENSIVE_CARE, True)


def test_a_stay_that_has_ended_gives_no_answer(chart: Any) -> None:
    """Whatever its status says."""
    found = refused(chart, ordinary(chart, stays=(chart.stay(end=chart.at(11)),)))
    assert found.reason is AbstentionReason.NO_CURRENT_STAY


def test_a_stay_that_ended_later_is_answered_as_of_then(chart: Any) -> None:
    """Looking back, the period decides and not today's status."""
    answered(chart, ordinary(chart, stays=(chart.stay(status="finished", end=chart.at(200)),)))


def test_a_named_stay_that_was_not_read_is_shown_as_not_assessed(chart: Any) -> None:
    """The caller knows of a stay that the record does not hold: that is doubt, not a healthy patient."""
    found = refused(chart, ordinary(chart, focus="Encounter/other"))
    assert (found.reason, found.in_population) == (AbstentionReason.NO_CURRENT_STAY, True)


def test_the_named_stay_is_the_one_assessed(chart: Any) -> None:
    """A clinic visit that is open at the same time does not get in the way, and is not answered when it is named."""
    visit = replace(chart.stay(class_code=Coding("", "AMB")), reference="Encounter/visit", locations=())
    both = (visit, chart.stay())
    assert answered(chart, ordinary(chart, stays=both, focus="Encounter/1"))
    assert answered(chart, ordinary(chart, stays=both))
    found = refused(chart, ordinary(chart, stays=both, focus="Encounter/visit"))
    assert (found.reason, found.in_population) == (AbstentionReason.NOT_IN_INTENSIVE_CARE, False)


def test_a_patient_on_a_ward_gives_no_card(chart: Any) -> None:
    """The record shows where the patient is, and it is not intensive care."""
    found = refused(chart, ordinary(chart, stays=(chart.stay(chart.bed(icu=False)),)))
    assert (found.reason, found.in_population) == (AbstentionReason.NOT_IN_INTENSIVE_CARE, False)


def test_a_patient_who_has_left_intensive_care_gives_no_card(chart: Any) -> None:
    """With the end of the bed recorded, and without it once a later place has begun."""
    for left in (chart.bed(end=10), chart.bed()):
        stay = chart.stay(left, chart.bed(start=10, icu=False))
        assert refused(chart, ordinary(chart, stays=(stay,))).reason is AbstentionReason.NOT_IN_INTENSIVE_CARE


def test_an_inpatient_without_any_place_is_shown_as_not_assessed(chart: Any) -> None:
    """The record does not say where the patient is: that is doubt."""
    found = refused(chart, ordinary(chart, stays=(replace(chart.stay(), locations=()),)))
    assert (found.reason, found.in_population) == (AbstentionReason.NOT_IN_INTENSIVE_CARE, True)


def test_a_bed_without_a_start_takes_the_start_of_the_stay(chart: Any) -> None:
    """If the whole stay is intensive care, both began together."""
    stay = chart.stay(chart.bed(start=None))
    assert answered(chart, ordinary(chart, stays=(stay,))).situation.startswith("hour 12")


@pytest.mark.parametrize("case", ["ward before", "no start anywhere"])
def test_an_unknown_start_is_shown_as_not_assessed(chart: Any, case: str) -> None:
    """With a ward before it, or no start at all, nobody knows the hour."""
    bed = chart.bed(start=None)
    ward = chart.bed(icu=False, start=-40, end=0)
    stay = chart.stay(ward, bed) if case == "ward before" else chart.stay(bed, start=None)
    found = refused(chart, ordinary(chart, stays=(stay,)))
    assert (found.reason, found.in_population) == (AbstentionReason.STAY_START_UNKNOWN, True)


def test_beds_that_follow_each_other_are_one_stay(chart: Any) -> None:
    """A change of bed, or some hours in theatre, does not set the clock back; a day on a ward does."""
    first, second = chart.bed(start=0, end=5), chart.bed(start=8)
    assert intensive_care_start(chart.stay(first, second), second, chart.at(12)) == chart.at(0)
    late = chart.bed(start=29)
    assert intensive_care_start(chart.stay(first, late), late, chart.at(40)) == chart.at(29)


def test_a_bed_without_an_end_ends_when_the_next_place_begins(chart: Any) -> None:
    """Three beds in a row are one stay; a ward in between that lasted a day is not."""
    beds = chart.bed(start=0), chart.bed(start=5), chart.bed(start=20, end=21), chart.bed(start=23)
    assert intensive_care_start(chart.stay(*beds), beds[-1], chart.at(30)) == chart.at(0)
    ward = chart.bed(start=5, icu=False)
    assert intensive_care_start(chart.stay(beds[0], ward, beds[-1]), beds[-1], chart.at(30)) == chart.at(23)


def test_nothing_measured_gives_no_answer_and_names_what_is_missing(chart: Any) -> None:
    """An empty chart is never a low risk."""
    found = refused(chart, chart.record())
    assert (found.reason, found.in_population) == (AbstentionReason.NOT_ENOUGH_DATA, True)
    assert len(found.missing) == len(chart.model.manifest.signals)
    assert "heart rate" in found.text


def test_too_few_signals_give_no_answer(chart: Any) -> None:
    """Six signals are one short of a full set of bedside observations."""
    names = ("HR", "SysABP", "DiasABP", "MAP", "Temp", "GCS")
    facts = [chart.fact(name, chart.model.manifest.signals[name].high, 10) for name in names]
    found = refused(chart, chart.record(*facts))
    assert found.reason is AbstentionReason.NOT_ENOUGH_DATA
    assert "Urine output" in found.missing
    assert "Heart rate" not in found.missing
    answered(chart, chart.record(*facts, chart.fact("Urine", 50, 10)))


def test_stale_vital_signs_give_no_answer(chart: Any) -> None:
    """A feed that stopped is not a stable patient: neither rate nor pressure in the last 12 hours."""
    found = refused(chart, ordinary(chart), 30.0)
    assert found.reason is AbstentionReason.NOT_ENOUGH_DATA
    assert "last 12 hours" in found.text


def test_unusable_facts_do_not_make_up_the_number(chart: Any) -> None:
    """Facts in a foreign unit are reported in the abstention."""
    facts = [chart.fact(name, 40, 10, unit="?") for name in chart.model.manifest.signals]
    found = refused(chart, chart.record(*facts))
    assert found.reason is AbstentionReason.NOT_ENOUGH_DATA
    assert len(found.unused) == len(facts)


def test_the_dead_are_not_assessed(chart: Any) -> None:
    """The record says so, and no card goes out."""
    found = refused(chart, ordinary(chart, deceased=True))
    assert (found.reason, found.in_population) == (AbstentionReason.DECEASED, False)


def test_an_age_that_nobody_reached_is_an_unknown_age(chart: Any) -> None:
    """A birth year of 1066 is a typing fault."""
    assert refused(chart, ordinary(chart, birth_date=date(1066, 1, 1))).reason is AbstentionReason.AGE_UNKNOWN


@pytest.mark.parametrize("named", [True, False])
def test_an_open_stay_with_an_end_in_the_past_is_doubt(chart: Any, named: bool) -> None:
    """Status and period contradict each other: nobody can say whether the patient is here."""
    stay = chart.stay(status="in-progress", end=chart.at(10))
    found = refused(chart, ordinary(chart, stays=(stay,), focus="Encounter/1" if named else None))
    assert (found.reason, found.in_population) == (AbstentionReason.NO_CURRENT_STAY, True)


def test_stays_that_were_read_in_part_are_doubt(chart: Any) -> None:
    """The stay may be on the page that is missing."""
    found = refused(chart, replace(ordinary(chart, stays=()), incomplete=("encounter: only the first page",)))
    assert found.in_population


def test_a_place_that_failed_to_be_read_is_doubt(chart: Any) -> None:
    """The name says "ward", but the record says that a place is missing from it."""
    stay = chart.stay(chart.bed(icu=False))
    found = refused(chart, replace(ordinary(chart, stays=(stay,)), incomplete=("location: the server answered 500",)))
    assert (found.reason, found.in_population) == (AbstentionReason.NOT_IN_INTENSIVE_CARE, True)


def test_the_reason_for_a_wrong_hour_reads_as_a_sentence(chart: Any) -> None:
    """After "Not assessed:" on a card and after "because" on the page."""
    assert refused(chart, ordinary(chart), 3.0).text == (
        "it is hour 3 of the intensive care stay; the model answers from hour 6 to hour 48"
    )


@pytest.mark.parametrize(
    ("hours", "words"), [(5.99, "it is hour 5 of"), (48.01, "it is past hour 48 of"), (60.5, "it is hour 60 of")]
)
def test_the_hour_in_a_refusal_lies_outside_of_those_that_are_answered(chart: Any, hours: float, words: str) -> None:
    """A minute past hour 48 is no hour 48."""
    text = refused(chart, ordinary(chart), hours).text
    assert text == f"{words} the intensive care stay; the model answers from hour 6 to hour 48"


ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"


@pytest.mark.parametrize(("ended", "doubt"), [(11.0, True), (13.0, False)])
def test_a_stay_that_ends_on_a_day_is_over_when_that_day_is(chart: Any, ended: float, doubt: bool) -> None:
    """Until then it goes on; after it, an open status contradicts, as it does after a moment."""
    record = ordinary(chart, stays=(chart.stay(latest_end=chart.at(ended)),), focus="Encounter/1")
    if not doubt:
        answered(chart, record)
        return
    found = refused(chart, record)
    assert (found.reason, found.in_population) == (AbstentionReason.NO_CURRENT_STAY, True)


def test_a_bed_whose_start_cannot_be_read_has_no_hour(chart: Any) -> None:
    """The start of the stay is not taken in its stead, nor that of a later bed."""
    bed = replace(chart.bed(start=None), start_unclear=True, start_day=chart.start.date())
    found = refused(chart, ordinary(chart, stays=(chart.stay(bed),)))
    assert (found.reason, found.in_population) == (AbstentionReason.STAY_START_UNKNOWN, True)
    later = chart.bed(start=8)
    assert intensive_care_start(chart.stay(replace(bed, end=chart.at(7)), later), later, chart.at(12)) is None
    assert intensive_care_start(chart.stay(replace(bed, end=chart.at(1)), later), later, chart.at(12)) == chart.at(8)
    after = replace(bed, start_day=chart.start.date() + timedelta(days=2))
    assert intensive_care_start(chart.stay(after, later), later, chart.at(12)) == chart.at(8)


def test_a_ward_of_a_later_day_is_where_the_patient_is(chart: Any) -> None:
    """It surely began after the bed, whose end nobody recorded."""
    later = replace(ward_of_a_day(chart), start_day=chart.start.date() + timedelta(days=1))
    found = refused(chart, ordinary(chart, stays=(chart.stay(chart.bed(start=-30), later),)))
    assert (found.reason, found.in_population) == (AbstentionReason.NOT_IN_INTENSIVE_CARE, False)


@pytest.mark.parametrize(("begun", "day"), [(0, 0), (4, 1)])
def test_a_ward_of_a_day_on_which_the_bed_may_have_begun_is_doubt(chart: Any, begun: float, day: int) -> None:
    """Both are open, and nobody can say which of them came first. A day that was surely before the bed says nothing."""
    ward = ward_of_a_day(chart)
    doubtful = replace(ward, start_day=chart.start.date() + timedelta(days=day))
    bed = chart.bed(start=begun)
    found = refused(chart, ordinary(chart, stays=(chart.stay(bed, doubtful),)))
    assert (found.reason, found.in_population) == (AbstentionReason.NOT_IN_INTENSIVE_CARE, True)
    before = replace(ward, start_day=chart.start.date() - timedelta(days=2))
    answered(chart, ordinary(chart, stays=(chart.stay(chart.bed(), before),)))
    month = replace(ward, start_day=None)
    assert refused(chart, ordinary(chart, stays=(chart.stay(chart.bed(), month),))).in_population


def test_a_bed_that_ends_on_a_day_is_left_for_a_ward_that_began_later(chart: Any) -> None:
    """The day is not over, and the patient has gone all the same."""
    bed = replace(chart.bed(), end=chart.at(30), end_unclear=True)
    answered(chart, ordinary(chart, stays=(chart.stay(bed),)))
    moved = chart.stay(bed, chart.bed(start=7, icu=False))
    assert not refused(chart, ordinary(chart, stays=(moved,))).in_population
    back = chart.stay(bed, chart.bed(start=-3, icu=False))
    assert refused(chart, ordinary(chart, stays=(back,))).in_population
    for other in (-3, 7):
        told = chart.stay(chart.bed(end=30), chart.bed(start=other, icu=False))
        answered(chart, ordinary(chart, stays=(told,)))


def test_a_bed_of_a_day_to_which_the_patient_may_have_come_back_is_doubt(chart: Any) -> None:
    """The ward began after one bed, and perhaps before the other."""
    other = replace(chart.bed(start=None), start_unclear=True, start_day=chart.start.date())
    stay = chart.stay(chart.bed(), chart.bed(start=5, icu=False), other)
    assert refused(chart, ordinary(chart, stays=(stay,))).in_population


def ward_of_a_day(chart: Any) -> StayLocation:
    """A place elsewhere that is open and began on the day of the stay."""
    ward: StayLocation = replace(chart.bed(start=None, icu=False), start_unclear=True, start_day=chart.start.date())
    return ward


@pytest.mark.parametrize("kind", ["inverted", "status"])
def test_a_place_that_makes_no_sense_is_doubt(chart: Any, kind: str) -> None:
    """Ended before it began, or of a status that is none: shown as not assessed, unless the patient has moved on."""
    odd = chart.bed(start=5, end=2) if kind == "inverted" else replace(chart.bed(), status_known=False)
    found = refused(chart, ordinary(chart, stays=(chart.stay(odd),)))
    assert (found.reason, found.in_population) == (AbstentionReason.NOT_IN_INTENSIVE_CARE, True)
    before = chart.stay(chart.bed(start=-1, icu=False), odd)
    assert refused(chart, ordinary(chart, stays=(before,))).in_population
    after = chart.stay(odd, chart.bed(start=7, icu=False))
    assert not refused(chart, ordinary(chart, stays=(after,))).in_population
    answered(chart, ordinary(chart, stays=(chart.stay(odd, chart.bed()),)))


def test_a_ward_of_unknown_status_after_the_bed_is_doubt(chart: Any) -> None:
    """The patient may have moved on, or not."""
    ward = replace(chart.bed(start=5, icu=False), status_known=False)
    assert refused(chart, ordinary(chart, stays=(chart.stay(chart.bed(), ward),))).in_population


@pytest.mark.parametrize("code", ["AMB", "HH", "VR", "FLD", "PRENC"])
@pytest.mark.parametrize(
    "system",
    [
        *("", ACT_CODE, "http://hl7.org/fhir/v3/ActCode", "urn:oid:2.16.840.1.113883.5.4"),
        *(
            "http://terminology.hl7.org/ValueSet/v3-ActEncounterCode",
            "http://hl7.org/fhir/ValueSet/v3-ActEncounterCode",
        ),
    ],
)
def test_a_visit_in_intensive_care_is_not_assessed(chart: Any, code: str, system: str) -> None:
    """One of the two is wrong, and nobody can say which. A visit elsewhere is outside the population."""
    visit = chart.stay(class_code=Coding(system, code))
    found = refused(chart, ordinary(chart, stays=(visit,)))
    assert (found.reason, found.in_population) == (AbstentionReason.NOT_IN_INTENSIVE_CARE, True)
    elsewhere = replace(visit, locations=(chart.bed(icu=False),))
    assert not refused(chart, ordinary(chart, stays=(elsewhere,))).in_population


@pytest.mark.parametrize("coding", [None, Coding(ACT_CODE, "imp"), Coding("urn:x", "AMB"), Coding(ACT_CODE, "EMER")])
def test_a_stay_in_intensive_care_whose_class_says_nothing_is_assessed(chart: Any, coding: Coding | None) -> None:
    """Where the patient lies says enough."""
    answered(chart, ordinary(chart, stays=(chart.stay(class_code=coding),)))


def test_a_stay_in_hospital_comes_before_a_visit_that_began_later(chart: Any) -> None:
    """Where nobody says in which bed, that is doubt, whatever else is open."""
    visit = replace(chart.stay(class_code=Coding("", "AMB")), reference="Encounter/v", start=chart.at(3))
    stay = replace(chart.stay(), locations=())
    assert refused(chart, ordinary(chart, stays=(stay, visit))).in_population
