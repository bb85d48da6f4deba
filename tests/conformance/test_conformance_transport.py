"""Transport and JSON (rows 1 to 6), extensions and hook names (104 to 108)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from cds_hooks.services import known_hooks
from chartside.settings import from_environment
from clinical.errors import SettingsInvalid

LIBRARY = {
    "patient-view", "encounter-start", "encounter-discharge", "order-select", "order-sign", "appointment-book",
    "order-dispatch", "allergyintolerance-create", "medication-refill", "medication-verify", "problem-list-item-create",
}  # fmt: skip


def answers(caller: Any) -> list[Any]:
    """One answer of each kind: discovery, card, no card, feedback, and errors."""
    card = caller.post(caller.body())
    return [
        caller.http.get("/cds-services"),
        card,
        caller.post(caller.body(prefetch={**caller.prefetch(), "labs": None})),
        caller.post(caller.body(context={**caller.body()["context"], "userId": "Patient/pat-1"})),
        caller.feedback(caller.overridden(card.get_json()["cards"][0])),
        caller.post({}),
        caller.post(caller.body(prefetch=...)),
        caller.http.get("/cds-services", environ_base={"REMOTE_ADDR": "10.0.0.9"}),
    ]


def members(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value of a JSON text with its path."""
    yield path, value
    rows = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, member in rows:
        yield from members(member, f"{path}.{name}")


@pytest.mark.conforms(1)
def test_a_public_base_url_is_https() -> None:
    """The service does not start with a plain http URL that is not this machine's own."""
    for url in ("http://chartside.hospital.example", "ftp://chartside.hospital.example"):
        with pytest.raises(SettingsInvalid, match="CHARTSIDE_BASE_URL must be an https URL"):
            from_environment({"CHARTSIDE_BASE_URL": url})


@pytest.mark.conforms(2, 5)
def test_every_answer_is_plain_json(caller: Any) -> None:
    """In UTF-8, of the type application/json, with no comment or trailing comma (the standard parser knows neither)."""
    for answer in answers(caller):
        assert answer.mimetype in ("application/json", "application/fhir+json")
        json.loads(answer.data.decode("utf-8"), parse_constant=pytest.fail)


@pytest.mark.conforms(2)
def test_only_json_is_taken(caller: Any) -> None:
    """Another content type is 415, what is no JSON object is 400."""
    path = "/cds-services/all-hooks"
    assert caller.http.post(path, data="hook=patient-view").status_code == 415
    for data in (b"{", b"[]", b"{'hook': 1}", b'{"a": 1,}', b'{"a": 1} // x', b""):
        assert caller.http.post(path, data=data, content_type="application/json").status_code == 400


@pytest.mark.conforms(3, 4)
def test_no_answer_holds_null_or_an_empty_member(caller: Any) -> None:
    """Anywhere, but for the lists cards and services."""
    for answer in answers(caller):
        for path, value in members(answer.get_json()):
            assert value is not None, path
            assert value not in ("", {}), path
            assert value != [] or path in (".cards", ".services"), path


@pytest.mark.conforms(104, 105)
def test_our_extensions_are_objects_under_reverse_domain_names(caller: Any) -> None:
    """Wherever one stands."""
    found = [v for answer in answers(caller) for p, v in members(answer.get_json()) if p.endswith(".extension")]
    assert found
    for extension in found:
        for name, value in extension.items():
            assert re.fullmatch(r"[a-z]+(\.[A-Za-z0-9-]+){2,}", name)
            assert isinstance(value, dict)


@pytest.mark.conforms(106)
def test_no_hook_name_is_made_up(caller: Any) -> None:
    """Every hook is one of the library; its reverse-domain names are left to those who define hooks of their own."""
    assert {service["hook"] for service in caller.discovery()} <= LIBRARY
    assert set(known_hooks()) <= LIBRARY


@pytest.mark.conforms(108)
@pytest.mark.parametrize("user", ["dr-1", "Practitioner", "Practitioner/", "/dr-1", "Practitioner/dr/1", "Device/1", 7])
def test_a_user_is_type_and_id(user: object, caller: Any) -> None:
    """And somebody, not something."""
    context = {**caller.body()["context"], "userId": user}
    assert caller.post(caller.body(context=context)).status_code == 400


@pytest.mark.conforms(6)
def test_a_client_certificate_counts_beside_a_token(caller: Any) -> None:
    """Where the registry lists one, the token alone is not enough; the fingerprint comes from the proxy."""

    def call(headers: dict[str, str]) -> int:
        signed = caller.signed("/cds-services", client="sealed")
        return int(caller.http.get("/cds-services", headers={**signed, **headers}).status_code)

    assert call({}) == 401
    assert call({"X-Client-Cert": "cd" * 32}) == 401
    assert call({"X-Client-Cert": "ab" * 32}) == 200
