"""The OpenAPI document against the routes of the application, and every answer of the corpus against the document."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from cds_hooks.services import known_hooks
from chartside.openapi import document
from hostile import good
from hostile.corpus import Case, build, load
from models.runtime.catalogue import read_manifests, served

CASES = [case for case in load() if case.group != "framing"]
PATHS = {
    "call": "/cds-services/{service_id}",
    "feedback": "/cds-services/{service_id}/feedback",
    "discovery": "/cds-services",
}


METHODS = {"get", "post", "put", "delete", "patch"}


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    """The document."""
    return document(good.BASE_URL, [good.SERVICE])


@pytest.fixture(scope="module")
def schema(described: dict[str, Any]) -> Callable[[str], Draft202012Validator]:
    """A validator for one of the document's schemas."""

    def of(name: str) -> Draft202012Validator:
        return Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": described["components"]})

    return of


def test_it_is_an_openapi_document(described: dict[str, Any]) -> None:
    """OpenAPI 3.1, with an id and a sentence for each operation, and for this deployment."""
    validate(described)
    operations = [
        operation for path in described["paths"].values() for name, operation in path.items() if name in METHODS
    ]
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    assert all(operation["summary"] for operation in operations)
    assert described["servers"] == [{"url": good.BASE_URL}]
    assert described["components"]["schemas"]["ServiceId"]["enum"] == [good.SERVICE]


def test_it_names_the_routes_of_the_application(described: dict[str, Any], open_app: Flask) -> None:
    """All of them with their methods, and no others."""
    routes = {
        re.sub(r"<(?:path:)?(\w+)>", r"{\1}", rule.rule): {m.lower() for m in (rule.methods or set())} & METHODS
        for rule in open_app.url_map.iter_rules()
    }
    assert {path: METHODS & set(item) for path, item in described["paths"].items()} == routes


def test_it_has_a_schema_for_each_hook(described: dict[str, Any]) -> None:
    """For the hooks that there are, and no others."""
    assert set(described["components"]["schemas"]["ServiceRequest"]["discriminator"]["mapping"]) == set(known_hooks())


def test_the_service_gives_it_away(open_app: Flask) -> None:
    """At `/openapi.json`, to anybody, and never from a cache."""
    answer = open_app.test_client().get("/openapi.json")
    assert answer.status_code == 200
    assert answer.get_json() == document(good.BASE_URL, sorted(served(read_manifests())))
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.group}: {case.name}")
def test_each_answer_is_one_that_it_announces(case: Case, bench: Any, described: dict[str, Any]) -> None:
    """The status stands at the operation, and the body is valid against the schema that stands there."""
    answer, _ = bench.run(case)
    path = str(case.spec.get("path", PATHS[case.door]))
    operation = described["paths"].get(path.replace(good.SERVICE, "{service_id}"), described["paths"][PATHS["call"]])
    method = case.spec.get("method", "GET" if case.door == "discovery" else "POST").lower()
    if method == "options":
        return
    responses = operation.get(method, operation.get("post", operation.get("get")))["responses"]
    found = responses[str(answer.status)]
    whole = described["components"]["responses"][found["$ref"].rsplit("/", 1)[1]] if "$ref" in found else found
    wanted = {"components": described["components"], **whole["content"]["application/json"]["schema"]}
    assert not list(Draft202012Validator(wanted).iter_errors(answer.json))


def test_good_requests_are_valid_and_bad_ones_mostly_are_not(bench: Any, schema: Callable[[str], Any]) -> None:
    """The schemas of requests are neither too narrow nor empty."""
    names = {"call": "ServiceRequest", "feedback": "FeedbackRequest"}
    verdicts: dict[str, list[bool]] = {"good": [], "types": [], "hook_contexts": [], "feedback": []}
    for case in CASES:
        if case.group in verdicts and case.door in names and not {"json", "list", "nested"} & _words(case):
            found = schema(names[case.door]).is_valid(build(case, bench.world).document)
            verdicts[case.group].append(found)
    assert verdicts.pop("good")
    assert all(verdicts.get("good", []))
    for group, found in verdicts.items():
        assert found.count(False) > 0.3 * len(found), group


def _words(case: Case) -> set[str]:
    """The kinds of changes of a case; those with raw JSON leave no document to look at."""
    return {word for change in case.spec.get("change", ()) for word in change}
