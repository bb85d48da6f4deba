"""New files that only their owner may read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast


def private(path: str, flags: int) -> int:
    """Open a file that only its owner may read: the opener for `open`."""
    return os.open(path, flags, 0o600)


@contextmanager
def whole(path: Path) -> Iterator[BinaryIO]:
    """A new file that has its name only once it is written whole; until then it lies hidden beside it.

    Whatever ends the block before its end leaves no file; a killed process leaves the hidden one, which is in nobody's
    way. Raises `FileExistsError` where the name is taken, `OSError` where it cannot be written.
    """
    half = path.with_name(f".{path.name}.{os.getpid()}.half")
    try:
        with open(half, "wb", opener=private) as file:
            yield cast("BinaryIO", file)
            file.flush()
            os.fsync(file.fileno())
        _named(half, path)
    finally:
        half.unlink(missing_ok=True)


def _named(half: Path, path: Path) -> None:
    """Give it its name, which nobody else may have taken meanwhile."""
    try:
        os.link(half, path)
    except FileExistsError:
        raise
    except OSError as fault:  # a file system without hard links
        if path.exists():
            raise FileExistsError(path) from fault
        half.rename(path)
