"""What reading a file gave, and what every reader asks of a file."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

import click

MAX_BYTES = 200_000_000
Item = TypeVar("Item")
Other = TypeVar("Other")


class BadLine(Exception):
    """A line cannot be used. The reason is for whoever mends the file, and never quotes it."""


@dataclass(frozen=True, slots=True)
class Read(Generic[Item]):
    """`rows` are understood; `bad` are lines by number, with why; `left_out` counts what a reader does not ask for.

    `line` is what the numbers count.
    """

    rows: tuple[Item, ...]
    bad: tuple[tuple[int, str], ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
    line: str = "line"


@dataclass(frozen=True, slots=True)
class Delivery:
    """A file: its text, and where its rows came from, which is the same for the same content."""

    text: str
    source: str


def delivery(path: Path, form: str) -> Delivery:
    """Read a file whole. Raises `click.ClickException` for one that is too large or not UTF-8."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise click.ClickException(f"{path.name} is larger than {MAX_BYTES:,} bytes. Split it and load the parts.")
        content = path.read_bytes()
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = content.count(b"\n", 0, fault.start) + 1
        raise click.ClickException(f"{path.name} is not UTF-8 (line {line}). Save it as UTF-8.") from None
    except OSError as fault:
        raise click.ClickException(f"{path.name} cannot be read ({fault.strerror}).") from None
    return Delivery(text, f"{form} sha256:{hashlib.sha256(content).hexdigest()}")


def lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines that are not empty, numbered from 1. Only LF and CR LF end a line."""
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield number, line.removesuffix("\r")


def each(numbered: Iterable[tuple[int, Other]], understand: Callable[[Other], Item]) -> Read[Item]:
    """Understand line after line; those that raise `BadLine` are named."""
    rows, bad = [], []
    for number, line in numbered:
        try:
            rows.append(understand(line))
        except BadLine as fault:
            bad.append((number, str(fault)))
    return Read(tuple(rows), tuple(bad))
