"""Advice goes into the ledger and comes out equal."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import text

from clinical.advice import OTHER_STAY, WithheldReason
from clinical.errors import LedgerUnavailable
from oversight.pseudonyms import Pseudonyms


def as_found(advice, key):
    """What `find` gives back to who names neither: a pseudonym of the user, no stay, everything else as it was."""
    names = Pseudonyms(key)
    encounter = OTHER_STAY
    finding = advice.finding
    unused = tuple(
        replace(fact, reference=fact.reference.replace("Encounter/enc-99", f"Encounter/{encounter}"))
        for fact in finding.unused
    )
    user = f"Practitioner/{names.user(advice.client, advice.user)}"
    return replace(advice, encounter_id=encounter, user=user, finding=replace(finding, unused=unused))


@pytest.fixture
def key():
    """The key of the ledgers in these tests."""
    return b"a key for tests, 32 bytes or more"


def test_assessment_comes_back_equal(ledger, make_advice, key):
    """Every float, time, fact and reason of a risk survives."""
    advice = make_advice(request_key="ab" * 32)
    assert ledger.append(advice) is advice
    found = ledger.find(advice.id, client="st-mary", patient_id="p-4711")
    assert found == as_found(advice, key)
    assert found.finding.explanation == advice.finding.explanation
    assert found.finding.unused[0].reference == "Patient/p-4711"


@pytest.mark.parametrize(
    ("asked", "stay"), [("enc-99", "enc-99"), ("enc-98", OTHER_STAY), (None, OTHER_STAY), ("", OTHER_STAY)]
)
def test_a_stay_comes_back_to_who_names_it(ledger, make_advice, asked, stay):
    """Another stay is told apart from none, so that no result is taken for one of the stay that is open."""
    advice = make_advice()
    assert advice.encounter_id == "enc-99"
    ledger.append(advice)
    found = ledger.find(advice.id, client="st-mary", patient_id="p-4711", encounter_id=asked)
    assert found.encounter_id == stay
    without = replace(make_advice(), encounter_id=None)
    ledger.append(without)
    assert ledger.find(without.id, client="st-mary", patient_id="p-4711", encounter_id=asked).encounter_id is None


def test_a_user_comes_back_to_themselves(ledger, make_advice):
    """Everybody else sees a pseudonym."""
    advice = make_advice()
    ledger.append(advice)
    found = ledger.find(advice.id, client="st-mary", patient_id="p-4711", asked_by=advice.user)
    assert found.user == advice.user
    other = ledger.find(advice.id, client="st-mary", patient_id="p-4711", asked_by="Practitioner/somebody-else")
    assert advice.user not in other.user


def test_abstention_comes_back_equal(ledger, make_advice, abstention, key):
    """So does a "not assessed"."""
    advice = make_advice(finding=abstention, withheld=WithheldReason.SHADOW)
    ledger.append(advice)
    assert ledger.find(advice.id, client="st-mary", patient_id="p-4711") == as_found(advice, key)


def test_advice_outlives_the_process(url, open_ledger, make_advice, key):
    """A ledger that is closed and opened again still has it."""
    advice = make_advice()
    first, engine = open_ledger(url)
    first.append(advice)
    engine.dispose()
    second, _ = open_ledger(url)
    assert second.find(advice.id, client="st-mary", patient_id="p-4711") == as_found(advice, key)


@pytest.mark.parametrize(
    ("client", "patient_id"), [("other", "p-4711"), ("st-mary", "p-4712"), ("st-mary", ""), ("", "p-4711")]
)
def test_advice_is_found_by_its_own_client_and_patient_only(ledger, make_advice, client, patient_id):
    """Nobody gets the advice about another patient by knowing its id."""
    advice = make_advice()
    ledger.append(advice)
    assert ledger.find(advice.id, client=client, patient_id=patient_id) is None


def test_unknown_id_is_not_found(ledger):
    """An id that was never given, however long, is None and no fault."""
    assert ledger.find("x" * 20_000, client="st-mary", patient_id="p-4711") is None
    assert ledger.decision("x" * 20_000) is None


def test_same_id_twice_is_refused(ledger, make_advice):
    """A second advice cannot take the id of the first, and the message tells nothing of either."""
    advice = make_advice()
    ledger.append(advice)
    with pytest.raises(LedgerUnavailable) as fault:
        ledger.append(replace(advice, unit_name="elsewhere"))
    assert advice.id not in str(fault.value)
    assert "INSERT" not in str(fault.value)
    assert ledger.find(advice.id, client="st-mary", patient_id="p-4711").unit_name == "ICU 2"


def test_not_a_number_is_refused(ledger, make_advice, assessment):
    """A probability that is no number cannot be stored, so it cannot be shown."""
    with pytest.raises(LedgerUnavailable):
        ledger.append(make_advice(finding=replace(assessment, probability=float("nan"))))


def test_time_without_a_zone_is_refused(ledger, make_advice):
    """A naive time would be read as another moment."""
    with pytest.raises(LedgerUnavailable):
        ledger.append(make_advice(time=datetime(2026, 3, 2, 12)))  # noqa: DTZ001 (that is the fault)


def test_times_keep_moment_and_microseconds(ledger, engine, make_advice):
    """A time in another zone is the same moment, and its day is the UTC day."""
    tokyo = datetime(2026, 3, 3, 1, 30, 0, 7, tzinfo=timezone(timedelta(hours=9)))
    advice = make_advice(time=tokyo)
    ledger.append(advice)
    assert ledger.find(advice.id, client="st-mary", patient_id="p-4711").time == tokyo
    with engine.connect() as connection:
        assert str(connection.scalar(text("SELECT day FROM advice"))) == str(tokyo.astimezone(UTC).date())


def test_text_that_no_database_takes_is_mended(ledger, make_advice):
    """NUL and half surrogates in the name of a unit do not keep advice from being stored."""
    advice = make_advice(unit_name="ICU\0 \ud800 é 😀")
    ledger.append(advice)
    found = ledger.find(advice.id, client="st-mary", patient_id="p-4711")
    assert found.unit_name == "ICU� � é 😀"


def test_columns_stand_beside_the_finding(ledger, engine, make_advice):
    """What is asked most often can be asked in SQL."""
    ledger.append(make_advice())
    with engine.connect() as connection:
        row = connection.execute(text("SELECT * FROM advice")).mappings().one()
    assert (row["role"], row["unit_name"], row["hook"]) == ("Practitioner", "ICU 2", "patient-view")
    assert (row["model_id"], row["model_version"], row["model_digest"]) == ("icu-mortality", "1.0.0", "ab" * 32)
    assert (row["probability"], row["base_rate"]) == (0.12345678901234567, 0.1 + 0.2)
    assert (row["tier"], row["indicator"], row["abstention"], row["withheld"]) == ("high", "warning", None, None)
    assert (row["tier_at_least"], row["request_key"], row["finding_format"]) == (0.1, "", 3)


def test_words_are_stored_once(ledger, engine, make_advice, assessment):
    """Entries of one model share a vocabulary; a feature that is new makes a longer one, and both are read."""
    first, second = make_advice(), make_advice()
    new = replace(assessment.explanation.attributions[0], feature="hr_min", label="Lowest heart rate")
    explanation = assessment.explanation
    wider = replace(assessment, explanation=replace(explanation, attributions=(new, *explanation.attributions)))
    third, fourth = make_advice(finding=wider), make_advice()
    for advice in (first, second, third, fourth):
        ledger.append(advice)
    with engine.connect() as connection:
        used = list(connection.scalars(text("SELECT vocabulary FROM advice ORDER BY sequence")))
    assert used == [1, 1, 2, 2]
    for advice in (first, third, fourth):
        found = ledger.find(advice.id, client="st-mary", patient_id="p-4711")
        assert found.finding.explanation == advice.finding.explanation


def test_words_outlive_the_process(url, open_ledger, engine, make_advice):
    """A ledger that is opened again goes on with the vocabulary that is there."""
    advice = make_advice()
    for each in (advice, make_advice(), make_advice()):
        ledger, its = open_ledger(url)
        ledger.append(each)
        its.dispose()
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM vocabulary")) == 1
    assert open_ledger(url)[0].find(advice.id, client="st-mary", patient_id="p-4711")


def test_model_with_the_same_file_and_other_words_is_told_apart(ledger, make_advice, assessment):
    """A title that was changed without a new artefact is in the entry that it was shown with."""
    renamed = replace(assessment, model=replace(assessment.model, title="Risk of death"))
    old, new = make_advice(), make_advice(finding=renamed)
    ledger.append(old)
    ledger.append(new)
    titles = [ledger.find(a.id, client="st-mary", patient_id="p-4711").finding.model.title for a in (old, new)]
    assert titles == ["Death in hospital", "Risk of death"]


def test_rolled_back_words_are_written_with_the_next_entry(ledger, engine, make_advice):
    """A vocabulary that went down with its entry is not taken for stored."""
    broken = make_advice(time=datetime(2026, 3, 2, 12))  # noqa: DTZ001 (that is the fault)
    with pytest.raises(LedgerUnavailable):
        ledger.append(broken)
    advice = make_advice()
    ledger.append(advice)
    assert ledger.find(advice.id, client="st-mary", patient_id="p-4711").finding.model == advice.finding.model
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM vocabulary")) == 1
