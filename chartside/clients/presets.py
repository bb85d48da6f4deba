"""Presets: what an entry for a known EHR starts from. The facts and their sources stand in chartside/presets.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PRESETS_FILE = Path(__file__).resolve().parent.parent / "presets.toml"


@dataclass(frozen=True, slots=True)
class Advised:
    """Values that are written into an entry, each with a word on why; `intro` stands above them."""

    values: Mapping[str, Any]
    why: Mapping[str, str]
    intro: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Preset:
    """One EHR: where the facts are from, what to check, what need not be given, what is set, what is wanted."""

    name: str
    title: str
    source: str
    status: str
    checks: tuple[str, ...]
    defaults: Mapping[str, Any]
    advised: Advised
    policy: Advised
    wanted: Mapping[str, str]

    def filled(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The given values, and the preset's own for what was not given."""
        issuer = str(given.get("issuer") or self.defaults.get("issuer", ""))
        own = {key: _with_issuer(value, issuer) for key, value in self.defaults.items()}
        return {key: value for key, value in {**own, **_present(given)}.items() if value}


def load_presets(path: Path = PRESETS_FILE) -> Mapping[str, Preset]:
    """All presets by name, in the order of the file."""
    table = tomllib.loads(path.read_text("utf-8"))
    policies = {name: _advised(row) for name, row in table.pop("policies").items()}
    return {name: _preset(name, row, policies) for name, row in table.items()}


def _preset(name: str, row: Mapping[str, Any], policies: Mapping[str, Advised]) -> Preset:
    """One preset."""
    return Preset(
        name=name,
        title=row["title"],
        source=row["source"],
        status=row["status"],
        checks=tuple(row["checks"]),
        defaults=row.get("defaults", {}),
        advised=_advised(row),
        policy=policies[row["policy"]],
        wanted=row["wanted"],
    )


def _advised(row: Mapping[str, Any]) -> Advised:
    """The values of a preset or policy."""
    return Advised(row["set"], row["why"], tuple(row.get("intro", ())))


def _present(given: Mapping[str, Any]) -> dict[str, Any]:
    """What was given and is not empty."""
    return {key: value for key, value in given.items() if value}


def _with_issuer(value: Any, issuer: str) -> Any:
    """A default value in which {issuer} is filled in; nothing where it is needed and not known."""
    if not isinstance(value, str) or "{issuer}" not in value:
        return value
    return value.replace("{issuer}", issuer.rstrip("/")) if issuer else ""
