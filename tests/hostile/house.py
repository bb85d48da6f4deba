"""The house of these tests: its registry, its clock, and the shipped model on every hook."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cds_hooks.services import known_hooks
from chartside.settings import Settings
from hostile import good, tokens

REGISTRY = f"""
[clients.ward]
name = "Ward"
authentication = "loopback"
fhir_base = "{good.FHIR_BASE}"
origins = ["{good.ISSUER}"]
show_from = 0.0
intensive_care_locations = ["Medical ICU"]

[clients.strict]
name = "Strict"
authentication = "jwt"
issuer = "{good.ISSUER}"
jwks_file = "keys.json"
fhir_base = "{good.FHIR_BASE}"
show_from = 0.0
intensive_care_locations = ["Medical ICU"]
"""


class SetClock:
    """A clock that stands."""

    def now(self) -> datetime:
        return datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class OnEveryHook:
    """The shipped model, listed on every hook that there is."""

    model: Any

    @property
    def info(self) -> Any:
        return replace(self.model.info, hooks=tuple(known_hooks()))

    @property
    def needs(self) -> Any:
        return self.model.needs

    def assess(self, record: Any, as_of: datetime) -> Any:
        return self.model.assess(record, as_of)


def settings_in(folder: Path) -> Settings:
    """Settings of a deployment in a folder."""
    (folder / "clients.toml").write_text(REGISTRY)
    (folder / "keys.json").write_text(json.dumps(tokens.key_set()))
    return Settings(
        base_url=good.BASE_URL,
        database_url=f"sqlite:///{folder}/ledger.db",
        clients_file=folder / "clients.toml",
        secret=b"s" * 64,
    )
