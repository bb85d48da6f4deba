"""The client registry: one TOML entry for each EHR that may call. docs/settings.md explains each key."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from chartside.settings import is_web_url
from clinical import strict_json
from clinical.errors import ChartsideError, SettingsInvalid


@dataclass(frozen=True, slots=True)
class Client:
    """One EHR. `keys` is a JWK Set or the URL of one; `smart_client_id` is empty where the SMART app is not used."""

    id: str
    name: str
    authentication: str
    fhir_base: str
    issuer: str = ""
    keys: Mapping[str, object] | str = ""
    audiences: tuple[str, ...] = ()
    max_token_seconds: int = 300
    origins: tuple[str, ...] = ()
    smart_client_id: str = ""
    show_from: float | None = None
    shadow: bool = False
    intensive_care_locations: tuple[str, ...] = ()


# Key → the types that TOML may give for it.
KEYS: Mapping[str, tuple[type, ...]] = {
    "name": (str,),
    "authentication": (str,),
    "fhir_base": (str,),
    "issuer": (str,),
    "jwks_url": (str,),
    "jwks_file": (str,),
    "audiences": (list,),
    "max_token_seconds": (int,),
    "origins": (list,),
    "smart_client_id": (str,),
    "show_from": (int, float),
    "shadow": (bool,),
    "intensive_care_locations": (list,),
}


def load_clients(path: Path) -> tuple[Client, ...]:
    """Read the registry. Raises `SettingsInvalid` that lists every fault at once."""
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as fault:
        raise SettingsInvalid(f"The client registry {path.name} cannot be read ({type(fault).__name__}).") from None
    rows = table.get("clients")
    if not isinstance(rows, dict) or not rows:
        raise SettingsInvalid(f"The client registry {path.name} has no [clients.<id>] entry.")
    faults = [f"[clients.{name}] {fault}" for name, row in rows.items() for fault in _faults(row)]
    faults += _clashes(rows)
    if faults:
        raise SettingsInvalid("The client registry does not hold together:\n  " + "\n  ".join(faults))
    return tuple(_client(name, row, path.parent) for name, row in rows.items())


def _faults(row: object) -> Iterator[str]:
    """What is wrong with one entry."""
    if not isinstance(row, dict):
        yield "is not a table."
        return
    yield from (f"has the unknown key '{key}'." for key in row.keys() - KEYS.keys())
    yield from (
        f"has a '{key}' of the wrong type."
        for key, value in row.items()
        if key in KEYS and (type(value) not in KEYS[key] or (type(value) is list and not _texts(value)))
    )
    yield from (f"lacks '{key}'." for key in ("name", "authentication", "fhir_base") if key not in row)
    if "fhir_base" in row and not is_web_url(str(row["fhir_base"])):
        yield "has a 'fhir_base' that is not an https URL (http only on this machine)."
    yield from _trust_faults(row)


def _trust_faults(row: Mapping[str, object]) -> Iterator[str]:
    """What is wrong with how a client proves who it is."""
    authentication = row.get("authentication")
    if authentication not in ("jwt", "loopback", None):
        yield "has an 'authentication' other than jwt or loopback."
    if authentication == "jwt":
        if not row.get("issuer"):
            yield "lacks 'issuer'."
        if ("jwks_url" in row) == ("jwks_file" in row):
            yield "needs either 'jwks_url' or 'jwks_file'."
        if "jwks_url" in row and not is_web_url(str(row["jwks_url"])):
            yield "has a 'jwks_url' that is not an https URL (http only on this machine)."


def _clashes(rows: Mapping[str, object]) -> list[str]:
    """Issuers that two entries claim, and more than one loopback entry."""
    tables = [row for row in rows.values() if isinstance(row, dict)]
    issuers = [row["issuer"] for row in tables if row.get("issuer")]
    clashes = [f"Two entries have the issuer {issuer}." for issuer in {i for i in issuers if issuers.count(i) > 1}]
    if sum(row.get("authentication") == "loopback" for row in tables) > 1:
        clashes.append("More than one entry has authentication 'loopback'.")
    return clashes


def _texts(values: list[object]) -> bool:
    """Whether a list holds only text."""
    return all(isinstance(value, str) for value in values)


def _client(name: str, row: dict[str, object], folder: Path) -> Client:
    """A checked entry as a `Client`."""
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}
    values.pop("jwks_url", None)
    values.pop("jwks_file", None)
    values["fhir_base"] = str(row["fhir_base"]).rstrip("/")
    keys = _keys(str(row["jwks_file"]), folder) if "jwks_file" in row else str(row.get("jwks_url", ""))
    return Client(id=name, keys=keys, **values)  # type: ignore[arg-type]


def _keys(name: str, folder: Path) -> Mapping[str, object]:
    """A JWK Set from a file beside the registry."""
    try:
        keys = strict_json.loads((folder / name).read_bytes())
    except (OSError, ChartsideError):
        keys = None
    if not isinstance(keys, Mapping) or not isinstance(keys.get("keys"), list):
        raise SettingsInvalid(f"The key file {name} cannot be read or is not a JWK Set.")
    return keys
