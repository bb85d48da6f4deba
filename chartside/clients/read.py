"""Reads the registry file."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from chartside.clients.client import Client
from chartside.clients.faults import faults_of, read_key_file
from chartside.clients.smart_entry import KEY_FILE, SECRET_FILE, read_keys, read_secret
from clinical.errors import SettingsInvalid

# Keys whose values are not those of the client, but where they are.
_PLACE_KEYS = ("jwks_url", "jwks_file", SECRET_FILE, KEY_FILE)


def load_clients(path: Path) -> tuple[Client, ...]:
    """Read the registry. Raises `SettingsInvalid` that lists every fault at once."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise SettingsInvalid(f"The client registry {path.name} cannot be read ({type(fault).__name__}).") from None
    return read_clients(text, path.name, path.parent)


def read_clients(text: str, name: str, folder: Path) -> tuple[Client, ...]:
    """Read the text of a registry; `name` is for messages, key files lie in `folder`. Raises `SettingsInvalid`."""
    rows = _rows(text, name)
    faults = list(faults_of(rows, folder))
    if faults:
        raise SettingsInvalid("The client registry does not hold together:\n  " + "\n  ".join(faults))
    return tuple(_client(id_, row, folder) for id_, row in rows.items())


def asked_services(clients: Iterable[Client]) -> frozenset[str]:
    """The services that at least one client has a table for."""
    return frozenset(name for client in clients for name in client.services)


def check_services(clients: Iterable[Client], services: Collection[str]) -> None:
    """Refuse rules for services that are not there: a typo would switch them off. Raises `SettingsInvalid`."""
    faults = [
        f"[clients.{client.id}.services.{name}] is for no service; there are: {', '.join(sorted(services))}."
        for client in clients
        for name in client.services
        if name not in services
    ]
    if faults:
        raise SettingsInvalid("The client registry does not hold together:\n  " + "\n  ".join(faults))


def _rows(text: str, name: str) -> Mapping[str, Any]:
    """The entries by id, as TOML gives them."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        raise SettingsInvalid(f"The client registry {name} cannot be read: {fault}.") from None
    rows = table.get("clients")
    if not isinstance(rows, dict) or not rows:
        raise SettingsInvalid(f"The client registry {name} has no [clients.<id>] entry.")
    if len(table) > 1:
        others = ", ".join(sorted(f"'{key}'" for key in table.keys() - {"clients"}))
        raise SettingsInvalid(f"The client registry {name} holds {others} beside [clients.<id>] entries.")
    return rows


def _client(name: str, row: Mapping[str, Any], folder: Path) -> Client:
    """A checked entry as a `Client`."""
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}
    for key in _PLACE_KEYS:
        values.pop(key, None)
    values["fhir_base"] = row["fhir_base"].rstrip("/")
    values["fhir_hosts"] = tuple(host.rstrip("/") for host in row.get("fhir_hosts", []))
    values["certificates"] = tuple(mark.replace(":", "").lower() for mark in row.get("certificates", []))
    values["keys"] = read_key_file(folder / row["jwks_file"]) if "jwks_file" in row else row.get("jwks_url", "")
    values["jku"] = row.get("jwks_url", "")
    if SECRET_FILE in row:
        values["smart_secret"] = read_secret(folder / row[SECRET_FILE])
    if KEY_FILE in row:
        values["smart_keys"] = read_keys(folder / row[KEY_FILE])
    return Client(id=name, **values)
