"""Reads the sign-in file."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from chartside.clients.smart_entry import read_keys, read_secret
from chartside.sign_in.entry import SignInEntry
from chartside.sign_in.keys import BASES, FILES, SCOPES, faults_of
from clinical.errors import SettingsInvalid
from fhir_adapters.smart.client_authentication import Basic, ClientAuthentication, PrivateKeyJwt, Public
from oversight.pages.door.roles import Role
from oversight.pages.door.visits import Limits


def load_sign_in(path: Path | None) -> SignInEntry | None:
    """Read the file, if one is set. Raises `SettingsInvalid` that lists every fault at once."""
    if path is None:
        return None
    try:
        row = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as fault:
        raise SettingsInvalid(f"The sign-in file {path.name} cannot be read ({type(fault).__name__}).") from None
    except tomllib.TOMLDecodeError as fault:
        raise SettingsInvalid(f"The sign-in file {path.name} cannot be read: {fault}.") from None
    faults = [*faults_of(row), *_file_faults(row, path.parent)]
    if faults:
        raise SettingsInvalid(f"The sign-in file {path.name} does not hold together:\n  It " + "\n  It ".join(faults))
    return _entry(row, path.parent)


def _file_faults(row: Mapping[str, Any], folder: Path) -> Iterator[str]:
    """What is wrong with the secret file or the key file, if the right one is named."""
    try:
        if isinstance(row.get(FILES.get(str(row.get("authentication")), "")), str):
            _authentication(row, folder)
    except SettingsInvalid as fault:
        yield fault.message


def _entry(row: Mapping[str, Any], folder: Path) -> SignInEntry:
    """A checked file as an entry."""
    usual, way = Limits(), row.get("roles_claim", ())
    return SignInEntry(
        kind=row["kind"],
        base=row[BASES[row["kind"]]],
        client_id=row["client_id"],
        label=row["label"],
        scopes=tuple(row.get("scopes", SCOPES[row["kind"]])),
        authentication=_authentication(row, folder),
        roles_claim=(way,) if isinstance(way, str) else tuple(way),
        groups=_by_role(row.get("roles", {})),
        people=_by_role(row.get("people", {})),
        name_claim=row.get("name_claim", ""),
        idle=timedelta(minutes=row["idle_minutes"]) if "idle_minutes" in row else usual.idle,
        longest=timedelta(hours=row["longest_hours"]) if "longest_hours" in row else usual.longest,
        max_age=timedelta(minutes=row["max_age_minutes"]) if "max_age_minutes" in row else None,
    )


def _by_role(table: Mapping[str, list[str]]) -> Mapping[Role, frozenset[str]]:
    """Who or what gives each role."""
    return {Role(name): frozenset(values) for name, values in table.items()}


def _authentication(row: Mapping[str, Any], folder: Path) -> ClientAuthentication:
    """How we prove to the token endpoint which app asks. Raises `SettingsInvalid`."""
    if row.get("authentication") == "basic":
        return Basic(read_secret(folder / row["secret_file"]))
    if row.get("authentication") == "private_key_jwt":
        return PrivateKeyJwt(read_keys(folder / row["key_file"]))
    return Public()
