"""Who vouches for a model: Ed25519 signatures (RFC 8032) over its provenance, and the public keys that are trusted.

The project's own keys stand in `models/trusted_keys.toml`; a site adds its own in a file of the same form.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from clinical.errors import ArtefactRejected, SettingsInvalid
from models.runtime.manifest_parts import parse
from models.runtime.toml_table import TomlTable

SIGNATURE_FILE = "provenance.sig"
PROJECT_KEYS = Path(__file__).resolve().parent.parent / "trusted_keys.toml"
# What is signed begins with its purpose, so that a signature made for something else never fits.
PURPOSE = b"chartside model provenance v1\n"
KEY_BYTES = 32
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A public key that may vouch for models. `public` are its 32 raw bytes."""

    name: str
    public: bytes
    note: str = ""

    @property
    def id(self) -> str:
        """The name of the key in signatures."""
        return key_id(self.public)

    @property
    def words(self) -> str:
        """For people: the name of the entry, and the id."""
        return f"{self.name} ({self.id})"


@dataclass(frozen=True, slots=True)
class Signature:
    """The content of a `provenance.sig`: the id of a key, and the 64 bytes of its signature."""

    key: str
    value: bytes

    def written(self) -> bytes:
        """The file, of which there is only one form: not a byte of it may be changed unnoticed."""
        text = base64.b64encode(self.value).decode()
        return f'format = {_FORMAT}\nkey = "{self.key}"\nsignature = "{text}"\n'.encode()


def key_id(public: bytes) -> str:
    """The first 16 hex digits of the SHA-256 of the raw public key."""
    return hashlib.sha256(public).hexdigest()[:16]


def trusted_keys(site: Path | None = None, *, project: Path = PROJECT_KEYS) -> tuple[TrustedKey, ...]:
    """The project's keys and those that a site added. Raises `SettingsInvalid` for a file that does not hold."""
    return tuple(key for path in (project, site) if path is not None for key in read_keys(path))


def read_keys(path: Path) -> tuple[TrustedKey, ...]:
    """The `[keys.<name>]` of a file: `public` in base64, and `note`. Raises `SettingsInvalid` that lists every fault.

    A file without keys is not taken: whoever names one means at least one key.
    """
    faults: list[str] = []
    document = TomlTable(parse(path, faults), "", faults)
    keys = () if faults else tuple(_key(name, table) for name, table in document.tables("keys"))
    if not (faults or keys):
        document.fault("there is no key")
    document.close()
    if faults:
        raise SettingsInvalid(f"The model keys in {path.name} do not hold together: " + "; ".join(faults))
    return keys


def _key(name: str, table: TomlTable) -> TrustedKey:
    """One entry."""
    public = _decoded(table.text("public"))
    if len(public) != KEY_BYTES:
        table.fault(f"public must be an Ed25519 public key, {KEY_BYTES} bytes in base64")
    elif not any(public[1:]):
        # Points of order 4 and 1: for these anybody can make signatures (RFC 8032 checks no order).
        table.fault("public is a placeholder and no key")
    key = TrustedKey(name, public, table.text_or("note", ""))
    table.close()
    return key


def read_signature(path: Path) -> Signature:
    """A signature file. Raises `ArtefactRejected` for anything but the one form in which they are written."""
    where = f"{path.parent.name}: {path.name}"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ArtefactRejected(f"{where} cannot be read ({type(error).__name__}).") from error
    try:
        document = tomllib.loads(content.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError):
        document = {}
    found = Signature(str(document.get("key")), _decoded(str(document.get("signature"))))
    if found.written() != content:
        raise ArtefactRejected(f"{where} was changed: it is not as a signature is written. Sign the model anew.")
    return found


def signer_of(content: bytes, signature: Signature, keys: Iterable[TrustedKey]) -> TrustedKey | None:
    """The trusted key that signed these bytes.

    None where the signature names no trusted key. Raises `InvalidSignature` where it does and does not fit.
    """
    key = next((key for key in keys if key.id == signature.key), None)
    if key is not None:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature.value, PURPOSE + content)
    return key


def fits(content: bytes, signature: Signature, keys: Iterable[TrustedKey]) -> bool:
    """Whether one of the keys signed these bytes."""
    try:
        return signer_of(content, signature, keys) is not None
    except InvalidSignature:
        return False


def _decoded(text: str) -> bytes:
    """Base64, or nothing."""
    try:
        return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return b""
