"""Whether an export is still what was signed: every fault is told, in words, and nothing is unpacked to the disk."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clinical import strict_json
from clinical.errors import ChartsideError
from oversight.exports.signing import FORMAT, MANIFEST, PUBLIC_KEY, PURPOSE, SIGNATURE, Check

_SMALL = 1_000_000
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Verdict:
    """`faults` is empty where all is whole. `public_key` is the one that signed, as the export says; it is no proof."""

    faults: tuple[str, ...]
    public_key: str = ""
    manifest: dict[str, Any] | None = None


def verify(path: Path, check: Check) -> Verdict:
    """Signature, list and every file."""
    try:
        with zipfile.ZipFile(path) as archive:
            return _verify(archive, check)
    except (OSError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as fault:
        return Verdict((f"The file cannot be read as a ZIP ({type(fault).__name__}).",))


def _verify(archive: zipfile.ZipFile, check: Check) -> Verdict:
    """Signature first: without it the list says nothing."""
    there = Counter(archive.namelist())
    faults = [f"{name} is in it more than once." for name, number in there.items() if number > 1]
    missing = [name for name in (MANIFEST, SIGNATURE, PUBLIC_KEY) if name not in there]
    if missing or faults:
        return Verdict((*faults, *(f"{name} is missing." for name in missing)))
    content, signature, key = (_small(archive, name) for name in (MANIFEST, SIGNATURE, PUBLIC_KEY))
    public_key = key.decode("ascii", "replace").strip()
    if not check(public_key, _unhexed(signature), PURPOSE + content):
        return Verdict((f"The signature does not fit {MANIFEST}.",), public_key)
    manifest = _manifest(content)
    if manifest is None:
        return Verdict((f"{MANIFEST} is not in a form that this version reads.",), public_key)
    if manifest.get("public_key") != public_key:
        faults.append(f"{MANIFEST} names another key than {PUBLIC_KEY}.")
    listed = {each["name"]: each for each in manifest["files"]}
    extra = sorted(set(there) - set(listed) - {MANIFEST, SIGNATURE, PUBLIC_KEY})
    faults += [f"{name} is not in the list." for name in extra]
    faults += [fault for name, each in listed.items() for fault in _file(archive, name, each, there)]
    return Verdict(tuple(faults), public_key, manifest)


def _file(archive: zipfile.ZipFile, name: str, listed: dict[str, Any], there: Counter[str]) -> Iterator[str]:
    """What is wrong with one file."""
    if name not in there:
        yield f"{name} is missing."
        return
    try:
        digest = _digest(archive, name, int(listed["bytes"]))
    except (zipfile.BadZipFile, zlib.error, EOFError) as fault:
        yield f"{name} cannot be unpacked ({type(fault).__name__})."
        return
    if digest != listed["sha256"]:
        yield f"{name} is not what was signed."


def _digest(archive: zipfile.ZipFile, name: str, size: int) -> str:
    """SHA-256 of a file, or nothing where it is longer than it should be: it may be made to fill the memory."""
    sha256, left = hashlib.sha256(), size
    with archive.open(name) as file:
        while piece := file.read(_PIECE):
            left -= len(piece)
            if left < 0:
                return ""
            sha256.update(piece)
    return sha256.hexdigest()


def _small(archive: zipfile.ZipFile, name: str) -> bytes:
    """A file that is small, or as much of it as a small one has."""
    with archive.open(name) as file:
        return file.read(_SMALL)


def _unhexed(text: bytes) -> bytes:
    """Bytes of hex digits; nothing of anything else."""
    try:
        return bytes.fromhex(text.decode("ascii", "replace").strip())
    except ValueError:
        return b""


def _manifest(content: bytes) -> dict[str, Any] | None:
    """The manifest, if it is one."""
    try:
        found: Any = strict_json.loads(content)
        whole = found["format"] == FORMAT and all(
            isinstance(each["name"], str) and isinstance(each["bytes"], int) and isinstance(each["sha256"], str)
            for each in found["files"]
        )
        whole = (
            whole and {"from", "to"} <= set(found["period"]) and {"last_entry", "made", "by", "software"} <= set(found)
        )
    except (ChartsideError, KeyError, TypeError):
        return None
    return found if whole else None


def printable(text: object) -> str:
    """A text from a ZIP that anybody may have made, without what would steer a terminal."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in str(text)[:300])
