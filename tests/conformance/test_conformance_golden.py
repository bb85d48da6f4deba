"""The specification's own examples: what is done with each (golden/README.md says where they are from)."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from cds_hooks import linter
from cds_hooks.context import Fields
from cds_hooks.services import known_hooks
from cds_hooks.templates import faults_in_template

Golden = Callable[[str], Any]
HOOKS = known_hooks()
FOLDER = Path(__file__).parent / "golden"
# Example → what is noted about it, in order. All but one are answered.
CONTEXTS = {
    "patient-view": (),
    "encounter-start": (),
    "encounter-discharge": (),
    "order-select": (),
    "order-sign": (),
    "appointment-book": ("appointments as a list",),
    "order-dispatch": ("order-dispatch 1.1 names with hyphens", "order-dispatch 1.1 names with hyphens"),
    "order-dispatch-1.0": ("order-dispatch 1.0 names", "order-dispatch 1.0 names"),
    "allergyintolerance-create": ("allergyIntolerance wrapped as an entry",),
    "medication-refill": (),
    "problem-list-item-create": (),
}


def about_ours(caller: Any, context: dict[str, Any], hook: str) -> dict[str, Any]:
    """A call with an example's context, and our own data about its patient."""
    prefetch = deepcopy(caller.prefetch())
    prefetch["patient"]["id"] = "1288992"
    prefetch["labs"]["entry"][0]["resource"]["subject"]["reference"] = "Patient/1288992"
    return dict(caller.body(hook, context=context, prefetch=prefetch))


def test_every_example_has_its_test() -> None:
    """A file that nobody reads proves nothing."""
    text = Path(__file__).read_text("utf-8")
    for path in FOLDER.glob("*.json"):
        assert f'"{path.stem.removeprefix("context_")}"' in text, path.stem


@pytest.mark.conforms(107)
@pytest.mark.parametrize("example", CONTEXTS)
def test_the_example_of_each_hook_is_read(example: str, caller: Any, golden: Golden) -> None:
    """Over HTTP, on a service of that hook; deviations of the example from its own table are noted."""
    hook = example.removesuffix("-1.0")
    context = golden(f"context_{example}")["context"]
    assert HOOKS[hook].read(Fields(context)).deviations == CONTEXTS[example]
    answer = caller.post(about_ours(caller, context, hook))
    if example == "appointment-book":  # its appointments are for Patient/example, the call is about 1288992
        assert answer.status_code == 422
        text = repr(context).replace("Patient/example", "Patient/1288992")
        answer = caller.post(about_ours(caller, eval(text), hook))
    assert answer.status_code == 200, answer.text
    kept = answer.get_json()["extension"]["org.chartside.outcome"]["advice"]
    entry = caller.house.ledger.find(kept, client="ward", patient_id="1288992")
    assert (entry.hook, entry.encounter_id is None) == (hook, "encounterId" not in context)


@pytest.mark.conforms(28, 33, 39)
def test_the_example_request(caller: Any, golden: Golden) -> None:
    """Its envelope is read whole; the data of its own service are not those that ours needs, so it is 412."""
    answer = caller.post(golden("request"))
    assert answer.status_code == 412
    assert "'patient'" in answer.text or "'labs'" in answer.text
    sent = golden("request")
    sent["prefetch"] = about_ours(caller, sent["context"], "patient-view")["prefetch"] | sent["prefetch"]
    assert caller.post(sent).status_code == 200


@pytest.mark.conforms(33, 107)
def test_the_example_request_with_an_extension(caller: Any, golden: Golden) -> None:
    """Its context lacks the patient, which the hook requires; with one it is answered, extension and all."""
    sent = golden("request_extension")
    assert "context.patientId" in caller.post(sent).text
    sent["context"]["patientId"] = "1288992"
    sent["prefetch"] = about_ours(caller, sent["context"], "patient-view")["prefetch"]
    assert caller.post(sent).status_code == 200


@pytest.mark.conforms(38)
def test_the_example_request_with_paged_prefetch(caller: Any, golden: Golden) -> None:
    """Read as it stands; its paged key is another service's. Paged under our key, the answer says what is missing."""
    sent = golden("request_paged_prefetch")
    assert caller.post(sent).status_code == 412
    ours = about_ours(caller, sent["context"], "order-sign")["prefetch"]
    ours["labs"]["link"] = sent["prefetch"]["orders"]["link"]
    answer = caller.post({**sent, "prefetch": ours})
    assert "Read only in part" in answer.get_json()["cards"][0]["detail"]


@pytest.mark.conforms(8, 9, 10, 11, 12)
def test_the_example_discovery(caller: Any, golden: Golden) -> None:
    """Ours says everything that the example says, in the same types."""
    example = golden("discovery")
    ours = caller.http.get("/cds-services").get_json()
    assert {name: type(value) for name, value in ours.items()} == {n: type(v) for n, v in example.items()}
    for service in ours["services"]:
        for theirs in example["services"]:
            assert {n: type(v) for n, v in theirs.items()}.items() <= {n: type(v) for n, v in service.items()}.items()


@pytest.mark.conforms(20, 21, 23)
def test_the_example_templates(golden: Golden) -> None:
    """What the linter says of each; two examples go beyond the recommended subset, and FHIRPath is of the ballot."""
    found = {
        key: bool(faults_in_template(template, HOOKS["patient-view"]))
        for key, template in golden("prefetch_templates")["prefetch"].items()
    }
    assert found == {
        "patient": False,
        "hemoglobin-a1c": True,  # sort:desc is of DSTU2
        "diabetes-type2": True,  # no _count
        "user": True,  # no _count
        "labsFromLastQuarter": True,  # a computed date
    }


@pytest.mark.conforms(46, 47, 49, 51, 53, 54, 75)
@pytest.mark.parametrize(
    ("example", "words"),
    [
        ("response_empty", []),
        ("response_cards", ["topic", "uuid", "leads away"]),
        ("response_autolaunchable", ["indicator", "topic", "leads away", "autolaunchable"]),
        ("response_system_action", ["a member other than cards"]),
    ],
)
def test_the_example_answers(example: str, words: list[str], golden: Golden) -> None:
    """The linter knows their form. It asks more of us: uuid and topic on every card, no links to other hosts."""
    found = list(linter.faults_in(golden(example), "http://127.0.0.1:8100"))
    assert bool(found) == bool(words)
    for word in words:
        assert word in " ".join(found)
    for rule in ("summary", "empty", "selectionBehavior", "override reason", "label"):
        assert rule not in " ".join(found)


@pytest.mark.conforms(69, 70, 71, 72, 73)
def test_the_example_actions(caller: Any, golden: Golden) -> None:
    """Update and delete pass the linter; the create does not, for it gives its new resource an id."""
    for action in golden("response_actions")["actions"]:
        card = caller.card()
        card["suggestions"][0]["actions"] = [action]
        found = list(linter.faults_in({"cards": [card]}, "http://127.0.0.1:8100"))
        assert bool(found) == (action["type"] == "create")
        assert all("has an id already" in fault for fault in found)


@pytest.mark.conforms(39, 44)
def test_the_example_of_an_error(caller: Any, golden: Golden) -> None:
    """Our 412 says all that the example says, but for its id and its FHIRPath; nothing else would help the caller."""
    example = golden("operation_outcome_412")
    ours = caller.post(caller.body(prefetch={})).get_json()
    assert example.keys() - ours.keys() == {"id"}
    assert example["issue"][0].keys() - ours["issue"][0].keys() == {"expression"}


@pytest.mark.conforms(80, 81, 82, 83)
@pytest.mark.parametrize("example", ["feedback_accepted", "feedback_overridden", "feedback_overridden_with_reason"])
def test_the_example_feedback(example: str, caller: Any, golden: Golden) -> None:
    """Taken as it stands (its card is nobody's, so it does not count); for a card of ours it counts."""
    sent = golden(example)
    assert caller.http.post("/cds-services/all-hooks/feedback", json=sent).get_json()["quarantined"] == 1
    card = caller.card()
    (item,) = sent["feedback"]
    item |= {"card": card["uuid"], "outcomeTimestamp": caller.overridden(card)["outcomeTimestamp"]}
    if "acceptedSuggestions" in item:
        item["acceptedSuggestions"] = caller.accepted(card)["acceptedSuggestions"]
    assert caller.http.post("/cds-services/all-hooks/feedback", json=sent).get_json()["stored"] == 1


@pytest.mark.conforms(92, 93)
def test_the_example_jwt(caller: Any, golden: Golden) -> None:
    """Its claims with our issuer, key and time; as it stands it is years too old, and valid for years."""
    example = golden("jwt")
    ours = dict.fromkeys(("iss", "aud", "exp", "iat", "jti"))
    now = int(caller.now.timestamp())
    claims = {
        **ours,
        **example["payload"],
        "iss": "https://hospital.test",
        "aud": "http://127.0.0.1:8100/cds-services",
    }
    header = {**example["header"], "kid": "k1", "jku": f"{caller.ehr.url}/jwks.json"}

    def send(**times: int) -> int:
        headers = caller.signed("/cds-services", header=header, **{**claims, **times})
        return int(caller.http.get("/cds-services", headers=headers).status_code)

    assert send() == 401
    assert send(iat=now, exp=now + 300) == 200
