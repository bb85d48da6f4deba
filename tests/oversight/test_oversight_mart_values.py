"""Values and reasons in the mart: what findings hold in numbers, read without making them again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from math import isnan

import pytest

from clinical.assessment import Attribution, Explanation
from clinical.errors import LedgerUnavailable
from clinical.record import SetAside, SetAsideReason
from oversight import stored, stored_1, stored_2
from oversight.mart import values
from oversight.mart.build import behind, bring_up, is_current
from oversight.mart.mart import Mart
from oversight.mart.values import DRAW
from oversight.stored_numbers import APART, NOTHING, numbers


@pytest.fixture
def folder(tmp_path):
    """Where the mart lies."""
    return tmp_path / "mart"


@pytest.mark.parametrize("form", [2, 3])
@pytest.mark.parametrize("name", ["assessment", "abstention"])
def test_numbers_are_those_of_the_finding(as_stored, second_form, third_form, form, name) -> None:
    """Of both forms that are in use, as the finding says when it is made again."""
    content, finding = (second_form if form == stored_2.FORMAT else third_form)[name]
    words, _ = as_stored(finding, "p-4711", "enc-99")
    found = numbers(content, form, words)
    attributions = finding.explanation.attributions if name == "assessment" else ()
    assert found.effects == [each.log_odds for each in attributions]
    known = [None if isnan(value) else value for value in found.values]
    assert known == [each.value for each in attributions]
    facts = {id(fact): fact for each in attributions for fact in each.facts}
    assert found.facts == len({fact.reference for fact in facts.values()})
    assert found.missing == len(finding.missing)
    assert found.signals >= found.missing


def test_a_read_says_concept_code_and_unit(as_stored, assessment) -> None:
    """As they were sent, each combination once."""
    words, content = as_stored(assessment, "p-4711", "enc-99")
    expected = {
        APART.join((each.concept, fact.codings[0].token, fact.reported_unit))
        for each in assessment.explanation.attributions
        for fact in each.facts
    }
    assert set(numbers(content, stored.FORMAT, words).reads) == expected
    assert expected


def test_what_could_not_be_used_is_counted(as_stored, assessment) -> None:
    """Unknown units and implausible values, apart from everything else."""
    reasons = (SetAsideReason.UNIT, SetAsideReason.UNIT, SetAsideReason.IMPLAUSIBLE, SetAsideReason.NO_TIME)
    unused = tuple(SetAside(f"Observation/{place}", why, "x") for place, why in enumerate(reasons))
    words, content = as_stored(
        replace(assessment, unused=unused, newest=assessment.as_of - timedelta(hours=3)), "p-4711", "enc-99"
    )
    found = numbers(content, stored.FORMAT, words)
    assert (found.unit_unknown, found.implausible) == (2, 1)
    assert found.age_hours == pytest.approx(3.0)


def test_other_forms_have_no_numbers_and_damage_is_no_nothing(as_stored, assessment) -> None:
    """The first form is left out; bytes that are not whole are told."""
    words, content = as_stored(assessment, "p-4711", "enc-99")
    assert numbers(content, stored_1.FORMAT, words) is NOTHING
    for bad in (b"", content[:50], content[:-3]):
        with pytest.raises(LedgerUnavailable):
            numbers(bad, stored.FORMAT, words)


def test_a_score_has_signals_and_no_values(as_stored, score) -> None:
    """Its items are what it asks for."""
    words, content = as_stored(score, "p-4711", "enc-99")
    found = numbers(content, stored.FORMAT, words)
    assert (found.values, found.effects, found.reads) == ([], [], [])
    assert found.signals >= len(score.items) > 0


def test_values_stand_beside_each_entry(engine, ledger, make_advice, assessment, abstention, folder) -> None:
    """In the order of the words; an abstention has none; nothing of it names anybody."""
    ledger.append(make_advice())
    ledger.append(make_advice(finding=abstention))
    bring_up(engine, folder)
    with Mart(folder).open() as mart:
        rows = mart.rows("SELECT sequence, value, effect, len(reads) > 0, draw FROM value ORDER BY sequence")
        words = mart.rows("SELECT feature, concept, unit FROM word ORDER BY sequence, place")
        ((same,),) = mart.rows(f"SELECT bool_and(draw = {DRAW}) FROM value")
    attributions = assessment.explanation.attributions
    assert [value is None for value in rows[0][1]] == [each.value is None for each in attributions]
    pairs = zip(rows[0][1], attributions, strict=True)
    assert all(each.value is None or value == pytest.approx(each.value, rel=1e-6) for value, each in pairs)
    assert rows[0][2] == pytest.approx([each.log_odds for each in attributions], rel=1e-6)
    assert (rows[1][1], rows[1][2]) == ([], [])
    assert words == [(each.feature, each.concept, each.unit) for each in attributions]
    assert same
    raw = b"".join(path.read_bytes() for path in folder.rglob("*.parquet"))
    assert b"p-4711" not in raw
    assert b"Observation/" not in raw


def test_new_words_are_added_before_what_needs_them(engine, ledger, make_advice, assessment, folder) -> None:
    """A feature that the model did not have makes another vocabulary; the old one stays."""
    ledger.append(make_advice())
    bring_up(engine, folder)
    extra = Attribution("extra", "extra", "Extra", "Extra", 0.5, 7.0, "1")
    reasons = Explanation(assessment.explanation.base_log_odds, (*assessment.explanation.attributions, extra))
    ledger.append(make_advice(finding=replace(assessment, explanation=reasons)))
    bring_up(engine, folder)
    with Mart(folder).open() as mart:
        lengths = mart.rows("SELECT len(value) FROM value ORDER BY sequence")
        last = mart.rows("SELECT feature FROM word ORDER BY sequence DESC, place DESC LIMIT 1")
    number = len(assessment.explanation.attributions)
    assert lengths == [(number,), (number + 1,)]
    assert last == [("extra",)]


def test_findings_may_lag_and_are_caught_up(engine, ledger, make_advice, folder, monkeypatch) -> None:
    """Who cannot wait gets a tenth of them at a time; the rows themselves are all there."""
    for _ in range(5):
        ledger.append(make_advice())
    monkeypatch.setattr(values, "ROWS", 2)
    assert bring_up(engine, folder, at_most=20)
    assert not is_current(engine, folder)
    assert behind(engine, folder) == 3
    for _ in range(2):
        assert bring_up(engine, folder, at_most=20)
    assert is_current(engine, folder)
    with Mart(folder).open() as mart:
        assert mart.rows("SELECT count(*), count(DISTINCT sequence) FROM value") == [(5, 5)]
