"""CSV files of outcomes, groups and actions (docs/outcomes.md says what stands in which column)."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

import click

from chartside.follow_up.moments import Moments
from chartside.follow_up.reading import BadLine, Read, each, lines
from clinical.follow_up import ActionSeen, ObservedOutcome, PatientGroup

Item = TypeVar("Item")
Cells = Mapping[str, str]
_YES, _NO = frozenset({"1", "true", "yes"}), frozenset({"0", "false", "no"})
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}", re.ASCII)
_LONGEST = 200


def read_outcomes(text: str, *, client: str, name: str, moments: Moments) -> Read[ObservedOutcome]:
    """Columns patient, occurred, time, and encounter if there are stays."""

    def understand(cells: Cells) -> ObservedOutcome:
        patient, occurred = _filled(cells, "patient"), cells["occurred"].lower()
        if occurred not in _YES | _NO:
            raise BadLine("occurred is neither yes nor no (1, 0, true, false, yes, no)")
        stay = _short(cells, "encounter") if "encounter" in cells else ""
        return ObservedOutcome(patient, client, name, occurred in _YES, moments.read(cells["time"]), stay or None)

    return _read(text, ("patient", "occurred", "time"), ("encounter",), understand)


def read_groups(text: str, *, client: str) -> Read[PatientGroup]:
    """Columns patient, attribute, value."""

    def understand(cells: Cells) -> PatientGroup:
        patient = _filled(cells, "patient")
        return PatientGroup(patient, client, _name(cells, "attribute"), _filled(cells, "value"))

    return _read(text, ("patient", "attribute", "value"), (), understand)


def read_actions(text: str, *, client: str, moments: Moments) -> Read[ActionSeen]:
    """Columns advice, kind, time."""

    def understand(cells: Cells) -> ActionSeen:
        advice = _filled(cells, "advice")
        return ActionSeen(advice, client, _name(cells, "kind"), moments.read(cells["time"]))

    return _read(text, ("advice", "kind", "time"), (), understand)


def _read(
    text: str, required: tuple[str, ...], optional: tuple[str, ...], understand: Callable[[Cells], Item]
) -> Read[Item]:
    """Every line under a header that holds the required columns and no unknown one."""
    rows = lines(text)
    names = _header(rows, required, optional)
    return each(rows, lambda line: understand(_cells(line, names)))


def _header(rows: Iterator[tuple[int, str]], required: tuple[str, ...], optional: tuple[str, ...]) -> tuple[str, ...]:
    """The names of the columns, from the first line. Raises `click.ClickException`."""
    wanted = f"The first line must name the columns {','.join(required)}"
    wanted += f" (and may name {', '.join(optional)})." if optional else "."
    _, line = next(rows, (0, ""))
    try:
        names = tuple(name.strip().lower() for name in _split(line))
    except BadLine:
        raise click.ClickException(wanted) from None
    if not set(required) <= set(names) <= {*required, *optional} or len(set(names)) < len(names):
        raise click.ClickException(wanted)
    return names


def _cells(line: str, names: tuple[str, ...]) -> Cells:
    """The cells of a line by column."""
    found = _split(line)
    if len(found) != len(names):
        raise BadLine(f"it does not have {len(names)} cells, as the first line does")
    return dict(zip(names, (cell.strip() for cell in found), strict=True))


def _split(line: str) -> list[str]:
    """Comma-separated cells, with double quotes where a cell holds a comma (RFC 4180). None holds a line break."""
    try:
        return next(csv.reader([line], strict=True))
    except (csv.Error, StopIteration):
        raise BadLine("its quotes do not close, or something stands behind them") from None


def _short(cells: Cells, name: str) -> str:
    """A cell of bounded length, without control characters."""
    if len(cells[name]) > _LONGEST or not cells[name].isprintable():
        raise BadLine(f"{name} is longer than {_LONGEST} characters or holds one that cannot be printed")
    return cells[name]


def _filled(cells: Cells, name: str) -> str:
    """A cell that is not empty."""
    if not cells[name]:
        raise BadLine(f"{name} is empty")
    return _short(cells, name)


def _name(cells: Cells, name: str) -> str:
    """A name of ours."""
    if not _NAME.fullmatch(cells[name]):
        raise BadLine(f"{name} is not a name of small letters, digits and hyphens (at most 64)")
    return cells[name]
