"""Private keys that sign models: making one, reading one, signing with it. They never leave their file.

A key is an Ed25519 private key in PEM (PKCS #8), in a file that only its owner may read.
"""

from __future__ import annotations

import base64
import os
import stat
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from clinical.errors import SettingsInvalid
from models.runtime.folder_code import MODELS
from models.runtime.signature import PURPOSE, Signature, TrustedKey, key_id

PRIVATE_FILE = "model-signing.key"
PUBLIC_FILE = "model-signing.public.toml"
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
# No passphrase: the file's mode protects it. Keep it on a machine that signs, not on one that serves.
_PEM = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def new_key(folder: Path, name: str) -> TrustedKey:
    """Make a key pair in a folder of its own; the public half is written as an entry of a file of trusted keys.

    Raises `SettingsInvalid` where the folder lies in the product's own tree, is open to others, or has a key already.
    """
    if folder.resolve().is_relative_to(MODELS.parent):
        raise SettingsInvalid(f"{folder} lies within the product's folder. Keep private keys elsewhere.")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.stat().st_mode & _OTHERS:
            raise SettingsInvalid(f"{folder} is open to others. Close it first: chmod 700 {folder}")
        private = Ed25519PrivateKey.generate()
        key = TrustedKey(name, private.public_key().public_bytes_raw())
        _write_once(folder / PRIVATE_FILE, private.private_bytes(*_PEM))
        _write_once(folder / PUBLIC_FILE, entry(key).encode())
    except FileExistsError as error:
        raise SettingsInvalid(f"{Path(error.filename).name} is in {folder} already; a key is never replaced.") from None
    except OSError as error:
        raise SettingsInvalid(f"{folder} cannot be written ({error.strerror}).") from None
    return key


def entry(key: TrustedKey) -> str:
    """A key as an entry of a file of trusted keys."""
    return f'[keys.{key.name}]\npublic = "{base64.b64encode(key.public).decode()}"\nnote = "{key.note or key.id}"\n'


def read_private_key(path: Path) -> Ed25519PrivateKey:
    """A key that only its owner may read. Raises `SettingsInvalid`; no message quotes the file."""
    try:
        mode, content = path.stat().st_mode, path.read_bytes()
    except OSError as error:
        raise SettingsInvalid(f"The key {path} cannot be read ({error.strerror}).") from None
    if mode & _OTHERS:
        raise SettingsInvalid(f"The key {path} is open to others. Close it (chmod 600), and think of making a new one.")
    try:
        key = serialization.load_pem_private_key(content, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise SettingsInvalid(f"{path} holds no Ed25519 private key in PEM without a passphrase.")
    return key


def signature_of(content: bytes, private: Ed25519PrivateKey) -> Signature:
    """The signature of these bytes."""
    return Signature(key_id(private.public_key().public_bytes_raw()), private.sign(PURPOSE + content))


def _write_once(path: Path, content: bytes) -> None:
    """A new file that only its owner may read. Raises FileExistsError."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
