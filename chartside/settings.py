"""All settings, read in this one place from `CHARTSIDE_…` environment variables. docs/settings.md explains each."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from clinical.errors import SettingsInvalid

LOOPBACK = ("127.0.0.1", "localhost", "::1")
MIN_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Settings:
    """What a deployment decides. Secrets come from files and are never printed."""

    base_url: str
    database_url: str = field(repr=False)
    clients_file: Path
    secret: bytes = field(repr=False)
    quality_password: str | None = field(default=None, repr=False)
    sign_in_file: Path | None = None
    metrics_token: str | None = field(default=None, repr=False)
    host: str = "127.0.0.1"
    port: int = 8100
    fhir_seconds: float = 8.0
    mart_folder: Path | None = None
    max_body_bytes: int = 1_000_000
    certificate_header: str = ""
    time_zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    model_keys_file: Path | None = None
    local_models: Path | None = None


def from_environment(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings. Raises `SettingsInvalid` that lists every fault at once."""
    reader = _Reader(os.environ if environment is None else environment)
    settings = Settings(
        base_url=reader.base_url(),
        database_url=reader.required("DATABASE_URL"),
        clients_file=Path(reader.required("CLIENTS_FILE")),
        secret=reader.secret(),
        quality_password=reader.optional_file("QUALITY_PASSWORD_FILE"),
        sign_in_file=reader.optional_path("SIGN_IN_FILE"),
        metrics_token=reader.token("METRICS_TOKEN_FILE"),
        host=reader.text("HOST", "127.0.0.1"),
        port=int(reader.number("PORT", 8100, 1, 65535)),
        mart_folder=reader.optional_path("MART_FOLDER"),
        fhir_seconds=reader.number("FHIR_SECONDS", 8.0, 0.1, 30.0),
        max_body_bytes=int(reader.number("MAX_BODY_BYTES", 1_000_000, 100_000, 16_000_000)),
        certificate_header=reader.header("CERTIFICATE_HEADER"),
        time_zone=reader.zone(),
        model_keys_file=reader.optional_path("MODEL_KEYS"),
        local_models=reader.optional_folder("LOCAL_MODELS"),
    )
    if reader.faults:
        raise SettingsInvalid("The settings do not hold together:\n  " + "\n  ".join(reader.faults))
    return settings


class _Reader:
    """Reads variables and gathers faults."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Start with no faults."""
        self._environment = environment
        self.faults: list[str] = []

    def text(self, name: str, default: str) -> str:
        """An optional text."""
        return self._environment.get(f"CHARTSIDE_{name}", default)

    def required(self, name: str) -> str:
        """A text that must be there."""
        value = self.text(name, "")
        if not value:
            self.faults.append(f"CHARTSIDE_{name} is not set.")
        return value

    def number(self, name: str, default: float, low: float, high: float) -> float:
        """A number within bounds."""
        text = self.text(name, str(default))
        try:
            value = float(text)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            self.faults.append(f"CHARTSIDE_{name} must be a number from {low:g} to {high:g}.")
            return default
        return value

    def optional_path(self, name: str) -> Path | None:
        """The path of a file, if one is named; whoever opens the file checks it."""
        value = self.text(name, "")
        return Path(value) if value else None

    def optional_folder(self, name: str) -> Path | None:
        """The path of a folder, if one is named; it must be there."""
        path = self.optional_path(name)
        if path is not None and not path.is_dir():
            self.faults.append(f"CHARTSIDE_{name} is not a folder.")
        return path

    def header(self, name: str) -> str:
        """The name of an HTTP header, if one is given."""
        value = self.text(name, "")
        if value and not re.fullmatch(r"[A-Za-z0-9-]{1,64}", value):
            self.faults.append(f"CHARTSIDE_{name} is not the name of an HTTP header.")
        return value

    def base_url(self) -> str:
        """The public URL: https, or http on this machine only."""
        value = self.required("BASE_URL").rstrip("/")
        if value and not is_web_url(value):
            self.faults.append("CHARTSIDE_BASE_URL must be an https URL (http only on this machine).")
        return value

    def zone(self) -> ZoneInfo:
        """The hospital's time zone, by its IANA name."""
        try:
            return ZoneInfo(self.text("TIME_ZONE", "UTC"))
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self.faults.append("CHARTSIDE_TIME_ZONE is not the name of a time zone, such as America/Chicago.")
            return ZoneInfo("UTC")

    def secret(self) -> bytes:
        """The secret that keys pseudonyms and cookies."""
        path = self.required("SECRET_FILE")
        content = self._read(path, "SECRET_FILE") if path else ""
        if path and len(content.encode()) < MIN_SECRET_BYTES:
            self.faults.append(
                f"The file of CHARTSIDE_SECRET_FILE must hold at least {MIN_SECRET_BYTES} characters; "
                "make one with: python3 -c 'import secrets; print(secrets.token_hex(32))'"
            )
        return content.encode()

    def optional_file(self, name: str) -> str | None:
        """The content of a file, if one is named."""
        path = self.text(name, "")
        return self._read(path, name) or None if path else None

    def token(self, name: str) -> str | None:
        """A token in a file, if one is named: long enough not to be guessed, and fit for an HTTP header."""
        value = self.optional_file(name)
        if value is not None and not re.fullmatch(r"[A-Za-z0-9._~+/=-]{32,200}", value):
            allowed = "32 to 200 letters, digits or any of . _ ~ + / = -"
            self.faults.append(f"The file of CHARTSIDE_{name} must hold {allowed}.")
        return value

    def _read(self, path: str, name: str) -> str:
        """A small text file without its line end."""
        try:
            return Path(path).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as fault:
            self.faults.append(f"The file of CHARTSIDE_{name} cannot be read ({type(fault).__name__}).")
            return ""


def is_web_url(value: str) -> bool:
    """Whether a URL is https, or http to this machine, with nothing but host, port and path."""
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        return False
    if parts.query or parts.fragment or parts.username or not parts.hostname:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
