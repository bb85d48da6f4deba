"""The words of a model: stored once, found again, never mistaken for others."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import text

from clinical.assessment import Guideline, ModelInfo
from clinical.errors import LedgerUnavailable
from oversight import vocabulary
from oversight.database import writing
from oversight.dataclass_json import from_tree, to_tree
from oversight.vocabulary import FIELDS, Vocabularies, Vocabulary


def lift(engine):
    """Take the guards away, as the owner of the database can."""
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            for verb in ("update", "delete"):
                connection.execute(text(f"DROP TRIGGER vocabulary_no_{verb}"))
                connection.execute(text(f"DROP TRIGGER advice_no_{verb}"))
        else:
            for table in ("vocabulary", "advice"):
                connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))


def find(ledger, advice):
    """Look an advice up."""
    return ledger.find(advice.id, client="st-mary", patient_id="p-4711")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE advice SET vocabulary = NULL",
        "UPDATE advice SET finding_format = 4",
        "UPDATE vocabulary SET content = (SELECT min(finding) FROM advice)",
    ],
)
def test_entry_without_its_words_is_a_fault(url, open_ledger, make_advice, statement):
    """An entry whose words are missing, unreadable or in another form is never shown in part."""
    ledger, engine = open_ledger(url)
    advice = make_advice()
    ledger.append(advice)
    lift(engine)
    with engine.begin() as connection:
        connection.execute(text(statement.replace("min(finding)", "finding")))
    with pytest.raises(LedgerUnavailable):
        find(open_ledger(url)[0], advice)


def test_words_that_are_not_there_are_a_fault(engine):
    """A row that nobody wrote."""
    with pytest.raises(LedgerUnavailable):
        Vocabularies(engine).read(7)


def test_two_processes_with_the_same_words_store_them_once(url, open_ledger, engine, make_advice):
    """Both find the table empty; the second to write finds the row of the first."""
    one, other = make_advice(), make_advice()
    ledgers = [open_ledger(url)[0] for _ in range(2)]
    rows = [ledger._rows.row(advice) for ledger, advice in zip(ledgers, (one, other), strict=True)]
    assert [words.sequence for _, words in rows] == [None, None]
    for ledger, (_, words) in zip(ledgers, rows, strict=True):
        with writing(engine, one_at_a_time=True) as connection:
            assert ledger._vocabularies.store(connection, words).sequence == 1


def test_words_in_other_columns_are_not_mixed(url, open_ledger, monkeypatch, make_advice):
    """A version whose reasons have more fields begins a vocabulary of its own, and the old one is still read."""
    first, old = open_ledger(url)[0], make_advice()
    first.append(old)
    monkeypatch.setattr(vocabulary, "FIELDS", ("other",))
    second, new = open_ledger(url)[0], make_advice()
    _, words = second._rows.row(new)
    assert words.sequence is None
    monkeypatch.undo()
    assert find(second, old).finding.explanation == old.finding.explanation


def test_model_that_makes_up_words_does_not_grow_without_end(assessment, monkeypatch):
    """Too many words, and the next vocabulary has only the new ones."""
    monkeypatch.setattr(vocabulary, "_MOST_WORDS", 3)
    one = assessment.explanation.columns.words[0]
    words = [(f"f{n}", *one[1:]) for n in range(5)]
    first = Vocabulary(None, assessment.model, ()).with_words(words[:2])
    assert first.with_words(words[2:3]).words == tuple(words[:3])
    assert first.with_words(words[2:4]).words == tuple(words[2:4])


def test_many_models_are_not_kept_for_ever(ledger, make_advice, assessment, monkeypatch):
    """The memory of a process is bounded; every entry is still read."""
    monkeypatch.setattr(vocabulary, "_MOST_KEPT", 2)
    models = [replace(assessment.model, version=str(n)) for n in range(5)]
    advices = [make_advice(finding=replace(assessment, model=model)) for model in models + models]
    for advice in advices:
        ledger.append(advice)
    assert [find(ledger, advice).finding.model for advice in advices] == models + models
    assert len(ledger._vocabularies._known) <= 2
    assert len(ledger._vocabularies._current) <= 2


def test_model_that_json_cannot_hold_is_refused(ledger, make_advice, assessment):
    """A base rate that is no number."""
    with pytest.raises(LedgerUnavailable):
        ledger.append(make_advice(finding=replace(assessment, model=replace(assessment.model, base_rate=float("nan")))))


def test_guidelines_of_a_model_are_stored_with_its_words_and_not_with_each_entry(url, open_ledger, make_advice):
    """An entry names them also once the model is no longer on the shelf, and is not a byte longer for them."""
    plain = make_advice()
    guideline = Guideline("A guideline of 2026", "https://guidelines.example/2026")
    model = replace(plain.finding.model, guidelines=(guideline,))
    named = make_advice(id="with-guidelines", finding=replace(plain.finding, model=model))
    ledger, engine = open_ledger(url)
    for advice in (plain, named):
        ledger.append(advice)
    assert find(open_ledger(url)[0], plain).finding.model.guidelines == ()
    assert find(open_ledger(url)[0], named).finding.model == model
    with engine.connect() as connection:
        sizes = {row[0] for row in connection.execute(text("SELECT length(finding) FROM advice"))}
    assert len(sizes) == 1


def test_a_model_that_was_stored_before_there_were_guidelines_is_read(make_advice):
    """It has none."""
    model = make_advice().finding.model
    tree = to_tree(model)
    del tree["guidelines"]
    assert from_tree(ModelInfo, tree) == model


def test_words_are_the_fields_in_their_order(assessment):
    """They are written out one by one; a field that comes to attributions must come to them."""
    attributions = assessment.explanation.attributions
    assert assessment.explanation.columns.words == tuple(
        tuple(getattr(one, name) for name in FIELDS) for one in attributions
    )
