"""All exports of a period in one ZIP, with a dictionary, where it comes from, and a signed list of its files."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, cast

from oversight.analytics.narrowed import narrow
from oversight.exports.columns import Table
from oversight.exports.dictionary import DICTIONARY, dictionary_rows
from oversight.exports.events import EVENTS, Detail
from oversight.exports.fhir_bundle import fhir_resources
from oversight.exports.order import FIGURES, Open, Order, write_events, write_figures
from oversight.exports.provenance import provenance
from oversight.exports.signing import FORMAT, MANIFEST, PUBLIC_KEY, PURPOSE, SIGNATURE, Signer

README = """Chartside export
================
manifest.json lists every file with its SHA-256; manifest.sig is an Ed25519 signature over it. To check both:

    chartside export verify FILE.zip --key KEY

KEY is what "chartside export key" prints at the hospital. The key in public_key.txt came with this file and proves
nothing by itself: compare the two.

data_dictionary.csv explains every column. In tables and FHIR reports counts below 11, groups of fewer than five
clinicians, and what would give them away are hidden, unless all of it is of so few clinicians: then keep it as figures
of single people. events.csv, if it is here, has a line for each card and is to be kept as patient data.
Chartside supports clinical judgement, it does not replace it.
"""
# The same for every file, so that the same content is the same ZIP.
_WHEN = (1980, 1, 1, 0, 0, 0)
_BUFFER = 1 << 20


@dataclass(slots=True)
class _Written:
    """A ZIP that is being written, and what is in it."""

    archive: zipfile.ZipFile
    files: list[dict[str, Any]] = field(default_factory=list)

    def add(self, name: str, write: Callable[[BinaryIO], int | None]) -> None:
        """Add what a function writes, and list it with its hash and, for a table, its number of rows."""
        info = zipfile.ZipInfo(name, _WHEN)
        info.compress_type = zipfile.ZIP_DEFLATED
        info.external_attr = 0o600 << 16
        with self.archive.open(info, "w", force_zip64=True) as inside:
            hashed = _Hashed(cast("BinaryIO", inside))
            with io.BufferedWriter(hashed, _BUFFER) as buffered:
                rows = write(cast("BinaryIO", buffered))
        listed = {"name": name, "bytes": hashed.size, "sha256": hashed.sha256.hexdigest()}
        self.files.append(listed if rows is None else listed | {"rows": rows})

    def add_bytes(self, name: str, content: bytes) -> None:
        """Add a content."""
        self.add(name, lambda file: file.write(content) and None)

    def add_json(self, name: str, document: Mapping[str, Any]) -> None:
        """Add a document."""
        self.add_bytes(name, as_json(document))

    def add_table(self, table: Table, rows: Any) -> None:
        """Add a small table."""
        text = io.StringIO(newline="")
        number = table.write(rows, text)
        self.add(table.file, lambda file: (file.write(text.getvalue().encode()), number)[1])


class _Hashed(io.RawIOBase):
    """Hashes what goes through to a file."""

    def __init__(self, inside: BinaryIO) -> None:
        """Begin with nothing."""
        self._inside = inside
        self.sha256, self.size = hashlib.sha256(), 0

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, content: Any) -> int:
        """Hand on."""
        self.sha256.update(content)
        self._inside.write(content)
        self.size += len(content)
        return len(content)


def write_bundle(
    mart: Open, order: Order, file: BinaryIO, signer: Signer, *,
    pack: Callable[[], str] | None = None, detail: Detail | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Write the ZIP and give back its manifest.

    `pack` draws the committee's pack; with `detail` the events are in it too. `mart` opens the mart anew each time.
    Raises `LedgerUnavailable`.
    """
    tables = [each.table for each in FIGURES.values()]
    with zipfile.ZipFile(file, "w") as archive:
        made = _Written(archive)
        made.add_bytes("README.txt", README.encode())
        if detail is not None:
            tables.insert(0, EVENTS)
            with mart() as whole:
                made.add(EVENTS.file, lambda out: write_events(whole, order, detail, out))
        _add_figures(made, mart, order)
        if pack is not None:
            made.add_bytes("committee_pack.html", pack().encode())
        made.add_table(DICTIONARY, dictionary_rows(tables))
        made.add_json("fhir/provenance.json", _provenance(made, order))
        return _sealed(made, order, signer)


def _add_figures(made: _Written, mart: Open, order: Order) -> None:
    """Tables and measures."""
    for name in FIGURES:
        made.add(name, lambda out, name=name: write_figures(mart, order, name, out))  # type: ignore[misc]
    with mart() as questions:
        narrow(questions, order.selection, order.entry)
        resources = fhir_resources(questions, order)
    for each in resources:
        made.add_json(f"fhir/{each['resourceType']}-{each['id']}.json", each)


def _provenance(made: _Written, order: Order) -> dict[str, Any]:
    """Of all files so far."""
    hashes = {each["name"]: each["sha256"] for each in made.files}
    return provenance(hashes, order.selection.period, order.entry, order.who, order.software, order.now)


def _sealed(made: _Written, order: Order, signer: Signer) -> dict[str, Any]:
    """Add the manifest, its signature and the public key."""
    period = order.selection.period
    manifest = {
        "format": FORMAT,
        "software": order.software,
        "made": order.now.isoformat(),
        "by": order.who,
        "period": {"from": period.first.isoformat(), "to": period.last.isoformat()},
        "service": order.selection.service,
        "last_entry": order.entry,
        "base_url": order.base_url,
        "public_key": signer.public_key,
        "files": list(made.files),
    }
    content = as_json(manifest)
    made.add_bytes(MANIFEST, content)
    made.add_bytes(SIGNATURE, signer.sign(PURPOSE + content).hex().encode() + b"\n")
    made.add_bytes(PUBLIC_KEY, signer.public_key.encode() + b"\n")
    return manifest


def as_json(document: Mapping[str, Any]) -> bytes:
    """A document for people and programs; no NaN."""
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False).encode() + b"\n"
