"""A new entry of the registry: its text, and how it is appended without touching the rest of the file."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from chartside.clients.presets import Advised, Preset
from chartside.clients.read import read_clients
from clinical.errors import SettingsInvalid

NEW_FILE = (
    "# The client registry of Chartside: one table for each EHR that may call. docs/settings.md explains each key.\n"
)
FILE_MODE = 0o644
# The order of an entry: who, how it proves itself, where it is.
IDENTITY_KEYS = ("issuer", "jwks_url", "jwks_file", "audiences", "tenants", "subjects")
PLACE_KEYS = ("fhir_base", "origins", "smart_client_id")


def render_entry(client_id: str, name: str, preset: Preset, values: Mapping[str, Any]) -> str:
    """The TOML text of an entry, with what must be checked at the vendor as comments."""
    lines = [
        *_comment(f"Preset {preset.name}: {preset.title}. Source: {preset.source}. Status: {preset.status}."),
        *(line for check in preset.checks for line in _comment(check, "# - ")),
        f"[clients.{client_id}]",
        _assignment("name", name),
        _assignment("authentication", "jwt"),
        *_known(IDENTITY_KEYS, preset, values),
        *_advice(preset.advised),
        *_known(PLACE_KEYS, preset, values),
        "",
        *(line for text in preset.policy.intro for line in _comment(text)),
        *_advice(preset.policy),
    ]
    return "\n".join(lines) + "\n"


def append_entry(path: Path, text: str) -> None:
    """Append an entry to the registry, or begin one. Raises `SettingsInvalid` and leaves the file as it is.

    The whole new content is checked before it replaces the old one in one step.
    """
    target = path.resolve()  # a link stays a link
    try:
        before = target.read_bytes() if target.exists() else NEW_FILE.encode()
        gap = b"\n" if before.endswith(b"\n") else b"\n\n"
        content = before + gap + text.encode()
        read_clients(content.decode(), path.name, target.parent)
        _replace(target, content)
    except (OSError, UnicodeDecodeError) as fault:
        raise SettingsInvalid(f"The client registry {path.name} cannot be written ({type(fault).__name__}).") from None


def _replace(target: Path, content: bytes) -> None:
    """Put a file in the place of another in one step, with the same owner and mode."""
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as new:
            new.write(content)
            new.flush()
            os.fsync(new.fileno())
        if target.exists():
            shutil.copymode(target, name)
            with suppress(PermissionError):
                os.chown(name, target.stat().st_uid, target.stat().st_gid)
        else:
            Path(name).chmod(FILE_MODE)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _known(keys: tuple[str, ...], preset: Preset, values: Mapping[str, Any]) -> Iterator[str]:
    """The values that are known, and in a comment those that are wanted and missing."""
    for key in keys:
        if key in values:
            yield _assignment(key, values[key])
        elif key in preset.wanted:
            yield f"# {key} is missing: {preset.wanted[key]}."


def _advice(advised: Advised) -> Iterator[str]:
    """Values with their reasons above them."""
    for key, value in advised.values.items():
        yield from _comment(advised.why[key])
        yield _assignment(key, value)


def _comment(text: str, mark: str = "# ") -> list[str]:
    """A comment of lines that fit on a page."""
    indent = "#".ljust(len(mark))
    return textwrap.wrap(text, 110, initial_indent=mark, subsequent_indent=indent, break_long_words=False)


def _assignment(key: str, value: Any) -> str:
    """One line `key = value`."""
    return f"{key} = {_toml(value)}"


def _toml(value: Any) -> str:
    """A value in TOML. JSON writes text, numbers and truth values as TOML does."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(_assignment(key, inner) for key, inner in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
