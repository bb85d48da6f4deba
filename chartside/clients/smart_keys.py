"""Makes and rotates the keys of the SMART page: a file with private keys in order, the first of which signs.

What is written is what `smart_entry.read_keys` reads; every change is checked before it replaces the file.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from joserfc.jwk import ECKey, RSAKey

from chartside.clients.smart_entry import read_keys
from clinical.errors import SettingsInvalid
from fhir_adapters.smart.client_keys import ClientKey, published, read_client_keys

RSA_BITS = 3072
MAKERS: dict[str, Callable[[], ECKey | RSAKey]] = {
    "ES384": lambda: ECKey.generate_key("P-384"),
    "RS384": lambda: RSAKey.generate_key(RSA_BITS),
}


def new_row(algorithm: str, kid: str = "") -> dict[str, Any]:
    """A new private JWK for `ES384` or `RS384`; without `kid` it is named by its thumbprint (RFC 7638)."""
    key = MAKERS[algorithm]()
    return {**key.as_dict(private=True), "kid": kid or key.thumbprint(), "use": "sig", "alg": algorithm}


def begin(path: Path, row: dict[str, Any]) -> dict[str, object]:
    """Begin a file that only its owner can read, and give the public JWK Set. `SettingsInvalid` where there is one."""
    if path.exists():
        raise SettingsInvalid(f"The key file {path.name} is there already; --add adds a key to it.")
    return _write(path, [row])


def add(path: Path, row: dict[str, Any]) -> dict[str, object]:
    """Add a key at the end: it is published and does not sign yet. Raises `SettingsInvalid`."""
    return _write(path, [*_rows(path), row])


def sign_with(path: Path, kid: str) -> dict[str, object]:
    """Put a key in first place. Raises `SettingsInvalid`."""
    rows = _rows(path)
    return _write(path, [_named(path, rows, kid), *(row for row in rows if row["kid"] != kid)])


def drop(path: Path, kid: str) -> dict[str, object]:
    """Remove a key that does not sign. Raises `SettingsInvalid`."""
    rows = _rows(path)
    if _named(path, rows, kid) is rows[0]:
        raise SettingsInvalid(f"The key {kid!a} of {path.name} is the one that signs; --sign-with another one first.")
    return _write(path, [row for row in rows if row["kid"] != kid])


def _rows(path: Path) -> list[dict[str, Any]]:
    """The private keys of a file, in order."""
    try:
        return [_private(key) for key in read_keys(path)]
    except SettingsInvalid as fault:
        raise SettingsInvalid(f"The command {fault.message}") from None


def _private(key: ClientKey) -> dict[str, Any]:
    """A key as a row of a file."""
    return {**key.key.as_dict(private=True), "kid": key.kid, "use": "sig", "alg": key.algorithm}


def _named(path: Path, rows: list[dict[str, Any]], kid: str) -> dict[str, Any]:
    """The row of a kid."""
    for row in rows:
        if row["kid"] == kid:
            return row
    raise SettingsInvalid(f"There is no key {kid!a} in {path.name}.")


def _write(path: Path, rows: list[dict[str, Any]]) -> dict[str, object]:
    """Check the keys and put the file in place in one step; gives the public JWK Set.

    A new file is readable by its owner alone; one that was there keeps its owner and mode.
    """
    try:
        keys = read_client_keys({"keys": rows})
    except SettingsInvalid as fault:
        raise SettingsInvalid(f"{path.name} would be a key file {fault.message}; it was left as it is.") from None
    try:
        _replace(path, json.dumps({"keys": rows}, indent=2) + "\n")
    except OSError as fault:
        raise SettingsInvalid(f"The key file {path.name} cannot be written ({type(fault).__name__}).") from None
    return published(keys)


def _replace(path: Path, text: str) -> None:
    """Put a file in place in one step; of a file that is half written nothing stays."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # made with mode 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as new:
            new.write(text)
            new.flush()
            os.fsync(new.fileno())
        if path.exists():
            shutil.copymode(path, name)
            with suppress(PermissionError):
                os.chown(name, path.stat().st_uid, path.stat().st_gid)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
