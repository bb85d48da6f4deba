"""What an entry says about the SMART page: its faults, its secret and its keys, and how that is registered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from chartside.clients.client import Client
from clinical import strict_json
from clinical.errors import ChartsideError, SettingsInvalid
from fhir_adapters.smart.client_authentication import Basic, ClientAuthentication, PrivateKeyJwt, Public
from fhir_adapters.smart.client_keys import ClientKey, read_client_keys
from fhir_adapters.smart.visit import Registration

SECRET_FILE, KEY_FILE = "smart_client_secret_file", "smart_key_file"
# Which file goes with which way to prove who we are.
FILES = {"basic": SECRET_FILE, "private_key_jwt": KEY_FILE}
MAX_SECRET = 500
# What the page may write into the record, where `smart_write_back` says so.
WRITTEN = ("Provenance", "RiskAssessment")


def smart_faults(row: Mapping[str, object], folder: Path) -> Iterator[str]:
    """What is wrong with the `smart_…` keys of an entry."""
    given = [key for key in row if key.startswith("smart_")]
    if given and "smart_client_id" not in row:
        yield f"has '{given[0]}' without 'smart_client_id', so it would have no effect."
    method = row.get("smart_authentication", "public")
    for name, key in FILES.items():
        if key in row and method != name:
            yield f"has '{key}', which is used with smart_authentication '{name}' only."
        if method == name and key not in row:
            yield f"has smart_authentication '{name}' and lacks '{key}'."
        if method == name and isinstance(row.get(key), str):
            yield from _file_faults(name, folder / str(row[key]))


def _file_faults(method: str, path: Path) -> Iterator[str]:
    """What is wrong with a secret file or a key file."""
    try:
        if method == "basic":
            read_secret(path)
        else:
            read_keys(path)
    except SettingsInvalid as fault:
        yield fault.message


def read_secret(path: Path) -> str:
    """One line of text. Raises `SettingsInvalid` that names the file and not its content."""
    try:
        secret = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        secret = ""
    if not secret or len(secret) > MAX_SECRET or not secret.isprintable():
        raise SettingsInvalid(f"names the secret file {path.name}, which cannot be read or is not one line of text.")
    return secret


def read_keys(path: Path) -> tuple[ClientKey, ...]:
    """The private keys, the one that signs first. Raises `SettingsInvalid` that names the file, not its content."""
    try:
        document = strict_json.loads(path.read_bytes())
    except (OSError, ChartsideError):
        document = None
    try:
        return read_client_keys(document)
    except SettingsInvalid as fault:
        raise SettingsInvalid(f"names the key file {path.name}, {fault.message}.") from None


def registration_of(client: Client) -> Registration:
    """How the page is registered at this EHR, for the launch."""
    return Registration(
        authentication=_authentication(client),
        scopes=client.smart_scopes,
        refresh=client.smart_refresh,
        writes=WRITTEN if client.smart_write_back else (),
        unproved_user=client.smart_unproved_user,
        style_origins=client.smart_style_origins,
    )


def _authentication(client: Client) -> ClientAuthentication:
    """How the page proves to the token endpoint which app it is."""
    if client.smart_authentication == "basic":
        return Basic(client.smart_secret)
    if client.smart_authentication == "private_key_jwt":
        return PrivateKeyJwt(client.smart_keys)
    return Public()
