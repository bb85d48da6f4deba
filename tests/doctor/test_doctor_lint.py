"""The rules for cards and templates, judged without a service."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from chartside.doctor import cards, templates
from chartside.doctor.book import Book
from chartside.doctor.checks import Result

UUIDS = [f"{n}1577c69-dfbe-44ad-ba6d-3e05e953b2ea" for n in "abcdef"]
GOOD: dict[str, Any] = {
    "cards": [
        {
            "uuid": UUIDS[0],
            "summary": "x" * 139,
            "indicator": "info",
            "detail": "text",
            "source": {"label": "S", "url": "https://a.example", "topic": {"code": "c", "system": "urn:s"}},
            "suggestions": [
                {
                    "label": "Do",
                    "uuid": UUIDS[1],
                    "isRecommended": True,
                    "actions": [
                        {"type": "create", "description": "d", "resource": {"resourceType": "Task"}},
                        {"type": "update", "description": "d", "resource": {"resourceType": "Task", "id": "1"}},
                        {"type": "delete", "description": "d", "resourceId": "Task/2"},
                    ],
                },
                {"label": "Else", "uuid": UUIDS[2]},
            ],
            "selectionBehavior": "at-most-one",
            "overrideReasons": [{"code": "c", "system": "urn:s", "display": "D"}],
            "links": [
                {"label": "L", "url": "https://a.example/x", "type": "absolute"},
                {"label": "L", "url": "https://a.example/x", "type": "smart", "appContext": "c"},
            ],
        },
        {"uuid": UUIDS[3], "summary": "s", "indicator": "critical", "source": {"label": "S", "topic": {
            "code": "c", "system": "urn:s"}}},
    ],
    "extension": {"org.example.x": {"a": 1}},
}  # fmt: skip

# Path into GOOD, the value put there (... takes the member out), the check that must break.
CARD = ("cards", 0)
SUGGESTION = (*CARD, "suggestions", 0)
ACTIONS = (*SUGGESTION, "actions")
FAULTS: list[tuple[tuple[str | int, ...], Any, str]] = [
    ((*CARD, "summary"), "x" * 140, "card.summary"),
    ((*CARD, "summary"), ..., "card.summary"),
    ((*CARD, "indicator"), "hard-stop", "card.indicator"),
    ((*CARD, "indicator"), ..., "card.indicator"),
    ((*CARD, "source"), "S", "card.source card.topic"),
    ((*CARD, "source", "label"), ..., "card.source"),
    ((*CARD, "source", "url"), "/x", "card.source-urls"),
    ((*CARD, "source", "icon"), "icon.png", "card.source-urls"),
    ((*CARD, "source", "topic", "system"), ..., "card.topic"),
    ((*CARD, "detail"), 1, "card.detail"),
    ((*CARD, "detail"), None, "card.detail card.nulls"),
    ((*CARD, "links", 0, "x"), None, "card.nulls"),
    ((*CARD, "detail"), "", "card.empties"),
    ((*CARD, "overrideReasons"), [], "card.empties"),
    (("systemActions",), [], "card.empties card.system-actions"),
    ((*CARD, "uuid"), ..., "card.uuid"),
    ((*CARD, "uuid"), "1", "card.uuid"),
    ((*CARD, "uuid"), UUIDS[3], "card.unique"),
    ((*SUGGESTION, "uuid"), UUIDS[2].upper(), "card.unique"),
    ((*CARD, "selectionBehavior"), ..., "card.selection-behavior"),
    ((*CARD, "selectionBehavior"), "all", "card.selection-behavior"),
    ((*CARD, "suggestions", 1, "isRecommended"), True, "card.recommended"),
    ((*CARD, "suggestions", 1, "isRecommended"), "yes", "card.recommended"),
    ((*SUGGESTION, "label"), ..., "card.suggestion-label"),
    ((*SUGGESTION, "uuid"), ..., "card.suggestion-uuid"),
    ((*SUGGESTION, "actionSelectionBehavior"), "all", "card.action-grouping"),
    (ACTIONS, {"type": "create"}, "card.actions"),
    ((*ACTIONS, 0, "type"), "add", "card.action-type"),
    ((*ACTIONS, 0, "description"), ..., "card.action-description"),
    ((*ACTIONS, 0, "resource"), ..., "card.action-resource"),
    ((*ACTIONS, 0, "resource", "resourceType"), 5, "card.action-resource"),
    ((*ACTIONS, 1, "resource", "id"), ..., "card.action-resource"),
    ((*ACTIONS, 2, "resourceId"), "https://a.example/Task/2", "card.action-delete"),
    ((*ACTIONS, 2, "resource"), {"resourceType": "Task"}, "card.action-delete"),
    ((*CARD, "overrideReasons", 0, "display"), ..., "card.override-reasons"),
    ((*CARD, "overrideReasons", 0, "system"), ..., "card.override-reasons"),
    ((*CARD, "links", 0, "label"), ..., "card.link"),
    ((*CARD, "links", 0, "url"), "javascript:alert(1)", "card.link"),
    ((*CARD, "links", 0, "type"), "launch", "card.link"),
    ((*CARD, "links", 0, "appContext"), "c", "card.absolute-context"),
    ((*CARD, "links", 1, "appContext"), {"a": 1}, "card.link-members"),
    ((*CARD, "links", 1, "autolaunchable"), "yes", "card.link-members"),
    (("extension",), [1], "card.extension"),
    (("systemActions",), [{"type": "add", "description": "d"}], "card.system-actions card.action-type"),
]


def judged(answer: Any) -> tuple[Result, ...]:
    """The results of the card rules for one answer."""
    book = Book(cards.CHECKS)
    cards.lint(book, "x", answer)
    return book.results()


def broken(answer: Any) -> set[str]:
    """The ids of the broken rules."""
    return {row.check.id for row in judged(answer) if row.broken}


def test_a_good_answer_breaks_nothing_and_every_rule_looks_at_it() -> None:
    """The baseline: no rule sleeps."""
    assert all(row.outcome.value == "pass" for row in judged(GOOD))


@pytest.mark.parametrize(("path", "value", "expected"), FAULTS)
def test_a_fault_in_a_card_breaks_its_own_rule(path: tuple[str | int, ...], value: Any, expected: str) -> None:
    """One fault, the rules it concerns."""
    answer = copy.deepcopy(GOOD)
    place: Any = answer
    for step in path[:-1]:
        place = place[step]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    assert broken(answer) == set(expected.split())


def test_null_inside_an_array_of_a_resource_is_fhir() -> None:
    """FHIR JSON pads arrays of primitives with null."""
    answer = copy.deepcopy(GOOD)
    name = {"given": [None, "A"], "_given": [{"extension": [{"url": "u"}]}, None]}
    answer["cards"][0]["suggestions"][0]["actions"][0]["resource"] |= {"name": [name]}
    assert broken(answer) == set()


@pytest.mark.parametrize(
    "answer", [None, [], "x", 1, {"cards": "x"}, {"cards": [1, None]}, {"cards": [{"links": [1]}]}]
)
def test_what_is_no_answer_does_not_break_the_doctor(answer: Any) -> None:
    """Nonsense of any shape is judged or passed over."""
    judged(answer)


def test_evidence_names_the_place_and_never_the_text() -> None:
    """Cards hold patient data; reports are sent by mail."""
    answer = copy.deepcopy(GOOD)
    answer["cards"][0] |= {"summary": "Jane Doe " * 20, "indicator": "Jane", "source": {"label": "", "url": "Jane Doe"}}
    told = " ".join(one.found for row in judged(answer) for one in row.observations)
    assert "Jane" not in told
    assert "cards[0].summary has 180 characters" in told


TEMPLATES = [
    ("patient-view", "Patient/{{context.patientId}}", ""),
    ("patient-view", "{{context.userId}}", ""),
    ("patient-view", "Practitioner/{{userPractitionerId}}", ""),
    ("patient-view", "Observation?patient={{context.patientId}}&code=http://loinc.org|1,|2&_count=5", ""),
    ("patient-view", "Observation?patient={{context.patientId}}&date=ge2026-01-01&_sort=-date&_count=5", ""),
    ("patient-view", "Observation?patient={{context.patientId}}&code:in=http://vs&_count=5", ""),
    ("order-dispatch", "{{context.performer}}", ""),
    ("org.example.hook", "Patient/{{context.anything}}", ""),
    ("order-dispatch", "Encounter/{{context.encounterId}}", "prefetch.tokens"),
    ("order-sign", "MedicationRequest?_id={{context.draftOrders.entry.resource.id}}&_count=5", "prefetch.tokens"),
    ("order-select", "Task/{{context.selections}}", "prefetch.tokens"),
    ("patient-view", "Observation?date=ge{{today() - 90 days}}&_count=5", "prefetch.tokens"),
    ("patient-view", "Patient/{{Patient.id}}", "prefetch.tokens"),
    ("patient-view", "Patient/{{context.patientId}", "prefetch.delimiters"),
    ("patient-view", "Patient/{{{context.patientId}}}", "prefetch.delimiters"),
    ("patient-view", "http://ehr/Patient/{{context.patientId}}", "prefetch.form"),
    ("patient-view", "Patient/{{context.patientId}}/$everything", "prefetch.form"),
    ("patient-view", "?patient={{context.patientId}}", "prefetch.form"),
    ("patient-view", "Observation?patient={{context.patientId}}&_include=Observation:subject&_count=5",
     "prefetch.parameters"),
    ("patient-view", "Observation?subject.name=x&_count=5", "prefetch.parameters"),
    ("patient-view", "Observation?patient={{context.patientId}}&date=sa2026-01-01&_count=5", "prefetch.parameters"),
    ("patient-view", "Observation?patient={{context.patientId}}", "prefetch.count"),
]  # fmt: skip


@pytest.mark.parametrize(("hook", "text", "expected"), TEMPLATES)
def test_templates_are_judged_by_the_specification(hook: str, text: str, expected: str) -> None:
    """A template breaks the one rule that it should."""
    book = Book(templates.CHECKS)
    templates.lint(book, "x", hook, text)
    assert {row.check.id for row in book.results() if row.broken} == set(expected.split())
