"""The file of an artefact: nothing is kept that was not written, and nothing is read that could not give an answer."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinical.errors import ArtefactRejected
from models.runtime import archive
from models.runtime.archive import LAYOUT
from models.runtime.artefact import Artefact, Calibration, Member, Ranges, read_artefact
from models.runtime.trees import NODE, Nodes, grow
from models.training.store import artefact_bytes

Arrays = dict[str, Any]


def stump(column: int = 0, threshold: float = 1.5) -> Nodes:
    """One split, two leaves."""
    nodes = np.zeros(3, dtype=NODE)
    nodes["left"][0], nodes["right"][0] = 1, 2
    nodes["feature_idx"][0], nodes["num_threshold"][0] = column, threshold
    nodes["count"], nodes["value"] = [9, 4, 5], [0.0, -0.5, 0.25]
    return nodes


def deeper() -> Nodes:
    """Two splits, three leaves."""
    nodes = np.zeros(5, dtype=NODE)
    nodes["left"][[0, 2]], nodes["right"][[0, 2]] = [1, 3], [2, 4]
    nodes["num_threshold"][[0, 2]], nodes["feature_idx"][[0, 2]] = [0.5, np.inf], [1, 0]
    nodes["missing_go_to_left"][0] = True
    nodes["count"], nodes["value"] = [9, 4, 5, 2, 3], [0.0, 1.0, 0.0, 2.0, 3.0]
    return nodes


@pytest.fixture(scope="module")
def artefact() -> Artefact:
    """Two members of two trees and one, and ranges at two landmarks."""
    first = Member(-1.5, grow([3, 5], np.concatenate([stump(), deeper()])))
    second = Member(-1.25, grow([3], stump(2, 7.0)))
    return Artefact(
        members=(first, second),
        calibration=Calibration(1.1, -0.2, 0.05, 0.01),
        features=("age", "hours", "Blutdruck µ"),
        weights=np.array([0.5, 0.0, 0.1]),
        lowest=np.array([18.0, 6.0, np.nan]),
        highest=np.array([90.0, 48.0, np.nan]),
        ranges=(
            Ranges(12.0, np.array([0, 0.3, 1.0]), np.array([0.1, 0.4]), np.array([0.2, 0.9])),
            Ranges(24.0, np.array([0, 1.0]), np.array([0.0]), np.array([1.0])),
        ),
    )


@pytest.fixture(scope="module")
def content(artefact: Artefact) -> bytes:
    """Its file."""
    return artefact_bytes(artefact)


def arrays_of(content: bytes) -> Arrays:
    """The arrays of a file, that can be changed."""
    with np.load(io.BytesIO(content), allow_pickle=False) as found:
        return {name: found[name].copy() for name in found.files}


def packed(arrays: Mapping[str, Any], compression: int = zipfile.ZIP_STORED) -> bytes:
    """A .npz of these arrays."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", compression) as out:
        for name, array in arrays.items():
            part = io.BytesIO()
            np.lib.format.write_array(part, np.asanyarray(array), version=(1, 0))
            out.writestr(f"{name}.npy", part.getvalue())
    return target.getvalue()


def test_what_was_written_is_read(artefact: Artefact, content: bytes) -> None:
    """To the last bit, and writing it again gives the same bytes."""
    found = read_artefact(content)
    assert (found.calibration, found.features) == (artefact.calibration, artefact.features)
    for name in ("weights", "lowest", "highest"):
        assert np.array_equal(getattr(found, name), getattr(artefact, name), equal_nan=True)
    for mine, own in zip(found.members, artefact.members, strict=True):
        assert mine.baseline == own.baseline
        assert all(np.array_equal(a, b) for a, b in zip(mine.trees, own.trees, strict=True))
    for table, given_ in zip(found.ranges, artefact.ranges, strict=True):
        assert table.from_hour == given_.from_hour
        assert all(np.array_equal(getattr(table, n), getattr(given_, n)) for n in ("at", "lower", "upper"))
    assert artefact_bytes(found) == content


def test_numpy_itself_opens_it(content: bytes) -> None:
    """It is a plain .npz: the arrays of the layout, of its types, and no clock or user in it."""
    found = arrays_of(content)
    assert {name: array.dtype for name, array in found.items()} == dict(LAYOUT)
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        assert {entry.date_time for entry in file.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_without_ranges_there_is_no_interval(artefact: Artefact) -> None:
    """And the file can be read all the same."""
    found = read_artefact(artefact_bytes(replace(artefact, ranges=())))
    assert found.ranges == ()
    assert found.interval(0.2, 24.0) == ()


@pytest.mark.parametrize(
    ("p", "hours", "expected"),
    [
        (0.1, 6.0, (0.1, 0.2)),
        (0.1, 12.0, (0.1, 0.2)),
        (0.3, 23.9, (0.3, 0.9)),
        (1.0, 20.0, (0.4, 1.0)),
        (0.3, 24.0, (0.0, 1.0)),
        (0.3, 99.0, (0.0, 1.0)),
    ],
)
def test_a_probability_has_the_range_of_the_latest_landmark_reached(
    artefact: Artefact, p: float, hours: float, expected: tuple[float, float]
) -> None:
    """Before the first one, that of the first; wide enough to hold the probability itself."""
    assert artefact.interval(p, hours) == expected


def set_to(name: str, place: Any, value: Any) -> Callable[[Arrays], None]:
    """A change of one number."""

    def change(arrays: Arrays) -> None:
        arrays[name][place] = value

    return change


def becomes(name: str, how: Callable[[Any], Any]) -> Callable[[Arrays], None]:
    """A change of one array."""

    def change(arrays: Arrays) -> None:
        arrays[name] = how(arrays[name])

    return change


def moved_left(arrays: Arrays) -> None:
    """The second split of the second tree leads back to its root."""
    arrays["left"][5] = 0


FAULTS: Mapping[str, Callable[[Arrays], Any]] = {
    "an array is missing": lambda arrays: arrays.pop("count"),
    "an array is unknown": lambda arrays: arrays.update(more=np.zeros(1)),
    "another version": set_to("version", 0, 2),
    "another type": becomes("value", lambda a: a.astype("<f4")),
    "the other byte order": becomes("value", lambda a: a.astype(">f8")),
    "two dimensions": becomes("weights", lambda a: a[None]),
    "no dimension": becomes("version", lambda a: a[0]),
    "too few nodes": becomes("value", lambda a: a[:-1]),
    "too few columns": becomes("lowest", lambda a: a[:-1]),
    "NaN in a leaf": set_to("value", 1, np.nan),
    "an infinite leaf": set_to("value", 1, np.inf),
    "NaN as threshold": set_to("num_threshold", 0, np.nan),
    "-inf as threshold": set_to("num_threshold", 0, -np.inf),
    "NaN as baseline": set_to("baseline", 0, np.nan),
    "an infinite slope": set_to("calibration", 0, np.inf),
    "a slope that turns the risk around": set_to("calibration", 0, -1.0),
    "three numbers of calibration": becomes("calibration", lambda a: a[:3]),
    "a child of another tree": set_to("right", 0, 3),
    "a child far behind": set_to("right", 0, 4_000_000_000),
    "a cycle": moved_left,
    "a node that is its own child": set_to("left", 0, 0),
    "two parents": set_to("right", 0, 1),
    "one child only": set_to("right", 5, 0),
    "a column that is not there": set_to("feature_idx", 0, 3),
    "a negative column": set_to("feature_idx", 0, -1),
    "counts that do not add up": set_to("count", 1, 5),
    "no rows in a leaf": set_to("count", slice(0, 3), [9, 0, 9]),
    "trees of no member": set_to("trees", 1, 0),
    "a negative number of trees": set_to("trees", slice(0, 2), [4, -1]),
    "a member too many": becomes("baseline", lambda a: np.append(a, 0.0)),
    "a tree of no node": becomes("sizes", lambda a: np.append(a, 0).astype("<i4")),
    "trees beyond the nodes": set_to("sizes", 0, 4),
    "a negative weight": set_to("weights", 0, -0.1),
    "NaN as weight": set_to("weights", 0, np.nan),
    "no weight at all": becomes("weights", np.zeros_like),
    "a lowest above the highest": set_to("lowest", 0, 91.0),
    "an infinite highest": set_to("highest", 0, np.inf),
    "two columns of one name": becomes("features", lambda a: np.frombuffer(b"age\nage\nx", dtype="u1")),
    "no text": becomes("features", lambda a: np.frombuffer(b"\xff\nb\nc", dtype="u1")),
    "hours by day without hours": becomes("features", lambda a: np.frombuffer(b"a\nb\nc", dtype="u1")),
    "landmarks that fall": set_to("range_from", 1, 6.0),
    "points that do not rise": set_to("range_at", 1, 0.0),
    "points that do not begin at 0": set_to("range_at", 0, 0.1),
    "a lower end above the upper": set_to("range_lower", 0, 0.3),
    "an upper end above 1": set_to("range_upper", 1, 1.1),
    "NaN as range": set_to("range_lower", 0, np.nan),
    "a point too few": becomes("range_at", lambda a: a[:-1]),
    "a table without ranges": set_to("range_sizes", slice(0, 2), [3, 0]),
    "a landmark without a table": becomes("range_from", lambda a: np.append(a, 99.0)),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_what_does_not_hold_together_is_refused(content: bytes, fault: Callable[[Arrays], Any]) -> None:
    """With a message that names the file."""
    arrays = arrays_of(content)
    fault(arrays)
    with pytest.raises(ArtefactRejected, match=r"model\.npz cannot be opened"):
        read_artefact(packed(arrays), "model.npz")


def test_what_is_unchanged_is_accepted(content: bytes) -> None:
    """The faults above are refused for what they are."""
    assert artefact_bytes(read_artefact(packed(arrays_of(content)))) == content


def test_an_object_array_is_never_unpickled(content: bytes) -> None:
    """It is not of the type that the layout names."""
    arrays = arrays_of(content) | {"value": np.array([print], dtype=object)}
    with pytest.raises(ArtefactRejected, match="another type"):
        read_artefact(packed(arrays))


def test_a_compressed_entry_is_refused(content: bytes) -> None:
    """So no small file can become a large one."""
    arrays = arrays_of(content) | {"value": np.zeros(10_000_000)}
    with pytest.raises(ArtefactRejected, match="compressed"):
        read_artefact(packed(arrays, zipfile.ZIP_DEFLATED))


def test_a_header_that_promises_more_than_there_is_takes_no_memory(content: bytes) -> None:
    """The numbers are counted, not believed."""
    arrays = arrays_of(content)
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as out:
        for name, array in arrays.items():
            part = io.BytesIO()
            if name == "value":
                header = {"descr": "<f8", "fortran_order": False, "shape": (10**12,)}
                np.lib.format.write_array_header_1_0(part, header)
                part.write(array.tobytes())
            else:
                np.lib.format.write_array(part, array, version=(1, 0))
            out.writestr(f"{name}.npy", part.getvalue())
    with pytest.raises(ArtefactRejected, match="shape"):
        read_artefact(target.getvalue())


def test_a_file_beyond_all_measure_is_not_opened(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is in it."""
    monkeypatch.setattr(archive, "LARGEST", len(content) - 1)
    with pytest.raises(ArtefactRejected, match="too large"):
        read_artefact(content)


@given(place=st.integers(0, 10_000), value=st.integers(1, 255))
@settings(max_examples=300, deadline=None)
def test_a_changed_byte_is_refused_or_gives_a_sound_artefact(content: bytes, place: int, value: int) -> None:
    """Where the hash did not catch it, nothing but `ArtefactRejected` is raised."""
    changed = bytearray(content)
    changed[place % len(changed)] ^= value
    try:
        found = read_artefact(bytes(changed))
    except ArtefactRejected:
        return
    assert artefact_bytes(found)


@given(st.binary(max_size=200))
@settings(max_examples=100, deadline=None)
def test_no_file_at_all_is_refused(junk: bytes) -> None:
    """Whatever the bytes."""
    with pytest.raises(ArtefactRejected):
        read_artefact(junk)


def test_what_could_not_be_read_is_not_written(artefact: Artefact) -> None:
    """The writer reads its own file first."""
    with pytest.raises(ArtefactRejected):
        artefact_bytes(replace(artefact, calibration=Calibration(-1.0, 0.0)))


def test_a_tree_too_deep_is_refused() -> None:
    """The walk of every level is bounded."""
    size = 301
    nodes = np.zeros(2 * size + 1, dtype=NODE)
    inner = np.arange(0, 2 * size, 2)
    nodes["left"][inner], nodes["right"][inner] = inner + 1, inner + 2
    nodes["count"] = 1
    nodes["count"][inner] = np.arange(size + 1, 1, -1)
    with pytest.raises(ValueError, match="deeper"):
        grow([len(nodes)], nodes)
