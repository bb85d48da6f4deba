"""The machine's own cost of durability: append a row's worth of bytes to a file and wait for the disk."""

from __future__ import annotations

import os
import statistics
import time
from pathlib import Path

ROW = b"x" * 4096
WRITES = 40


def append_ms(folder: Path) -> float:
    """The median of some appends, each with its own fdatasync, in milliseconds of wall clock."""
    taken = []
    with (folder / "probe").open("ab", buffering=0) as file:
        for _ in range(WRITES):
            started = time.perf_counter()
            file.write(ROW)
            os.fdatasync(file.fileno())
            taken.append((time.perf_counter() - started) * 1000)
    return statistics.median(taken)
