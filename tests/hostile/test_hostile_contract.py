"""schemathesis over the OpenAPI document: generated requests, good and bad, against the real application.

All of its checks are on. `positive_data_acceptance` takes 412 and 422 beside 2xx (`schemathesis.toml` says why). The
document calls a token optional, because clients on this machine need none by their registry entry; so `ignored_auth`
finds nothing to try here, and tokens have a class of their own in the corpus.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Set
from datetime import date
from pathlib import Path
from typing import Any

import schemathesis
from flask import Flask
from hypothesis import strategies as st
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import Status, from_schema
from schemathesis.engine.events import FatalError, NonFatalError, ScenarioFinished

from chartside.factory import House

CONFIG = Path(__file__).with_name("schemathesis.toml")
# Pages for people are another matter: they answer with HTML, to browsers with a cookie.
PAST, TODAY = date(2026, 2, 1), date(2026, 3, 1)
MACHINES = r"^/(?:cds-services.*|health|openapi\.json)$"


def on_this_machine(app: Flask) -> Callable[..., Any]:
    """The application with a peer; schemathesis names none."""
    return lambda environ, start: app({**environ, "REMOTE_ADDR": "127.0.0.1"}, start)


def test_generated_requests_find_nothing(open_app: Flask, hostile_house: House) -> None:
    """Examples, boundary values, random ones and sequences: no check of schemathesis fails."""
    # The document cannot say "not in the future", so generated times lie in the past.
    schemathesis.openapi.format("date-time", st.dates(PAST, TODAY).map(lambda day: f"{day}T08:00:00Z"))
    config = SchemathesisConfig.from_path(CONFIG)
    schema = schemathesis.openapi.from_wsgi("/openapi.json", on_this_machine(open_app), config=config)
    asked = {need.key for model in hostile_house.models.values() for need in model.needs}
    schema.hook("filter_body")(lambda _, body: _is_prefetch_of_resources(body, asked))
    seen: Counter[str] = Counter()
    found: list[str] = []
    for event in from_schema(schema.include(path_regex=MACHINES)).execute():
        assert not isinstance(event, NonFatalError | FatalError), event
        if isinstance(event, ScenarioFinished):
            rows = event.recorder.checks.values()
            seen.update(check.name for checks in rows for check in checks)
            answers = event.recorder.interactions
            found += [
                _told(check, answers[case].response)
                for case, checks in event.recorder.checks.items()
                for check in checks
                if check.status is Status.FAILURE
            ]
    assert found == []
    assert {"not_a_server_error", "status_code_conformance", "negative_data_rejection"} <= seen.keys()
    assert sum(seen.values()) > 1000


def _is_prefetch_of_resources(body: Any, asked: Set[str]) -> bool:
    """Whether nothing else than a resource stands under a key of discovery.

    The document cannot say so: each service asks for keys of its own, and under others anything passes. What happens
    to other values stands in the corpus.
    """
    sent = body.get("prefetch") if isinstance(body, dict) else None
    values = (sent[key] for key in asked & sent.keys()) if isinstance(sent, dict) else ()
    return all(value is None or _is_resource(value) for value in values)


def _is_resource(value: Any) -> bool:
    """Whether it is a resource, and no Bundle, which has rules of its own."""
    kind = value.get("resourceType") if isinstance(value, dict) else None
    return isinstance(kind, str) and kind not in ("", "Bundle")


def _told(check: Any, answer: Any) -> str:
    """A failed check in words, with the whole request and what was answered."""
    failure = check.failure_info.failure
    answered = f"{answer.status_code} {answer.text}" if answer else "no answer"
    return f"{check.name}: {failure.title}: {failure.message[:300]}\n{answered}\n{check.failure_info.code_sample}"
