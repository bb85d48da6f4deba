"""The keys that the sign-in file may have, what each value must be, and what is wrong with a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from chartside.clients.keys import Key
from chartside.settings import is_web_url
from fhir_adapters.smart.client_authentication import METHODS
from fhir_adapters.smart.people_sign_in import KINDS, OIDC, SMART
from oversight.pages.door.roles import Role

MAX_TEXT = 500
# Which key says where the server is, by kind; and which file goes with which way to prove which app asks.
BASES = {OIDC: "issuer", SMART: "fhir_base"}
FILES = {"basic": "secret_file", "private_key_jwt": "key_file"}
SCOPES = {OIDC: ("openid", "profile"), SMART: ("openid", "fhirUser")}
NEEDED_SCOPES = {OIDC: ("openid",), SMART: ("openid", "fhirUser")}


def _is_text(value: object) -> bool:
    """One line of text that is not empty."""
    return isinstance(value, str) and value.isprintable() and value == value.strip() and 0 < len(value) <= MAX_TEXT


def _are_texts(values: list[object]) -> bool:
    """Some texts, each once."""
    return bool(values) and all(map(_is_text, values)) and len(set(map(str, values))) == len(values)


def _are_scopes(values: list[object]) -> bool:
    """Some scopes: texts without a space."""
    return _are_texts(values) and not any(" " in str(value) for value in values)


def _is_way(value: object) -> bool:
    """The name of a claim, or names."""
    return _are_texts(value) if isinstance(value, list) else _is_text(value)


def _number(low: float, high: float) -> Key:
    """A number within bounds."""
    return Key((int, float), f"a number from {low:g} to {high:g}", lambda value: low <= value <= high)


_TEXT = Key((str,), "one line of text", _is_text)
_URL = Key((str,), "an https URL (http only on this machine)", lambda value: _is_text(value) and is_web_url(value))
_NAMES = Key((list,), "a list of texts, each once", _are_texts)

KEYS: Mapping[str, Key] = {
    "kind": Key((str,), " or ".join(KINDS), KINDS.__contains__),
    "label": _TEXT,
    "issuer": _URL,
    "fhir_base": _URL,
    "client_id": _TEXT,
    "authentication": Key((str,), " or ".join(METHODS), METHODS.__contains__),
    "secret_file": _TEXT,
    "key_file": _TEXT,
    "scopes": Key((list,), "a list of scopes, each once", _are_scopes),
    "name_claim": _TEXT,
    "roles_claim": Key((str, list), "the name of a claim, or a list of names that lead to one", _is_way),
    "roles": Key((dict,), "a table", lambda _: True),
    "people": Key((dict,), "a table", lambda _: True),
    "idle_minutes": _number(1, 60),
    "longest_hours": _number(1, 12),
    "max_age_minutes": _number(0, 1440),
}
REQUIRED = ("kind", "label", "client_id")


def faults_of(row: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with a file, but for the files that it names."""
    yield from (f"has the unknown key '{key}'." for key in sorted(row.keys() - KEYS.keys()))
    yield from (fault for key, value in row.items() if key in KEYS and (fault := KEYS[key].fault(key, value)))
    yield from (f"lacks '{key}'." for key in REQUIRED if key not in row)
    yield from _server_faults(row)
    for table in ("roles", "people"):
        yield from _role_faults(table, row.get(table, {}))
    if not row.get("roles") and not row.get("people"):
        yield "has neither [roles] nor [people], so nobody would have a role."
    if bool(row.get("roles")) != ("roles_claim" in row):
        yield "needs 'roles_claim' and [roles] together: the claim, and which of its values gives which role."


def _server_faults(row: Mapping[str, Any]) -> Iterator[str]:
    """Where the server is, and how we prove which app asks."""
    kind, method = row.get("kind"), row.get("authentication", "public")
    for name, key in BASES.items():
        if kind == name and key not in row:
            yield f"lacks '{key}'."
        if kind in BASES and kind != name and key in row:
            yield f"has '{key}', which is used with kind '{name}' only."
    for name, key in FILES.items():
        if (key in row) != (method == name):
            yield f"needs '{key}' with authentication '{name}', and with no other."
    scopes = row.get("scopes")
    missing = [scope for scope in NEEDED_SCOPES.get(str(kind), ()) if isinstance(scopes, list) and scope not in scopes]
    yield from (f"has 'scopes' without '{scope}'." for scope in missing)


def _role_faults(table: str, rows: object) -> Iterator[str]:
    """What is wrong with a table of roles."""
    for name, values in rows.items() if isinstance(rows, dict) else ():
        if name not in set(Role):
            yield f"has the unknown role '{name}' in [{table}]; there are: {', '.join(Role)}."
        elif fault := _NAMES.fault(name, values):
            yield f"[{table}] {fault}"
