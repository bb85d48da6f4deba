"""Cards: what a clinician reads, and the linter that lets nothing else out."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cds_hooks import linter
from cds_hooks.cards import CardWriter
from cds_hooks.linter import CardRejected
from cds_hooks.words import cut, escape
from clinical.advice import Advice
from clinical.app_context import AppContexts, CardLink
from clinical.assessment import Abstention, Observed
from clinical.record import SetAside, SetAsideReason
from findings import INFO

BASE = "https://chartside.test"
CONTEXTS = AppContexts(b"c" * 32)
WRITER = CardWriter(BASE, CONTEXTS)
Make = Callable[..., Any]


@pytest.mark.conforms(51, 52, 54)
def test_a_risk_card_says_what_how_high_why_and_what_to_do(make_advice: Make) -> None:
    """Summary first, then drivers with value, unit and time, then the gaps and one action."""
    card = WRITER.card(make_advice())
    assert card["summary"] == "High risk of in-hospital death: 50 % during this hospital stay (average 14 %)"
    detail = card["detail"]
    assert "| Lactate | 4.1 mmol/L | 02 Mar 07:30 (30 min ago) | × 3.3 |" in detail
    assert "| Creatinine | 2.31 mg/dL | 02 Mar 04:40 (3 h ago) | × 2.5 |" in detail
    assert "| Platelets | 212 ×10³/µL | 02 Mar 06:30 (1 h ago) | × 0.74 |" in detail
    assert "Bilirubin | not measured" not in detail  # it would be read as advice not to measure
    order = ["Raises the risk", "Lowers the risk", "Consider:", "As of", "No usable value"]
    assert sorted(order, key=detail.index) == order
    assert "hour 24 of the intensive care stay. Newest value 30 min old, oldest 20 h." in detail
    assert "**No usable value of:** Bilirubin." in detail
    assert "supports clinical judgement, it does not replace it" in detail


def test_a_risk_card_says_how_sure_it_is(make_advice: Make, make_assessment: Make) -> None:
    """What became of patients given about this risk, how much was measured, and how the model did in validation."""
    seen = Observed(0.42, 0.58, 400, 190, 0.4265, 0.5239)
    model = replace(INFO, validation="Cross-validated AUROC .84.")
    detail = WRITER.card(make_advice(make_assessment(observed=seen, signals=30, model=model)))["detail"]
    assert (
        "**In validation:** of 400 patients given 42 % to 58 %, 48 % had this outcome (95 % interval 43 to 52 %)."
        in detail
    )
    assert "Data: 29 of 30 signals have a usable value." in detail
    assert detail.endswith("it does not replace it. Cross-validated AUROC .84.")
    assert "was not measured." in WRITER.card(make_advice())["detail"]


@pytest.mark.conforms(55, 57, 58, 65, 77)
@pytest.mark.parametrize(
    ("low", "high", "words", "wide"),
    [(0.0, 0.02, "less than 2 %", False), (0.7, 1.0, "70 % or more", True), (0.3, 0.4, "30 % to 40 %", False)],
)
def test_the_group_of_the_validation_is_named(
    low: float, high: float, words: str, wide: bool, make_advice: Make, make_assessment: Make
) -> None:
    """Open ends read as such, and a wide group is called one: 96 % beside "72 % had it" needs a word."""
    seen = Observed(low, high, 124, 89, 0.63, 0.79)
    detail = WRITER.card(make_advice(make_assessment(observed=seen)))["detail"]
    assert f"of 124 patients given {words}, 72 % had" in detail
    assert ("That group is wide" in detail) == wide


def test_hours_are_not_called_patients(make_advice: Make, make_assessment: Make) -> None:
    """Where one patient has several rows, the card says what was counted."""
    seen = Observed(0.1, 0.2, 4_100, 615, 0.12, 0.19, "hours")
    detail = WRITER.card(make_advice(make_assessment(observed=seen)))["detail"]
    assert "of 4,100 hours given 10 % to 20 %, 15 % had" in detail


def test_the_number_survives_a_long_name(make_advice: Make, make_assessment: Make) -> None:
    """Words are cut, the risk and the average are not."""
    model = replace(INFO, outcome="a very long outcome " * 10, horizon="within a very long time " * 10)
    summary = WRITER.card(make_advice(make_assessment(model=model)))["summary"]
    assert len(summary) <= 139
    assert ": 50 % within" in summary
    assert summary.endswith("(average 14 %)")


def test_one_action_coded_reasons_and_two_links(make_advice: Make) -> None:
    """One suggestion with a Task, four to six reasons, two SMART links that carry the card's id and no more."""
    advice: Advice = make_advice()
    card = WRITER.card(advice)
    (suggestion,) = card["suggestions"]
    assert suggestion["uuid"] == advice.suggestion_id
    assert suggestion["actions"][0]["resource"]["for"] == {"reference": "Patient/pat-1"}
    assert 4 <= len(card["overrideReasons"]) <= 6
    assert card["links"] == [
        {
            "label": "See the reasons and decide",
            "url": "https://chartside.test/smart/launch",
            "type": "smart",
            "appContext": CONTEXTS.write(advice.id, advice.client),
        },
        {
            "label": "Report a problem with this advice",
            "url": "https://chartside.test/smart/launch",
            "type": "smart",
            "appContext": CONTEXTS.write(advice.id, advice.client, reports=True),
        },
    ]
    opened = [CONTEXTS.read(link["appContext"], advice.client) for link in card["links"]]
    assert opened == [CardLink(advice.id), CardLink(advice.id, reports=True)]


@pytest.mark.parametrize("kind", ["risk", "score", "not assessed"])
def test_a_problem_can_be_reported_from_every_card(
    kind: str, make_advice: Make, make_assessment: Make, make_score: Make, make_abstention: Make
) -> None:
    """The same link on each, second, and the linter lets it out."""
    finding = {"risk": make_assessment, "score": make_score, "not assessed": make_abstention}[kind]()
    advice = make_advice(finding)
    response = WRITER.response(advice)
    linter.check(response, BASE)
    _, link = response["cards"][0]["links"]
    assert (link["label"], link["type"]) == ("Report a problem with this advice", "smart")
    assert CONTEXTS.read(link["appContext"], advice.client) == CardLink(advice.id, reports=True)


def test_who_cannot_launch_the_page_gets_no_link(make_advice: Make) -> None:
    """A client without SMART: links would lead to a refusal; the card is whole without them."""
    advice = make_advice()
    for launching, links in ((frozenset(), 0), (frozenset({"another"}), 0), (frozenset({advice.client}), 2)):
        response = CardWriter(BASE, CONTEXTS, launching=launching).response(advice)
        linter.check(response, BASE)
        assert len(response["cards"][0].get("links", [])) == links
        assert ("links" in response["cards"][0]) == bool(links)


@pytest.mark.conforms(71)
def test_the_task_of_a_suggestion_is_valid_r4(make_advice: Make) -> None:
    """What an EHR would file."""
    from fhir.resources.R4B.task import Task

    for advice in (make_advice(), make_advice(encounter_id=None)):
        Task.model_validate(WRITER.card(advice)["suggestions"][0]["actions"][0]["resource"])


def test_a_low_risk_card_proposes_usual_care(make_advice: Make, make_assessment: Make) -> None:
    """Where a site shows low risks, nobody is sent for a review."""
    card = WRITER.card(make_advice(make_assessment(0.03, "low")))
    assert "usual monitoring" in card["suggestions"][0]["label"]
    assert card["indicator"] == "info"
    assert card["summary"] == "Risk of in-hospital death: 3 % during this hospital stay (average 14 %)"


def test_an_abstention_never_looks_like_a_low_risk(make_advice: Make, make_abstention: Make) -> None:
    """No number, the reason, what is missing, nothing to accept."""
    finding: Abstention = make_abstention(incomplete=("labs: the server did not answer",))
    card = WRITER.card(make_advice(finding))
    assert "not assessed: the stay is 3 hours old" in card["summary"]
    assert "This is not a low risk; it is no answer." in card["detail"]
    assert "Read only in part" in card["detail"]
    assert "suggestions" not in card
    assert "%" not in card["summary"]


EVIL = "<img src=x onerror=alert(1)> [x](https://evil.test) | **b** `c` \u202e\n# h"


@pytest.mark.conforms(52)
def test_text_from_the_record_is_escaped(make_advice: Make, make_assessment: Make) -> None:
    """A unit or an id that holds markup stays text."""
    unused = (SetAside(EVIL, SetAsideReason.UNIT, EVIL),)
    detail = WRITER.card(make_advice(make_assessment(unused=unused)))["detail"]
    assert "<img" not in detail.replace("\\<", "")
    assert "](https" not in detail.replace("\\](", "")
    assert "\u202e" not in detail
    assert "\n# h" not in detail


@pytest.mark.conforms(52)
@given(st.text(max_size=300))
def test_escaped_text_renders_as_itself(text: str) -> None:
    """Through a real Markdown renderer no element appears but the paragraph."""
    from markdown_it import MarkdownIt

    html = MarkdownIt("gfm-like", {"html": True, "linkify": False}).render("x " + escape(text) + " x")
    assert re.findall(r"<(?!/?p>|br)", html) == []


@pytest.mark.conforms(51, 53)
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)  # the fixtures are factories without state
@given(probability=st.floats(0, 1), tier=st.sampled_from(["low", "raised", "high"]))
def test_every_card_passes_the_linter(make_advice: Make, make_assessment: Make, probability: float, tier: str) -> None:
    """Any probability, any tier."""
    response = WRITER.response(make_advice(make_assessment(probability, tier)))
    linter.check(response, BASE)
    assert len(response["cards"][0]["summary"]) <= 139


@pytest.mark.conforms(3, 4, 50, 51, 53, 54, 56, 57, 64, 69, 70, 71, 75, 76)
@pytest.mark.parametrize(
    "spoil",
    [
        lambda card: card.update(summary="x" * 140),
        lambda card: card.update(summary=None),
        lambda card: card.update(indicator="hard-stop"),
        lambda card: card.update(uuid="1"),
        lambda card: card.update(detail=""),
        lambda card: card.update(links=[]),
        lambda card: card["source"].pop("topic"),
        lambda card: card.pop("selectionBehavior"),
        lambda card: card["suggestions"][0].pop("uuid"),
        lambda card: card["suggestions"][0]["actions"][0].pop("description"),
        lambda card: card["suggestions"][0]["actions"][0].pop("resource"),
        lambda card: card["suggestions"][0]["actions"][0].update(type="replace"),
        lambda card: card["overrideReasons"][0].pop("display"),
        lambda card: card["links"][0].update(type="absolute"),
        lambda card: card["links"][0].update(type="popup"),
        lambda card: card["links"][0].pop("url"),
        lambda card: card["links"][0].update(url="https://elsewhere.test/smart/launch"),
        lambda card: card["links"][0].update(url="https://chartside.test.evil.test/smart/launch"),
        lambda card: card["links"][0].update(autolaunchable=True),
        lambda card: card["links"][0].pop("label"),
        lambda card: card["links"][0].pop("appContext"),
        lambda card: card["links"][0].update(appContext="Patient/pat-1"),
        lambda card: card["links"][0].update(appContext=card["links"][1]["appContext"]),
        lambda card: card["links"][0].update(label="x" * 81),
        lambda card: card["links"][0].update(label="two\nlines"),
        lambda card: card["links"][1].update(label=card["links"][0]["label"]),
        lambda card: card["links"][1].update(label="Something else"),
        lambda card: card["links"][1].update(type="absolute"),
        lambda card: card["links"][1].update(url="https://elsewhere.test/smart/launch"),
        lambda card: card["links"][1].update(appContext=card["links"][1]["appContext"][1:]),
        lambda card: card["links"][1].update(appContext=card["links"][1]["appContext"] + "\n"),
        lambda card: card["links"].pop(),
        lambda card: card["links"].pop(0),
        lambda card: card["links"].reverse(),
        lambda card: card["links"].append({**card["links"][0], "label": "A third", "appContext": "a" * 43}),
        lambda card: card.update(summary="two\nlines"),
        lambda card: card.update(detail="a <b>bold</b> word"),
        lambda card: card.update(detail="![picture](https://elsewhere.test/x.png)"),
        lambda card: card.update(detail="see [this](https://elsewhere.test)"),
        lambda card: card.update(detail="see https://elsewhere.test"),
        lambda card: card.update(detail="see www.elsewhere.test"),
        lambda card: card.update(priority="high"),
        lambda card: card["source"].pop("label"),
        lambda card: card["source"]["topic"].pop("system"),
        lambda card: card["suggestions"][0].update(uuid=card["uuid"]),
        lambda card: card["suggestions"][0].update(isRecommended="yes"),
        lambda card: card["suggestions"][0].update(actionSelectionBehavior="all"),
        lambda card: card["suggestions"][0].update(actions=[]),
        lambda card: card["suggestions"][0]["actions"][0]["resource"].update(id="1"),
        lambda card: card["suggestions"][0]["actions"][0].update(type="delete"),
        lambda card: card["suggestions"][0]["actions"].append(
            {"type": "delete", "description": "d", "resourceId": "Task/1"}
        ),
        lambda card: card["suggestions"][0]["actions"].insert(
            0, {"type": "delete", "description": "d", "resourceId": "https://ehr.test/Task/1"}
        ),
        lambda card: (
            card.update(selectionBehavior="at-most-one"),
            card["suggestions"].append({**card["suggestions"][0], "uuid": "0d9a2b1e-93d0-4f14-8f1e-1c1e7c5d7f23"}),
        ),
    ],
)
def test_a_spoilt_card_is_held_back(spoil: Callable[[Any], object], make_advice: Make) -> None:
    """One fault each; the answer becomes an error, not an omission."""
    response = WRITER.response(make_advice())
    spoil(response["cards"][0])
    with pytest.raises(CardRejected):
        linter.check(response, BASE)


@pytest.mark.conforms(46)
def test_an_answer_without_a_list_is_held_back() -> None:
    """The answer's own shape counts as well."""
    with pytest.raises(CardRejected):
        linter.check({"cards": {}}, BASE)
    with pytest.raises(CardRejected):
        linter.check({}, BASE)
    with pytest.raises(CardRejected):
        linter.check({"cards": ["card"]}, BASE)
    with pytest.raises(CardRejected):
        linter.check({"cards": [], "systemActions": [{"type": "create"}]}, BASE)
    with pytest.raises(CardRejected):
        linter.check({"cards": [], "extension": {"outcome": {"status": "assessed"}}}, BASE)


@pytest.mark.conforms(50, 59)
@pytest.mark.parametrize("number", [2, 3])
def test_ids_stand_for_one_thing_and_cards_are_few(number: int, make_advice: Make) -> None:
    """The same card twice, or three cards, do not go out."""
    cards = [WRITER.card(make_advice()) for _ in range(number)]
    with pytest.raises(CardRejected):
        linter.check({"cards": cards}, BASE)


def test_what_was_not_used_is_grouped_and_counted(make_advice: Make, make_assessment: Make) -> None:
    """Four results in one wrong unit are one line."""
    unused = tuple(SetAside(f"Observation/{n}", SetAsideReason.UNIT, "creatinine: unit") for n in range(4))
    assert "4 × creatinine: unit" in WRITER.card(make_advice(make_assessment(unused=unused)))["detail"]


def test_a_text_is_cut_at_a_word() -> None:
    """And says that it was cut."""
    assert cut("one two three", 9) == "one two…"
    assert cut("one", 9) == "one"
