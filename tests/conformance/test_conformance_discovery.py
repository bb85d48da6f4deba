"""Discovery and prefetch templates (rows 7 to 26), and the data that are asked for (103)."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from cds_hooks.services import Services, known_hooks
from cds_hooks.templates import faults_in_template
from chartside.factory import create_app
from clinical.errors import SettingsInvalid
from clinical.need import DataNeed
from conformance_plugin import PAGE, page
from models.runtime.catalogue import load_models

HOOKS = known_hooks()
COMPLEX = ("draftOrders", "selections", "appointments", "fulfillmentTasks", "medications", "conditions")


def templates(caller: Any) -> list[tuple[str, str]]:
    """Hook and template of everything that is published, by the stand-ins and by the models that are shipped."""
    return [(s["hook"], t) for s in [*caller.discovery(), *shipped()] for t in s["prefetch"].values()]


@cache
def shipped() -> list[Any]:
    """What is published of the models that are shipped."""
    found: list[Any] = Services(load_models().values()).discovery()["services"]  # type: ignore[assignment]
    return found


@pytest.mark.conforms(7)
def test_discovery_stands_at_one_path(caller: Any) -> None:
    """GET {base}/cds-services, and nothing else at that path."""
    assert caller.http.get("/cds-services").status_code == 200
    assert caller.http.post("/cds-services", json={}).status_code == 405
    assert caller.http.get("/cds-service").status_code == 404


@pytest.mark.conforms(8)
def test_discovery_is_an_object_with_a_list(caller: Any) -> None:
    """200, also where there is no service."""
    answer = caller.http.get("/cds-services")
    assert (answer.status_code, list(answer.get_json())) == (200, ["services"])
    empty = create_app(replace(caller.house, models={})).test_client().get("/cds-services")
    assert (empty.status_code, empty.get_json()) == (200, {"services": []})


@pytest.mark.conforms(9, 10, 11, 12, 14)
def test_a_service_says_what_it_is(caller: Any) -> None:
    """Hook, id, title, description and usage requirements, each a text."""
    for service in caller.discovery():
        for name in ("hook", "id", "title", "description", "usageRequirements"):
            assert isinstance(service[name], str), name
            assert service[name].strip(), name


@pytest.mark.conforms(11, 27)
def test_every_listed_service_can_be_called(caller: Any) -> None:
    """Its id stands in the URL as it is."""
    for service in caller.discovery():
        assert re.fullmatch(r"[A-Za-z0-9._~-]+", service["id"])
        assert caller.post(caller.body(service["hook"]), service["id"]).status_code == 200


@pytest.mark.conforms(11)
def test_an_id_that_is_no_path_segment_stops_the_start(caller: Any) -> None:
    """As does a key that two templates share."""
    model = caller.house.models["second"]
    for name in ("a/b", "a b", "ä", "", "?x"):
        spoilt = type(model)(name, ("patient-view",))
        with pytest.raises(SettingsInvalid, match="no part of a URL"):
            Services([spoilt])
    spoilt = type(model)("twice", ("patient-view",))
    spoilt.needs = (*model.needs, model.needs[0])
    with pytest.raises(SettingsInvalid, match="'patient' is used twice"):
        Services([spoilt])


@pytest.mark.conforms(13)
def test_prefetch_is_an_object_of_queries(caller: Any) -> None:
    """Key → text; left out where a service needs nothing."""
    for service in caller.discovery():
        assert all(isinstance(k, str) and isinstance(v, str) for k, v in service["prefetch"].items())
    bare = type(caller.house.models["second"])("bare", ("patient-view",))
    bare.needs = ()
    assert "prefetch" not in Services([bare]).discovery()["services"][0]  # type: ignore[index]


@pytest.mark.conforms(15, 16)
def test_versions_are_for_clients_that_know_them(caller: Any) -> None:
    """With the capability flag: the specification's and the hook's version; without it neither."""
    for service in caller.discovery(headers=caller.signed("/cds-services")):
        assert service["version"] == "2.0.1"
        assert service["hookVersion"] == HOOKS[service["hook"]].version
    for service in caller.discovery():
        assert not {"version", "hookVersion"} & service.keys()


@pytest.mark.conforms(16)
def test_hook_versions_are_the_published_ones() -> None:
    """Those of the hook library."""
    assert {name: hook.version for name, hook in HOOKS.items()} == {
        "patient-view": "1.0",
        "encounter-start": "1.0",
        "encounter-discharge": "1.0",
        "order-select": "1.0",
        "order-sign": "1.0",
        "appointment-book": "1.0",
        "order-dispatch": "1.1",
        "allergyintolerance-create": "0.1.0",
        "medication-refill": "0.1.0",
        "problem-list-item-create": "0.1.0",
    }


@pytest.mark.conforms(17)
def test_one_id_may_stand_on_several_hooks(caller: Any) -> None:
    """And several ids on one hook: every pair is there once."""
    pairs = [(service["id"], service["hook"]) for service in caller.discovery()]
    assert len(pairs) == len(set(pairs)) == 12
    assert {hook for name, hook in pairs if name == "all-hooks"} == set(HOOKS)


@pytest.mark.conforms(18)
def test_discovery_may_refuse(caller: Any) -> None:
    """A stranger gets 401."""
    assert caller.http.get("/cds-services", environ_base={"REMOTE_ADDR": "10.0.0.9"}).status_code == 401


@pytest.mark.conforms(19)
def test_people_can_read_what_is_there() -> None:
    """The page names every hook and the documents that explain the rest."""
    content = page({})
    for name, hook in HOOKS.items():
        assert f"| {name} | {hook.version} |" in content
    assert PAGE.name in (PAGE.parent / "integration.md").read_text("utf-8")


@pytest.mark.conforms(20)
def test_templates_are_relative_reads_and_searches(caller: Any) -> None:
    """`Type/…` or `Type?…`, nothing absolute and nothing at system level."""
    for _, template in templates(caller):
        assert re.fullmatch(r"[A-Z][A-Za-z]+(/[^/?]+|\?[^?]+)", template), template


@pytest.mark.conforms(21, 22)
def test_tokens_are_those_of_the_hook(caller: Any) -> None:
    """Root-level primitive fields in double braces, never an order or an appointment."""
    found = templates(caller)
    assert any("{{" in template for _, template in found)
    for hook, template in found:
        for token in re.findall(r"\{\{(.*?)\}\}", template):
            assert token.removeprefix("context.") in HOOKS[hook].tokens
        assert "{" not in re.sub(r"\{\{[A-Za-z.]+\}\}", "", template)
    for hook in HOOKS.values():
        assert not set(COMPLEX) & hook.tokens


@pytest.mark.conforms(23, 24)
def test_templates_keep_to_what_every_ehr_serves(caller: Any) -> None:
    """No fault by our own linter; every search is about the patient and bounded."""
    for hook, template in templates(caller):
        assert faults_in_template(template, HOOKS[hook]) == []
        if "?" in template:
            assert "patient={{context.patientId}}" in template
            assert re.search(r"_count=[1-9]", template)


@pytest.mark.conforms(20, 22, 23)
def test_a_template_that_breaks_a_rule_stops_the_start(caller: Any) -> None:
    """The fault names model, hook and key."""
    spoilt = type(caller.house.models["second"])("spoilt", ("patient-view", "order-sign"))
    spoilt.needs = (DataNeed("all", "Observation"),)
    with pytest.raises(
        SettingsInvalid, match="'spoilt' on the hook 'order-sign': Prefetch template 'all' has no '_count'"
    ):
        Services([spoilt])


@pytest.mark.conforms(25)
def test_no_template_depends_on_another(caller: Any) -> None:
    """So their order does not matter, and there is no circle."""
    assert not [template for _, template in templates(caller) if "%" in template]


@pytest.mark.conforms(103)
def test_only_what_the_models_need_is_asked_for(caller: Any) -> None:
    """One template for each need, of the needs' types; every answer is an entry in the ledger."""
    for service in caller.discovery():
        needs = {need.key: need.resource_type for need in caller.house.models[service["id"]].needs}
        asked = {key: re.split("[/?]", template)[0] for key, template in service["prefetch"].items()}
        assert asked == needs
    card = caller.card()
    assert caller.house.ledger.find(card["uuid"], client="ward", patient_id="pat-1")
