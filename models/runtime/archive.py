"""The file format of an artefact: a .npz of one-dimensional arrays of numbers, stored without compression.

Nothing in it is run or unpacked: every array is the bytes of its entry, so that no file takes more memory than its own
size. Any reader of .npz opens it.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
SUFFIX = ".npy"
VERSION = 1
LARGEST = 100_000_000
# numpy's format 1.0: this, the size of the header in two bytes, and the header, which ends with blanks and a new line.
_MAGIC = b"\x93NUMPY\x01\x00"
_HEADER = re.compile(r"\{'descr': '(?P<descr>\S{3})', 'fortran_order': False, 'shape': \((?P<count>\d{1,9}),\), \} *\n")

# Every array of an artefact with its type. The nodes of all trees lie end to end, by property.
LAYOUT: Mapping[str, np.dtype[Any]] = {
    "version": np.dtype("<i4"),
    "baseline": np.dtype("<f8"),
    "trees": np.dtype("<i4"),
    "sizes": np.dtype("<i4"),
    "feature_idx": np.dtype("<i4"),
    "num_threshold": np.dtype("<f8"),
    "left": np.dtype("<u4"),
    "right": np.dtype("<u4"),
    "missing_go_to_left": np.dtype("?"),
    "value": np.dtype("<f8"),
    "count": np.dtype("<u4"),
    "calibration": np.dtype("<f8"),
    "features": np.dtype("u1"),
    "weights": np.dtype("<f8"),
    "lowest": np.dtype("<f8"),
    "highest": np.dtype("<f8"),
    "range_from": np.dtype("<f8"),
    "range_sizes": np.dtype("<i4"),
    "range_at": np.dtype("<f8"),
    "range_lower": np.dtype("<f8"),
    "range_upper": np.dtype("<f8"),
}


def read_archive(content: bytes) -> dict[str, Array]:
    """The arrays of `LAYOUT`, by name. Raises ValueError for any other array, type, shape or way of storing."""
    if len(content) > LARGEST:
        raise ValueError("it is too large")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            if sorted(entry.filename for entry in entries) != sorted(name + SUFFIX for name in LAYOUT):
                raise ValueError("it holds other arrays than an artefact does")
            return {entry.filename.removesuffix(SUFFIX): _array(archive, entry) for entry in entries}
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, OSError, struct.error) as error:
        raise ValueError("it is not an intact .npz") from error


def _array(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Array:
    """One array. Its header is not parsed but compared: it can say one thing only about these bytes."""
    if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
        raise ValueError(f"{entry.filename} is compressed")
    content = archive.read(entry)
    end = len(_MAGIC) + 2 + int.from_bytes(content[len(_MAGIC) :][:2], "little")
    dtype = LAYOUT[entry.filename.removesuffix(SUFFIX)]
    header = _HEADER.fullmatch(content[len(_MAGIC) + 2 : end].decode("ascii"))
    if not content.startswith(_MAGIC) or header is None or header["descr"] != dtype.str:
        raise ValueError(f"{entry.filename} has another type or shape")
    numbers = content[end:]
    if int(header["count"]) * dtype.itemsize != len(numbers):
        raise ValueError(f"{entry.filename} has another type or shape")
    # A byte that is neither 0 nor 1 is no bool.
    if dtype == np.bool_ and numbers.strip(b"\x00\x01"):
        raise ValueError(f"{entry.filename} is not yes or no throughout")
    return np.frombuffer(numbers, dtype=dtype)
