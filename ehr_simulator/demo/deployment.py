"""The files and the environment of a Chartside that serves the stand-in hospital."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ehr_simulator.demo import examiner, quality_sign_in
from ehr_simulator.patients import INTENSIVE_CARE_UNITS
from ehr_simulator.settings import EhrSettings, OAuthClient

MARKER = ".chartside-demo"
OWN_VARIABLES = "CHARTSIDE_"
# The service that is shown, and its twin that runs in shadow.
SHADOWED = ("sepsis-6h", "sepsis-6h-physiology")


class FolderNotOurs(Exception):
    """The folder holds something that a demo did not put there."""


@dataclass(frozen=True, slots=True)
class Ports:
    """The three ports on 127.0.0.1."""

    chartside: int = 8100
    ehr: int = 8101
    fhir: int = 8104

    def settings(self, chartside: str = "") -> EhrSettings:
        """The EHR on these ports, with Chartside (on its port, or elsewhere) as a public app."""
        chartside = chartside.rstrip("/") or f"http://127.0.0.1:{self.chartside}"
        return EhrSettings(
            base_url=f"http://127.0.0.1:{self.ehr}",
            fhir_server=f"http://127.0.0.1:{self.fhir}/fhir",
            chartside=chartside,
            clients=(OAuthClient("chartside", (f"{chartside}/smart/callback",)), quality_sign_in.client(chartside)),
        )


def fresh_folder(folder: Path) -> Path:
    """An empty folder for this run. Raises `FolderNotOurs` rather than delete what a demo did not make."""
    if folder.exists() and any(folder.iterdir()) and not (folder / MARKER).exists():
        raise FolderNotOurs(f"{folder} is not empty and was not made by a demo. Choose another one with --var.")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    (folder / MARKER).write_text("Made by the Chartside demo, which deletes it at its next start.\n", encoding="utf-8")
    return folder.resolve()


def write_files(folder: Path, settings: EhrSettings, *, strict: bool) -> None:
    """The client registry, the sign-in file and the secrets. `strict` leaves out the client that needs no proof."""
    (folder / "clients.toml").write_text(clients_toml(settings, strict=strict), encoding="utf-8")
    (folder / "sign-in.toml").write_text(quality_sign_in.settings_toml(settings), encoding="utf-8")
    for name, text in (("secret", secrets.token_hex(32)), ("quality-password", secrets.token_urlsafe(12))):
        path = folder / name
        path.touch(mode=0o600)
        path.write_text(text + "\n", encoding="utf-8")
    examiner.write_keys(folder)


def clients_toml(settings: EhrSettings, *, strict: bool) -> str:
    """The registry with the EHR and the doctor, and with this machine itself unless `strict`."""
    shared = {
        "fhir_base": settings.fhir_base,
        "origins": [settings.base_url],
        "show_from": 0.0,
        "deadline_ms": 3000,
        "intensive_care_locations": list(INTENSIVE_CARE_UNITS),
    }
    ehr = {
        "name": settings.hospital,
        "authentication": "jwt",
        "issuer": settings.base_url,
        "jwks_url": settings.hook_keys_url,
        "smart_client_id": "chartside",
        **shared,
    }
    text = _table("demo-ehr", ehr)
    text += f"\n# As in the history: assessed beside {SHADOWED[0]}, never shown.\n"
    text += f"[clients.demo-ehr.services.{SHADOWED[1]}]\nshadow = true\n"
    text += "\n# For `chartside doctor`, which calls with a JWT as an EHR would.\n"
    text += _table(examiner.CLIENT, examiner.registry_entry(settings, shared))
    if not strict:
        text += "\n# Calls from this machine without a token, for trying things out with curl.\n"
        text += _table("local", {"name": "This machine", "authentication": "loopback", **shared})
    return text


def _table(name: str, values: Mapping[str, object]) -> str:
    """A TOML table. A JSON string, number or list of strings is the same in TOML."""
    lines = (f"{key} = {json.dumps(value)}\n" for key, value in values.items())
    return f"[clients.{name}]\n{''.join(lines)}"


def chartside_environment(folder: Path, ports: Ports) -> dict[str, str]:
    """The environment of the chartside processes: ours, without any CHARTSIDE_ variable of the caller."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(OWN_VARIABLES)}
    return inherited | {
        "CHARTSIDE_BASE_URL": f"http://127.0.0.1:{ports.chartside}",
        "CHARTSIDE_HOST": "127.0.0.1",
        "CHARTSIDE_PORT": str(ports.chartside),
        "CHARTSIDE_DATABASE_URL": f"sqlite:///{folder / 'ledger.db'}",
        "CHARTSIDE_CLIENTS_FILE": str(folder / "clients.toml"),
        "CHARTSIDE_SECRET_FILE": str(folder / "secret"),
        "CHARTSIDE_QUALITY_PASSWORD_FILE": str(folder / "quality-password"),
        "CHARTSIDE_SIGN_IN_FILE": str(folder / "sign-in.toml"),
        "OMP_NUM_THREADS": "1",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }


def command_line(arguments: Iterable[str]) -> tuple[str, ...]:
    """`python -m chartside …`, without the interpreter."""
    return ("-m", "chartside", *arguments)
