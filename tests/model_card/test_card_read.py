"""A source is filled whole or refused, and the refusal names every fault."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from models.training.model_card.attributes import ATTRIBUTES
from models.training.model_card.card import CardInvalid
from models.training.model_card.notes import NOTES
from models.training.model_card.read import check_source, read_card

MODELS = Path(__file__).resolve().parents[2] / "models"


@pytest.fixture
def refused(folder, source, figures, facts):
    """Changes the made-up source and gives the faults that it is refused for."""

    def read(table, name, value):
        if value is None:
            del source[table][name]
        else:
            source[table][name] = value
        with pytest.raises(CardInvalid) as caught:
            read_card(folder(source), figures, facts)
        assert all(fault in caught.value.message for fault in caught.value.faults)
        return caught.value.faults

    return read


def test_a_whole_source_answers_all_31(card, figures):
    """In the order of the rule, with figures and facts filled in."""
    assert [answer.attribute for answer in card.answers] == list(ATTRIBUTES)
    value, low, high = (f"{part:.3f}" for part in figures["slices"]["hour 24"]["auroc"])
    assert f"AUROC {value} (95 % interval {low} to {high}) on 600 rows." in card.says("validity-same-source")
    assert card.notes["stage"] == "Words enough about stage, version 1.2.3."
    assert [answer.attribute.id for answer in card.missing] == ["external-data"]
    assert card.says("external-data").startswith("Not available. No words")


def test_figures_read_from_json_fill_the_same(folder, source, figures, facts, card):
    """The evaluation's file and the figures in memory give one card."""
    again = read_card(folder(source), json.loads(json.dumps(figures)), facts)
    assert again.answers == card.answers


def test_groups_are_told_one_by_one(card, figures):
    """Each with its counts and figures; one that is too small only with its counts; and the two ends."""
    text = card.says("fairness-same-source")
    female = figures["groups"]["sex"]["female"]
    assert f"female ({female['rows']} rows, {female['events']} with the outcome) AUROC 0." in text
    assert "other <x> (4 rows, " in text
    assert "with the outcome) too few to judge. Ratios" in text
    ratios = sorted(figures["groups"]["sex"][name]["observed_per_expected"][0] for name in ("female", "male"))
    assert f"run from {ratios[0]:.3f} (" in text
    assert f" to {ratios[1]:.3f} (" in text


@pytest.mark.parametrize("attribute", [one.id for one in ATTRIBUTES if one.id != "external-data"])
def test_a_missing_attribute_is_named(refused, attribute):
    """31 of 31 or none."""
    (fault,) = refused("attributes", attribute, None)
    assert fault.startswith(f"attributes.{attribute} is missing ((iv)(B)(")


@pytest.mark.parametrize("note", [*NOTES, "keywords", "bibliography"])
def test_a_missing_text_of_the_card_is_named(refused, note):
    """What the other forms need is needed."""
    (fault,) = refused("card", note, None)
    assert fault.startswith(f"card.{note} ")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "is empty"),
        (" \n ", "is empty"),
        ("N/A", "says nothing"),
        ("n / a.", "says nothing"),
        ("Not applicable", "says nothing"),
        ("None.", "says nothing"),
        ("Unknown, sorry", "says nothing"),
        ("–", "says nothing"),
        ("To be determined later on", "says nothing"),
        ("See above.", "says nothing"),
        ("Funding: TODO", "not finished ('TODO')"),
        ("We will fill in what the hospital tells us", "not finished ('fill in')"),
        ("The model is compliant with everything", "claims what a card may not claim ('compliant')"),
        ("It was Approved by a board", "claims what a card may not claim ('Approved')"),
        ("An FDA-cleared way to do it", "claims what a card may not claim ('FDA-cleared')"),
        ("The AUROC was 0.84 in all", "figure typed by hand (0.84)"),
        ("The AUROC was .84 in all", "figure typed by hand (.84)"),
        ("Of them 14 % died", "figure typed by hand (14 %)"),
        ("Holds a \x07 bell in it", "cannot be printed"),
        ("The AUROC is {slices[hour 99].auroc} here", "{slices[hour 99].auroc} leads nowhere"),
        ("The AUROC is {slices.hour 24.auroc} here", "is no reference"),
        ("The name is {nickname} here", "{nickname} leads nowhere"),
        ("Nothing stands in {} here", "{} is no reference"),
        ("All of it is {slices[hour 24]} here", "names no single figure"),
        ("Flagged are {thresholds.high.alerted|parts} here", "names the filter parts"),
        ("Flagged are {version|percent} here", "names no number"),
        ("Flagged are {thresholds.high.alerted|percent twice} here", "does not know"),
        ("Groups are {slices[hour 24]|groups} here", "names no groups"),
        ("Groups are {groups.sex|range} here", "without the measure (none named)"),
        ("A brace { has no partner here", "a brace has no partner"),
        ("A sign of `code has no partner", "has a ` without a partner"),
        ("Groups are {groups.sex|counts all} here", "does not know"),
        ("{groups.sex[other <x>].auroc} for a group too small to judge", "leads nowhere"),
    ],
)
def test_a_text_that_does_not_hold_is_refused(refused, text, fault):
    """Empty, unfinished, evasive, boastful, typed by hand, or leading nowhere."""
    found = refused("attributes", "funding", text)
    assert any(one.startswith("attributes.funding") and fault in one for one in found), found


@pytest.mark.parametrize(
    "text",
    [
        "None of the makers was paid for it by anybody.",
        "Not applicable, because there is only one version of it so far.",
        "Intervals are 95 % intervals; see doi 10.1186/s12916-019-1466-7, Apache-2.0, version 1.0.",
        "Of all, {thresholds.high.alerted|percent}, {thresholds.high.alerted|hundred}, {slices[hour 24].ece|percent}.",
    ],
)
def test_a_reason_is_an_answer(folder, source, figures, facts, text):
    """What gives its reason is taken, and so are numbers that are no measurements."""
    source["attributes"]["funding"] = text
    assert "{" not in read_card(folder(source), figures, facts).says("funding")


def test_unknown_names_are_refused(refused, source):
    """A misspelt id must not be silently without effect."""
    source["more"] = {"a": "b"}
    source["card"]["sponsor"] = "Words enough about nothing."
    faults = refused("attributes", "fundng", "Words enough to answer it.")
    assert set(faults) == {"unknown table more", "attributes.fundng is unknown", "card.sponsor is unknown"}


def test_not_available_is_for_what_the_rule_foresees(refused):
    """Nobody may leave out the training data."""
    refusal = refused("not_available", "training-criteria", "Nobody wrote down who was in the data.")
    assert any("the rule asks for an answer here ((iv)(B)(4)(i))" in fault for fault in refusal)
    assert "training-criteria is both answered and not available" in refusal


def test_not_available_needs_its_reason(refused):
    """To say "not available" for the reason n/a would say nothing twice."""
    (fault,) = refused("not_available", "external-data", "n/a")
    assert fault.startswith("not_available.external-data says nothing")


@pytest.mark.parametrize("word", ["race", "sex", "sexual orientation", "social determinants"])
def test_sensitive_inputs_are_spoken_of_one_by_one(refused, source, word):
    """Paragraphs (iv)(A)(5) to (13) are named; leaving one out is no answer about it."""
    parts = source["attributes"]["sensitive-inputs"].removeprefix("Speaks of ").rstrip(".").split(", ")
    text = f"Speaks of {', '.join(part for part in parts if part != word)}."
    assert refused("attributes", "sensitive-inputs", text) == (f"attributes.sensitive-inputs does not speak of {word}",)


def test_all_faults_are_told_at_once(refused, source):
    """Nobody has to run it five times."""
    source["attributes"]["funding"] = ""
    del source["attributes"]["developer"]
    faults = refused("card", "stage", "TODO")
    assert len([fault for fault in faults if "funding" in fault or "developer" in fault or "stage" in fault]) >= 3


def test_a_fact_that_is_missing_or_claims_too_much_is_named(folder, source, figures, facts):
    """Facts stand in the forms as they are."""
    del facts["digest"]
    facts["intended_use"] = "Approved for all."
    with pytest.raises(CardInvalid) as caught:
        read_card(folder(source), figures, facts)
    assert caught.value.faults[0] == "the fact digest is missing"
    assert "the fact intended_use claims what a card may not claim ('Approved')" in caught.value.faults


@pytest.mark.parametrize("content", [None, "[attributes", '[attributes]\nfunding = 3\n[card]\nkeywords = "one"'])
def test_a_file_that_cannot_be_read_is_one_more_fault(tmp_path, figures, facts, content):
    """No file, no TOML, or no texts in it."""
    if content is not None:
        (tmp_path / "attributes.toml").write_text(content)
    with pytest.raises(CardInvalid) as caught:
        read_card(tmp_path, figures, facts)
    assert len(caught.value.faults) > 31


def test_every_source_in_the_tree_is_whole():
    """Models that bring a source say something to all 31."""
    for path in sorted(MODELS.glob("*/attributes.toml")):
        assert check_source(path.parent) == (), path
