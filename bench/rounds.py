"""Blocks of calls in turns: every variant runs in every round, and the order moves on by one each time."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bench.calls import Call, Check, send_all
from bench.processes import Server

# What a server still does after its last answer (logs, a closed connection) belongs to the block.
SETTLE_S = 0.1


@dataclass(frozen=True, slots=True)
class Variant:
    """One row of the table: a server, a path, how its calls are made from bodies, and what its answers must be."""

    name: str
    server: Server
    path: str
    calls: Callable[[Sequence[bytes]], Sequence[Call]]
    check: Check


@dataclass(slots=True)
class Figures:
    """What was measured of one variant: CPU milliseconds per call by round, wall milliseconds of every call."""

    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)


def run_block(variant: Variant, bodies: Sequence[bytes], figures: Figures) -> None:
    """Send one block and note its cost. Calls are made before the clock starts."""
    calls = variant.calls(bodies)
    before = variant.server.cpu_ms()
    figures.wall += send_all(variant.server.port, variant.path, calls, variant.check)
    time.sleep(SETTLE_S)
    figures.cpu.append((variant.server.cpu_ms() - before) / len(calls))


def turn(names: Sequence[str], round_number: int) -> list[str]:
    """The order of a round: the first of the round before goes last."""
    start = round_number % len(names)
    return [*names[start:], *names[:start]]
