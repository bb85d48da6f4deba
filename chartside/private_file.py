"""New files that only their owner may read, and that have their names only once they are whole."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO, cast


def private(path: str, flags: int) -> int:
    """Open a file that only its owner may read: the opener for `open`."""
    return os.open(path, flags, 0o600)


@contextmanager
def whole(path: Path, *, anew: bool = False) -> Iterator[BinaryIO]:
    """A new file that has its name only once it is written whole; until then it lies hidden beside it.

    With `anew` it takes the place of one that has the name. Whatever ends the block before its end leaves no file; a
    killed process leaves the hidden one, which is in nobody's way. Raises `FileExistsError` where the name is taken,
    `OSError` where it cannot be written.
    """
    half = path.with_name(f".{path.name}.{os.getpid()}.half")
    try:
        with open(half, "wb", opener=private) as file:
            yield cast("BinaryIO", file)
            file.flush()
            os.fsync(file.fileno())
        if anew:
            half.replace(path)
        else:
            _named(half, path)
    finally:
        half.unlink(missing_ok=True)


@contextmanager
def whole_text(path: Path, *, anew: bool = False) -> Iterator[TextIO]:
    """The same as text in UTF-8; line ends are as they are written, as CSV wants it. Raises what `whole` raises."""
    with whole(path, anew=anew) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        yield text
        text.flush()
        text.detach()


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
