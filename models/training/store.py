"""Writing the artefact so that the same training gives the same bytes.

skops names its parts by memory address and stamps them with the clock. Here the parts are numbered in the order in
which the schema mentions them, and the clock is set to the earliest time that a ZIP file can hold.
"""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import skops.io

_SCHEMA = "schema.json"
_CLOCK = (1980, 1, 1, 0, 0, 0)
_ARRAY = ".npy"


def artefact_bytes(content: object) -> bytes:
    """`content` in skops' format, byte for byte the same for equal content."""
    with zipfile.ZipFile(io.BytesIO(skops.io.dumps(content))) as source:
        parts = {name: source.read(name) for name in source.namelist()}
    schema = json.loads(parts.pop(_SCHEMA))  # noqa: TID251 - written by skops a moment ago
    numbers: dict[str, int] = {}
    _renumber(schema, numbers)
    renamed = {f"{numbers[Path(name).stem]}{_ARRAY}": data for name, data in parts.items()}
    return _zip({_SCHEMA: json.dumps(schema, separators=(",", ":")).encode(), **dict(sorted(renamed.items()))})


def _renumber(node: object, numbers: dict[str, int]) -> None:
    """Replace every address in the schema by a running number; equal addresses stay equal."""
    if isinstance(node, list):
        for item in node:
            _renumber(item, numbers)
    if not isinstance(node, dict):
        return
    for key, value in node.items():
        if key == "__id__":
            node[key] = _number(str(value), numbers)
        elif key == "file" and isinstance(value, str):
            node[key] = f"{_number(Path(value).stem, numbers)}{_ARRAY}"
        else:
            _renumber(value, numbers)


def _number(address: str, numbers: dict[str, int]) -> int:
    return numbers.setdefault(address, len(numbers) + 1)


def _zip(parts: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as out:
        for name, data in parts.items():
            out.writestr(zipfile.ZipInfo(name, _CLOCK), data, zipfile.ZIP_DEFLATED, 9)
    return target.getvalue()
