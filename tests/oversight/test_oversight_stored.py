"""A finding is written small and read back equal, in the form of today and in the first one."""

from __future__ import annotations

import json
import struct
import zlib
from contextlib import suppress
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from clinical.assessment import (
    Abstention,
    Attribution,
    Basis,
    Estimate,
    Explanation,
    Guideline,
    ModelInfo,
    Observed,
    RiskAssessment,
    Score,
    ScoreItem,
    Tier,
)
from clinical.errors import LedgerUnavailable
from clinical.record import Coding, Observation, SetAside
from oversight import stored, stored_1, stored_2, stored_scores
from oversight.vocabulary import FIELDS, WORTH

numbers = st.floats(allow_nan=False, allow_infinity=False)
zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=zones | st.just(UTC))  # noqa: DTZ001
texts = st.text(max_size=12)
for kind, strategy in ((float, numbers), (datetime, moments), (str, texts)):
    st.register_type_strategy(kind, strategy)


def tuples(of, most=3):
    """Tuples of something."""
    return st.lists(of, max_size=most).map(tuple)


facts = tuples(st.builds(Observation, codings=tuples(st.builds(Coding)), time=moments, reference_range=texts), 6)
bases = tuples(st.builds(Basis, time=st.none() | moments), 4)


def some_of(pool):
    """Tuples of members of a pool."""
    return st.lists(st.sampled_from(pool), max_size=4).map(tuple) if pool else st.just(())


def attributions(of_facts, of_bases):
    """Reasons that share facts, as the features of one signal do."""
    value = st.none() | numbers
    behind = {"facts": some_of(of_facts), "basis": some_of(of_bases)}
    return tuples(st.builds(Attribution, log_odds=numbers, value=value, **behind), 8)


unused = tuples(st.builds(SetAside, codings=tuples(st.builds(Coding))))
models = st.builds(ModelInfo, base_rate=numbers, hooks=tuples(texts), guidelines=tuples(st.builds(Guideline)))
rest = {
    "model": models,
    "as_of": moments,
    "missing": tuples(texts),
    "unused": unused,
    "incomplete": tuples(texts),
    "caveats": tuples(texts),
}
of_time = {"oldest": st.none() | moments, "newest": st.none() | moments}
tiers = st.builds(Tier, at_least=numbers)


def score_of(of_facts, of_bases):
    """Scores of any kind, on facts and other facts out of two pools."""
    behind = {"facts": some_of(of_facts), "basis": some_of(of_bases)}
    items = tuples(st.builds(ScoreItem, points=st.none() | numbers, **behind), 4)
    values = {"value": numbers, "highest": numbers, "maximum": st.none() | numbers}
    return st.builds(Score, **rest, **of_time, **values, tier=tiers, items=items)


@st.composite
def scores(draw):
    """Scores alone."""
    return draw(score_of(draw(facts), draw(bases)))


@st.composite
def assessments(draw):
    """Risks, now and then with scores beside them that rest on the same facts, and with all that came later."""
    of_facts, of_bases = draw(facts), draw(bases)
    later = {
        "interval": tuples(numbers),
        "coverage": numbers,
        "unusual": tuples(texts),
        "weak": texts,
        "comparators": tuples(score_of(of_facts, of_bases), 2),
        "others": tuples(st.builds(Estimate, probability=numbers)),
        "unanswered": tuples(st.builds(Abstention, **rest), 2),
    }
    reasons = attributions(of_facts, of_bases)
    made = st.builds(
        RiskAssessment,
        **rest,
        **of_time,
        probability=numbers,
        tier=tiers,
        explanation=st.builds(Explanation, base_log_odds=numbers, attributions=reasons),
        observed=st.none() | st.builds(Observed, low=numbers, high=numbers, lower=numbers, upper=numbers),
        signals=st.integers(0, 2**40),
        **(later if draw(st.booleans()) else {}),
    )
    return draw(made)


abstentions = st.builds(Abstention, **rest)


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(finding=assessments() | scores() | abstentions, patient=texts, encounter=st.none() | texts)
def test_any_finding_comes_back_equal(write_and_read, finding, patient, encounter):
    """Whatever the words can hold, and whoever the patient is; every field, every bit of every number."""
    assert write_and_read(finding, patient_id=patient, encounter_id=encounter) == finding


def test_every_field_of_a_reason_and_of_a_fact_has_a_place():
    """A field that is added to the words of `clinical` is stored, or this fails."""
    assert {field.name for field in fields(Attribution)} == {*FIELDS, *WORTH}
    assert {field.name for field in fields(Observation)} == {*stored.FIELDS_OF_FACTS}


def unpacked(content):
    """The compressed part."""
    return zlib.decompressobj().decompress(content)


@pytest.mark.parametrize("encounter", ["enc-99", "a pseudonym"])
def test_ids_in_scores_and_beside_diagnoses_are_veiled(as_stored, write_and_read, rich, score, encounter):
    """In the facts of items, in other facts, and in what a score did not use; the names of diagnoses stay."""
    for finding in (rich, score):
        words, content = as_stored(finding, "p-4711", "enc-99")
        text = unpacked(content)
        assert b"p-4711" not in text
        assert b"enc-99" not in text
        assert b"COPD" in text
        back = write_and_read(finding, patient_id="p-4711", encounter_id="enc-99", encounter=encounter)
        assert f"Encounter/{encounter}" in repr(back)
        assert (back == finding) == (encounter == "enc-99")
        other = stored.read_finding(content, words, patient_id="p-1", encounter=None)
        assert "Condition/p-1-copd" in repr(other)


def test_fact_behind_a_risk_and_the_score_beside_it_is_stored_once(as_stored, rich):
    """So is a diagnosis behind two items: what is the same object stands once."""
    text = unpacked(as_stored(rich, "p-4711", "enc-99")[1])
    assert text.count(b"{patient}-hr-1") == 1
    assert text.count(b"{patient}-copd") == 1


def test_what_came_later_takes_no_room_where_it_is_as_usual(as_stored, assessment):
    """An entry without it has the members that it had before, and no more."""
    text = unpacked(as_stored(assessment, "p", None)[1])
    assert not any(f'"{name}"'.encode() in text for name in (*stored_scores.SOMETIMES, "basis", "items"))


def test_a_score_that_gave_no_answer_takes_room_only_where_there_is_one(as_stored, write_and_read, rich, with_silent):
    """An entry without one is what it was before there could be one, and loads as that; ids are veiled in the new."""
    assert b'"unanswered"' not in unpacked(as_stored(rich, "p-4711", "enc-99")[1])
    for finding in (rich, with_silent):
        assert write_and_read(finding, patient_id="p-4711", encounter_id="enc-99") == finding
    words, content = as_stored(with_silent, "p-4711", "enc-99")
    assert b"MedicationRequest/{patient}-m" in unpacked(content)
    assert b"p-4711" not in unpacked(content)
    other = stored.read_finding(content, words, patient_id="p-1", encounter=None)
    assert other.unanswered[0].unused[0].reference == "MedicationRequest/p-1-m"


def test_every_later_field_of_a_risk_has_a_default(assessment):
    """Only such a field can be left out and come back."""
    usual = {field.name: field.default for field in fields(RiskAssessment)}
    assert all(getattr(assessment, name) == usual[name] for name in stored_scores.SOMETIMES)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), "1", 10**400])
@pytest.mark.parametrize("place", ["value", "highest", "maximum", "points", "floor"])
@pytest.mark.parametrize("beside", [False, True])
def test_what_is_no_number_is_refused_in_a_score(write_and_read, assessment, score, bad, place, beside):
    """Alone or beside a risk."""
    change = {place: bad}
    if place == "points":
        change = {"items": (replace(score.items[0], points=bad),)}
    elif place == "floor":
        change = {"tier": replace(score.tier, at_least=bad)}
    changed = replace(score, **change)
    with pytest.raises(LedgerUnavailable):
        write_and_read(replace(assessment, comparators=(changed,)) if beside else changed)


identifiers = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.", min_size=1, max_size=8)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(patient=identifiers, encounter=st.none() | identifiers, middle=identifiers)
def test_any_patient_id_is_kept_out_of_references_and_put_back(
    as_stored, write_and_read, assessment, patient, encounter, middle
):
    """However short the id of the patient is, references come back as they were."""
    references = (f"Observation/{middle}", f"Observation/{patient}{middle}{patient}", f"Patient/{patient}")
    finding = replace(
        assessment, unused=tuple(replace(assessment.unused[0], reference=reference) for reference in references)
    )
    _, content = as_stored(finding, patient, encounter)
    assert f"Patient/{patient}".encode() not in zlib.decompressobj().decompress(content)
    assert write_and_read(finding, patient_id=patient, encounter_id=encounter, encounter="pseudonym") == finding


@pytest.mark.parametrize(
    ("reference", "comes_back"),
    [
        ("Encounter/enc-99", "Encounter/its-pseudonym"),
        ("https://ehr/Encounter/enc-99/_history/1", "https://ehr/Encounter/its-pseudonym/_history/1"),
        ("Encounter/enc-991", "Encounter/enc-991"),
        ("{patient}{encounter}{brace}{", "{patient}{encounter}{brace}{"),
    ],
)
def test_own_encounter_comes_back_as_it_is_called(write_and_read, assessment, reference, comes_back):
    """By id or by pseudonym, as the reader knows it; others and braces stay as they were."""
    finding = replace(assessment, unused=(replace(assessment.unused[0], reference=reference),))
    back = write_and_read(finding, encounter_id="enc-99", encounter="its-pseudonym")
    assert back.unused[0].reference == comes_back
    assert write_and_read(finding, encounter_id="enc-99") == finding


def test_time_of_a_fact_is_the_same_moment_in_utc(write_and_read, assessment):
    """To the microsecond, also long ago and far ahead."""
    one = assessment.explanation.attributions[0]
    ends = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
    for moment in (*ends, datetime(2026, 3, 2, 8, 0, 0, 1, UTC)):
        fact = replace(one.facts[0], time=moment)
        explanation = replace(assessment.explanation, attributions=(replace(one, facts=(fact,)),))
        assert write_and_read(replace(assessment, explanation=explanation)).explanation == explanation


def test_a_fact_behind_many_features_is_stored_once(as_stored, write_and_read, assessment):
    """A hundred attributions of one fact take little more room than one, but for their numbers."""
    one = assessment.explanation.attributions[0]
    size = []
    for number in (1, 100):
        reasons = tuple(replace(one, feature=f"f{index}") for index in range(number))
        finding = replace(assessment, explanation=replace(assessment.explanation, attributions=reasons))
        assert write_and_read(finding) == finding
        size.append(zlib.decompressobj().decompress(as_stored(finding, "p", None)[1]).count(b"Observation/"))
    assert size[0] == size[1]


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf"), "1", 10**400])
@pytest.mark.parametrize("place", ["value", "log_odds", "reported_value", "base", "probability"])
def test_what_is_no_number_is_refused(write_and_read, assessment, bad, place):
    """Anywhere in a finding. An unknown value is None, never NaN."""
    one, explanation = assessment.explanation.attributions[0], assessment.explanation
    if place == "reported_value":
        one = replace(one, facts=(replace(one.facts[0], reported_value=bad),))
    elif place in ("value", "log_odds"):
        one = replace(one, **{place: bad})
    base = bad if place == "base" else explanation.base_log_odds
    changed = replace(assessment, explanation=Explanation(base, (one,)))
    if place == "probability":
        changed = replace(changed, probability=bad)
    if place in ("base", "probability") and bad in ("1", 10**400):
        return  # JSON takes these, and the column beside the finding refuses them
    with pytest.raises(LedgerUnavailable):
        write_and_read(changed)


@pytest.mark.parametrize(
    "moment",
    [datetime(2026, 3, 2, 12), datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-2)))],  # noqa: DTZ001
)
def test_time_of_a_fact_that_is_no_moment_is_refused(write_and_read, assessment, moment):
    """Without a zone, or behind the end of the calendar in UTC, it could not come back."""
    one = assessment.explanation.attributions[0]
    reasons = (replace(one, facts=(replace(one.facts[0], time=moment),)),)
    with pytest.raises(LedgerUnavailable):
        write_and_read(replace(assessment, explanation=Explanation(0.0, reasons)))


@pytest.mark.parametrize("name", ["assessment", "abstention"])
def test_first_form_is_still_read(first_form, name):
    """Bytes that the first version wrote give the finding that it was given; new fields have their defaults."""
    content, finding = first_form[name]
    assert stored_1.read_finding(content, patient_id="p-4711", encounter="enc-99") == finding


@pytest.mark.parametrize("name", ["assessment", "abstention"])
def test_second_form_is_still_read(as_stored, second_form, name):
    """So do bytes of the second form, with the vocabulary beside them."""
    content, finding = second_form[name]
    words, _ = as_stored(finding, "p-4711", "enc-99")
    assert stored_2.read_finding(content, words, patient_id="p-4711", encounter="enc-99") == finding
    for bad in (b"", b"not compressed", content[:50], content[:-3]):
        with pytest.raises(LedgerUnavailable):
            stored_2.read_finding(bad, words, patient_id="p-4711", encounter="enc-99")


@pytest.mark.parametrize("name", ["assessment", "abstention", "score", "rich"])
def test_third_form_is_still_read(as_stored, third_form, name):
    """Also what was written before there were scores, and before a reason had anything but numbers behind it."""
    content, finding = third_form[name]
    words, _ = as_stored(finding, "p-4711", "enc-99")
    assert stored.read_finding(content, words, patient_id="p-4711", encounter="enc-99") == finding


def test_second_form_is_read_out_of_the_ledger(url, open_ledger, make_advice, second_form):
    """An entry that an earlier version wrote is found, whole."""
    ledger, engine = open_ledger(url)
    content, finding = second_form["assessment"]
    advice = make_advice(finding=finding)
    ledger.append(advice)
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            connection.execute(text("DROP TRIGGER advice_no_update"))
        else:
            connection.execute(text("ALTER TABLE advice DISABLE TRIGGER USER"))
        connection.execute(text("UPDATE advice SET finding_format = 2, finding = :old"), {"old": content})
    found = ledger.find(advice.id, client="st-mary", patient_id="p-4711")
    assert found.finding.explanation == finding.explanation
    assert (found.finding.probability, found.finding.observed) == (finding.probability, finding.observed)


def read_by_hand(words, content, **changes):
    """The finding of an entry whose first JSON was changed."""
    squeezed = zlib.decompressobj()
    text, rest = squeezed.decompress(content).split(b"\n", 1)
    head = {**json.loads(text), **changes}
    again = zlib.compress(json.dumps(head).encode() + b"\n" + rest) + squeezed.unused_data
    return stored.read_finding(again, words, patient_id="p-4711", encounter="enc-99")


def test_score_that_misses_a_part_is_a_fault(as_stored, rich, score):
    """Fewer sets of facts than items, another kind, a basis that is not there."""
    for finding in (rich, score):
        words, content = as_stored(finding, "p-4711", "enc-99")
        assert read_by_hand(words, content) == finding
        rest = json.loads(unpacked(content).split(b"\n", 1)[0])["rest"]
        bad = [{"kind": "Prophecy"}, {"rest": rest | {"basis": {"each": [], "of": [[0, [3]]]}}}, {"rest": {}}]
        bad += [{"rest": rest | {"unknown": 1}}, {"counts": [0, 0, 0, 0, 0]}]
        for change in bad:
            with pytest.raises(LedgerUnavailable):
                read_by_hand(words, content, **change)


@pytest.mark.parametrize("many", [0, 300, 40_000])
def test_entry_of_any_size_comes_back(write_and_read, assessment, many):
    """Without facts, and with more than 16 bits can number."""
    one = assessment.explanation.attributions[0]
    facts = tuple(replace(one.facts[0], reference=f"Observation/{n}", value=n / 7) for n in range(many))
    reasons = (replace(one, facts=facts), replace(one, feature="last", facts=facts[-1:]))
    finding = replace(assessment, explanation=replace(assessment.explanation, attributions=reasons))
    assert write_and_read(finding) == finding


def test_what_facts_share_is_remembered_up_to_a_limit(assessment, monkeypatch):
    """Many kinds, or a very long one, do not fill the memory, and the bytes are the same as without it."""
    monkeypatch.setattr(stored, "_MOST_TEXTS", 3)
    monkeypatch.setattr(stored, "_LONGEST_TEXT", 300)
    one = assessment.explanation.attributions[0]
    writer = stored.FindingWriter()
    for unit in ("/min", "x" * 400, *(f"unit {n}" for n in range(9)), "/min"):
        facts = tuple(replace(fact, unit=unit) for fact in one.facts)
        explanation = replace(assessment.explanation, attributions=(replace(one, facts=facts),))
        finding = replace(assessment, explanation=explanation)
        whose = {"patient_id": "p", "encounter_id": None}
        assert writer.write(finding, [0], **whose) == stored.FindingWriter().write(finding, [0], **whose)
        assert len(writer._texts) <= 3
        assert all(len(known) <= 300 for known in writer._texts.values())


def test_entry_in_an_unknown_form_is_a_fault(as_stored, assessment, first_form):
    """A stored entry that cannot be read is never taken for "no advice"."""
    words, content = as_stored(assessment, "p", None)
    prophecy = zlib.compress(b'{"kind":"Prophecy","finding":{},"rest":{"unused":[]},"facts":[]}\n')
    for bad in (b"", b"not compressed", prophecy, content[:300], content[:-8], content[:-3], zlib.compress(b"[]\n")):
        with pytest.raises(LedgerUnavailable):
            stored.read_finding(bad, words, patient_id="p", encounter=None)
    with pytest.raises(LedgerUnavailable):
        stored.read_finding(content, replace(words, words=()), patient_id="p", encounter=None)
    for bad in (b"not compressed", prophecy, content):
        with pytest.raises(LedgerUnavailable):
            stored_1.read_finding(bad, patient_id="p", encounter=None)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    name=st.sampled_from(["assessment", "rich", "score"]),
    place=st.integers(0, 10_000),
    byte=st.integers(0, 255),
    cut=st.integers(0, 300),
)
def test_damaged_entry_is_a_fault_or_a_finding(as_stored, request, name, place, byte, cut):
    """Whatever the disk gives back, no other exception comes out. (What was changed is found by the chain.)"""
    words, content = as_stored(request.getfixturevalue(name), "p", None)
    place %= len(content)
    damaged = content[:place] + bytes([byte]) + content[place + 1 : len(content) - cut]
    with suppress(LedgerUnavailable):
        stored.read_finding(damaged, words, patient_id="p", encounter=None)


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    name=st.sampled_from(["assessment", "rich", "score"]),
    place=st.integers(0, 10_000),
    byte=st.sampled_from(b'"[]{}:,0129.-en \n'),
)
def test_damage_behind_the_compression_is_a_fault_or_a_finding(as_stored, request, name, place, byte):
    """The same, where what is damaged can still be unpacked."""
    words, content = as_stored(request.getfixturevalue(name), "p", None)
    squeezed = zlib.decompressobj()
    text = squeezed.decompress(content)
    place %= len(text)
    damaged = zlib.compress(text[:place] + bytes([byte]) + text[place + 1 :]) + squeezed.unused_data
    with suppress(LedgerUnavailable):
        stored.read_finding(damaged, words, patient_id="p", encounter=None)


def test_entry_of_many_reasons_is_small(as_stored, assessment):
    """72 facts and 250 reasons take less than 7 KB."""
    one = assessment.explanation.attributions[0]
    facts = tuple(
        replace(
            one.facts[0], reference=f"Observation/{n:06}", value=n / 7, time=assessment.as_of - timedelta(minutes=n)
        )
        for n in range(72)
    )
    reasons = tuple(
        replace(
            one,
            feature=f"f{n}",
            log_odds=struct.unpack("d", struct.pack("d", (n + 1) ** -0.7))[0],
            facts=facts[n % 72 :][:3],
        )
        for n in range(250)
    )
    finding = replace(assessment, explanation=replace(assessment.explanation, attributions=reasons))
    assert len(as_stored(finding, "p", None)[1]) < 7_000
