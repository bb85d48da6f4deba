"""A second client of the demo's registry, for `chartside doctor`: it calls with a JWT of its own, as an EHR would."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from ehr_simulator.settings import EhrSettings
from ehr_simulator.signing import SigningKey

CLIENT = "doctor"
PRIVATE, PUBLIC = "doctor.jwk", "doctor-keys.json"
ORIGIN = "https://doctor.example"


def write_keys(folder: Path) -> None:
    """A new key pair: the private half for the command, the public half for the registry."""
    key = SigningKey()
    for name, content in ((PRIVATE, key.private_key()), (PUBLIC, key.public_keys())):
        path = folder / name
        path.touch(mode=0o600)
        path.write_text(json.dumps(content) + "\n", encoding="utf-8")


def registry_entry(settings: EhrSettings, shared: Mapping[str, object]) -> dict[str, object]:
    """What Chartside has to know about it.

    Its cards carry links because the page is on for it, so the doctor sees them as an EHR does. A FHIR base of its own
    tells its launches from the hospital's; nothing is read there, for the doctor sends the record with the call.
    """
    own = {"name": "chartside doctor", "authentication": "jwt", "issuer": issuer(settings), "jwks_file": PUBLIC}
    page = {"smart_client_id": "chartside", "fhir_base": f"{issuer(settings)}/fhir"}
    return {**shared, **own, **page, "origins": [ORIGIN]}


def issuer(settings: EhrSettings) -> str:
    """The `iss` of its tokens."""
    return f"{settings.base_url}/doctor"


def command(folder: Path, settings: EhrSettings) -> tuple[str, ...]:
    """`doctor URL …`: the arguments of the chartside command."""
    key = ("--key", str(folder / PRIVATE), "--issuer", issuer(settings))
    return ("doctor", settings.chartside, *key, "--origin", ORIGIN)
