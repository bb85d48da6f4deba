"""Answer, card, source, suggestion, action and link (rows 46 to 79, 112)."""

from __future__ import annotations

import base64
import re
import uuid
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from fhir.resources.R4B.task import Task

from cds_hooks import linter
from clinical.assessment import Indicator
from models.runtime.catalogue import load_models

BASE = "http://127.0.0.1:8100"
LEVELS = {0.5: "info", 3.0: "warning", 9.0: "critical"}


@pytest.fixture
def cards(caller: Any) -> list[dict[str, Any]]:
    """A card of each kind: three tiers, and "not assessed"."""
    nothing = caller.card(prefetch={**caller.prefetch(), "labs": None})
    return [*(caller.card(value) for value in LEVELS), nothing]


def faults(answer: dict[str, Any]) -> list[str]:
    """What the linter finds; a fault makes an answer a 5xx."""
    return list(linter.faults_in(answer, BASE))


@pytest.mark.conforms(46)
def test_a_good_answer_is_an_object_with_cards(caller: Any) -> None:
    """Status 200 and a list."""
    answer = caller.post(caller.body())
    assert answer.status_code == 200
    assert isinstance(answer.get_json()["cards"], list)


@pytest.mark.conforms(47)
def test_nothing_to_say_is_an_empty_list(caller: Any) -> None:
    """A low risk at a client that wants to see the higher ones only."""
    path = "/cds-services/all-hooks"
    answer = caller.post(caller.body(prefetch=caller.prefetch(0.5)), headers=caller.signed(path))
    assert (answer.status_code, answer.get_json()["cards"]) == (200, [])
    assert answer.get_json()["extension"]["org.chartside.outcome"]["withheld"] == "below-threshold"


@pytest.mark.conforms(49, 87)
def test_no_system_actions(caller: Any) -> None:
    """None is ever sent, so none can have feedback; the linter lets none out."""
    for headers in ({}, caller.signed("/cds-services/all-hooks")):
        assert "systemActions" not in caller.post(caller.body(), headers=headers).get_json()
    assert faults({"cards": [], "systemActions": [{"type": "update"}]})


@pytest.mark.conforms(50, 65, 112)
def test_cards_and_suggestions_have_ids_of_their_own(cards: Any) -> None:
    """UUIDs, none of them twice."""
    ids = [card["uuid"] for card in cards] + [s["uuid"] for card in cards for s in card.get("suggestions", [])]
    assert len(set(ids)) == len(ids) == 7
    assert all(str(uuid.UUID(one)) == one for one in ids)


@pytest.mark.conforms(51)
def test_a_summary_is_short(cards: Any) -> None:
    """One line of at most 139 characters."""
    for card in cards:
        assert 0 < len(card["summary"]) < 140
        assert "\n" not in card["summary"]


@pytest.mark.conforms(52)
def test_a_detail_is_markdown_without_html(cards: Any) -> None:
    """It renders as GitHub-flavoured Markdown, and as the same with HTML switched off."""
    from markdown_it import MarkdownIt

    for card in cards:
        detail = card["detail"]
        with_html = MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(detail)
        assert with_html == MarkdownIt("gfm-like", {"html": False, "linkify": False}).render(detail)
        assert not re.search("<(a|img|script|iframe)", with_html)


@pytest.mark.conforms(53)
def test_an_indicator_is_one_of_three(caller: Any) -> None:
    """By the tier of the risk; what could not be assessed is information."""
    for value, indicator in LEVELS.items():
        assert caller.card(value)["indicator"] == indicator
    assert caller.card(prefetch={**caller.prefetch(), "labs": None})["indicator"] == "info"


@pytest.mark.conforms(54, 60, 63)
def test_a_source_says_who_speaks(cards: Any) -> None:
    """A label, and a topic with code and system."""
    for card in cards:
        assert card["source"]["label"]
        assert {"code", "system"} <= card["source"]["topic"].keys()


@pytest.mark.conforms(55, 56)
def test_suggestions_say_how_they_are_selected(cards: Any) -> None:
    """Three cards have one; "not assessed" has none, and no behaviour either."""
    assert [len(card.get("suggestions", [])) for card in cards] == [1, 1, 1, 0]
    for card in cards:
        assert ("suggestions" in card) == ("selectionBehavior" in card)
        assert card.get("selectionBehavior", "any") in ("any", "at-most-one")


@pytest.mark.conforms(57)
def test_override_reasons_are_coded(cards: Any) -> None:
    """Four to six, each with code, system and display, of HL7's code system."""
    for card in cards[:3]:
        assert 4 <= len(card["overrideReasons"]) <= 6
        for reason in card["overrideReasons"]:
            assert reason["system"] == "http://terminology.hl7.org/CodeSystem/non-adherence-reason-codes"
            assert reason["code"]
            assert reason["display"]


@pytest.mark.conforms(59)
def test_critical_is_the_highest_tier_only() -> None:
    """Of every model that is shipped."""
    for model in load_models().values():
        tiers = sorted(model.manifest.tiers, key=lambda tier: tier.at_least)
        assert [tier.indicator is Indicator.CRITICAL for tier in tiers].count(True) <= 1
        assert not any(tier.indicator is Indicator.CRITICAL for tier in tiers[:-1])


@pytest.mark.conforms(59)
def test_one_call_one_card(cards: Any) -> None:
    """A card is about one risk and proposes one action."""
    for card in cards[:3]:
        assert card["detail"].count("**Consider:**") == 1
        assert len(card["suggestions"]) == 1


@pytest.mark.conforms(64, 66, 67)
def test_a_suggestion_has_a_label_and_actions(cards: Any) -> None:
    """All actions apply together: there is no member that says otherwise."""
    for card in cards[:3]:
        (suggestion,) = card["suggestions"]
        assert suggestion["label"].strip()
        assert isinstance(suggestion["isRecommended"], bool)
        assert suggestion["actions"]


@pytest.mark.conforms(68)
def test_no_action_selection_behavior(caller: Any) -> None:
    """No client is known to support it, also not among those that know the ballot."""
    for headers in ({}, caller.signed("/cds-services/all-hooks")):
        assert "actionSelectionBehavior" not in caller.post(caller.body(), headers=headers).text


@pytest.mark.conforms(69, 70, 71)
def test_an_action_creates_a_whole_resource(cards: Any) -> None:
    """A Task of FHIR R4 about the patient, without an id, described for people."""
    for card in cards[:3]:
        for action in card["suggestions"][0]["actions"]:
            assert action["type"] == "create"
            assert action["description"].strip()
            assert "id" not in action["resource"]
            assert Task.model_validate(action["resource"])
            assert action["resource"]["for"] == {"reference": "Patient/pat-1"}


@pytest.mark.conforms(58, 75, 76)
def test_links_lead_to_the_page(cards: Any) -> None:
    """Label, url and type; only smart links have an appContext."""
    for card in cards:
        assert len(card["links"]) == 2
        for link in card["links"]:
            assert link["label"].strip()
            assert link["url"].startswith(f"{BASE}/")
            assert link["type"] in ("absolute", "smart")
            assert link["type"] == "smart" or "appContext" not in link
            assert "autolaunchable" not in link


def test_a_client_that_cannot_launch_the_page_gets_no_links(caller: Any) -> None:
    """The same service, called by a client without an app registration."""
    answer = caller.post(caller.body(prefetch=caller.prefetch(9.0)), headers=caller.signed("/cds-services/all-hooks"))
    (card,) = answer.get_json()["cards"]
    assert "links" not in card
    assert faults(answer.get_json()) == []


@pytest.mark.conforms(77)
def test_an_app_context_says_nothing_about_the_patient(cards: Any) -> None:
    """Random and signed: neither the id of the patient nor anything else can be read out of it."""
    for context in (link["appContext"] for card in cards for link in card["links"]):
        raw = base64.urlsafe_b64decode(context + "=" * (-len(context) % 4))
        assert not any(part in raw for part in (b"pat-1", b"enc-1", b"Practitioner", b"client"))
        assert not any(part in context for part in ("Patient", "pat-1", "enc-1", "Practitioner"))


SPOILT: list[tuple[str, Callable[[Any], object]]] = [
    ("null", lambda card: card.update(detail=None)),
    ("empty text", lambda card: card.update(detail="")),
    ("empty list", lambda card: card.update(links=[])),
    ("no uuid", lambda card: card.pop("uuid")),
    ("140 characters", lambda card: card.update(summary="x" * 140)),
    ("no summary", lambda card: card.pop("summary")),
    ("html", lambda card: card.update(detail="<b>x</b>")),
    ("indicator", lambda card: card.update(indicator="hard-stop")),
    ("no source", lambda card: card.pop("source")),
    ("no label of the source", lambda card: card["source"].pop("label")),
    ("no topic", lambda card: card["source"].pop("topic")),
    ("no selectionBehavior", lambda card: card.pop("selectionBehavior")),
    ("reason without display", lambda card: card["overrideReasons"][0].pop("display")),
    ("suggestion without label", lambda card: card["suggestions"][0].pop("label")),
    ("suggestion without uuid", lambda card: card["suggestions"][0].pop("uuid")),
    ("actionSelectionBehavior", lambda card: card["suggestions"][0].update(actionSelectionBehavior="any")),
    ("action type", lambda card: card["suggestions"][0]["actions"][0].update(type="replace")),
    ("action without description", lambda card: card["suggestions"][0]["actions"][0].pop("description")),
    ("create without resource", lambda card: card["suggestions"][0]["actions"][0].pop("resource")),
    ("link without label", lambda card: card["links"][0].pop("label")),
    ("link without url", lambda card: card["links"][0].pop("url")),
    ("link type", lambda card: card["links"][0].update(type="popup")),
    ("absolute link with appContext", lambda card: card["links"][0].update(type="absolute")),
]


@pytest.mark.conforms(3, 4, 51, 52, 53, 54, 56, 57, 60, 64, 68, 69, 70, 71, 75, 76)
@pytest.mark.parametrize(("_", "spoil"), SPOILT, ids=[name for name, _ in SPOILT])
def test_a_card_that_breaks_a_rule_does_not_leave(_: str, spoil: Callable[[Any], object], caller: Any) -> None:
    """The linter that checks every answer finds each fault."""
    card = caller.card()
    assert faults({"cards": [card]}) == []
    spoilt = deepcopy(card)
    spoil(spoilt)
    assert faults({"cards": [spoilt]})


@pytest.mark.conforms(66, 72, 73, 74)
@pytest.mark.parametrize(
    ("actions", "good"),
    [
        ([{"type": "update", "description": "x", "resource": {"resourceType": "ServiceRequest", "id": "a"}}], True),
        ([{"type": "update", "description": "x", "resource": {"status": "draft"}}], False),
        ([{"type": "update", "description": "x"}], False),
        ([{"type": "delete", "description": "x", "resourceId": "ServiceRequest/a"}], True),
        ([{"type": "delete", "description": "x", "resourceId": "https://x/ServiceRequest/a"}], False),
        ([{"type": "delete", "description": "x", "resource": "ServiceRequest/a"}], False),
        ([{"type": "delete", "description": "x"}], False),
        (["delete", "create", "update"], True),
        (["update", "delete"], False),
        (["create", "delete"], False),
    ],
)
def test_actions_that_a_model_may_name_one_day(actions: Any, good: bool, caller: Any) -> None:
    """Updates are whole, deletes name a relative reference, and the order is that of a transaction."""
    samples = {
        "create": {"type": "create", "description": "x", "resource": {"resourceType": "Task"}},
        "update": {"type": "update", "description": "x", "resource": {"resourceType": "Task", "id": "a"}},
        "delete": {"type": "delete", "description": "x", "resourceId": "Task/a"},
    }
    card = caller.card()
    card["suggestions"][0]["actions"] = [
        samples.get(action, action) if isinstance(action, str) else action for action in actions
    ]
    assert (faults({"cards": [card]}) == []) == good


@pytest.mark.conforms(66)
def test_at_most_one_is_recommended_where_one_may_be_chosen(caller: Any) -> None:
    """Two recommended ones are a contradiction there, and none where any may be chosen."""
    card = caller.card()
    (suggestion,) = card["suggestions"]
    card["suggestions"] = [suggestion, {**suggestion, "uuid": str(uuid.uuid4())}]
    assert faults({"cards": [{**card, "selectionBehavior": "any"}]}) == []
    assert faults({"cards": [{**card, "selectionBehavior": "at-most-one"}]})
