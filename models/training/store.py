"""Writing an artefact so that equal content gives equal bytes, on any machine.

Nothing is compressed, as the bytes of a compressed file depend on the library's version, and the clock is set to the
earliest time that a ZIP file can hold.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from dataclasses import astuple

import numpy as np

from models.runtime.archive import LAYOUT, SUFFIX, VERSION, Array
from models.runtime.artefact import Artefact, read_artefact
from models.runtime.trees import NODE, end_to_end

_CLOCK = (1980, 1, 1, 0, 0, 0)
_MODE = 0o644 << 16


def artefact_bytes(artefact: Artefact) -> bytes:
    """The file of an artefact. Raises `ArtefactRejected` if what was written could not be read again."""
    content = _zip({**_nodes(artefact), **_answers(artefact)})
    read_artefact(content)
    return content


def _nodes(artefact: Artefact) -> dict[str, Array]:
    """The trees of all members, end to end, by property; the reader works out the properties that are not kept."""
    trees = [tree for member in artefact.members for tree in member.trees]
    nodes, _, sizes = end_to_end(trees)
    return {
        "baseline": np.array([member.baseline for member in artefact.members]),
        "trees": np.array([len(member.trees) for member in artefact.members]),
        "sizes": sizes,
        **{name: nodes[name] for name in NODE.names or () if name in LAYOUT},
    }


def _answers(artefact: Artefact) -> dict[str, Array]:
    """What is not a tree."""
    ranges = artefact.ranges
    return {
        "version": np.array([VERSION]),
        "calibration": np.array(astuple(artefact.calibration)),
        "features": np.frombuffer("\n".join(artefact.features).encode(), dtype=np.uint8),
        "weights": artefact.weights,
        "lowest": artefact.lowest,
        "highest": artefact.highest,
        "range_from": np.array([one.from_hour for one in ranges]),
        "range_sizes": np.array([len(one.lower) for one in ranges]),
        "range_at": np.concatenate([[], *(one.at for one in ranges)]),
        "range_lower": np.concatenate([[], *(one.lower for one in ranges)]),
        "range_upper": np.concatenate([[], *(one.upper for one in ranges)]),
    }


def _zip(arrays: Mapping[str, Array]) -> bytes:
    """The arrays in the order and with the types of the layout."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as out:
        for name, dtype in LAYOUT.items():
            entry = zipfile.ZipInfo(name + SUFFIX, _CLOCK)
            entry.external_attr, entry.create_system = _MODE, 3
            out.writestr(entry, _npy(np.ascontiguousarray(arrays[name], dtype=dtype)))
    return target.getvalue()


def _npy(array: Array) -> bytes:
    """One array in numpy's own format, version 1.0."""
    target = io.BytesIO()
    np.lib.format.write_array(target, array, version=(1, 0), allow_pickle=False)
    return target.getvalue()
