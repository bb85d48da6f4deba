"""The geometry of one rate by group: a point with its interval in each line. The template draws it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from oversight.pages.equity_measures import Measured
from oversight.pages.pictures.chart import Tick

_WIDTH, _LABELS, _RIGHT, _ROW, _FOOT = 760, 220, 40, 28, 28


@dataclass(frozen=True, slots=True)
class GroupMark:
    """A group's figure; `x` is None where there is none, and `text` says why."""

    label: str
    text: str
    y: float
    x: float | None
    low: float
    high: float
    reference: bool


@dataclass(frozen=True, slots=True)
class GroupPicture:
    """Lines from the top down; `usual` is where the reference group lies."""

    marks: tuple[GroupMark, ...]
    usual: float | None
    x_ticks: tuple[Tick, ...]
    height: int
    width: int = _WIDTH
    left: int = _LABELS
    bottom: int = 0


def group_picture(rows: Sequence[Measured], told: tuple[float, str]) -> GroupPicture | None:
    """The figures of all groups on one scale from 0; None of none. `told`: a factor for the ticks, and their unit."""
    ends = [each.high for each in rows if each.value is not None]
    if not ends:
        return None
    most = _round_up(max(ends))
    room = _WIDTH - _LABELS - _RIGHT
    marks = tuple(_mark(each, place, room / most) for place, each in enumerate(rows))
    usual = next((mark.x for mark in marks if mark.reference), None)
    bottom = len(rows) * _ROW
    ticks = tuple(
        Tick(_LABELS + room * share, f"{most * share * told[0]:.3g}{told[1]}")
        for share in np.linspace(0, 1, 5).tolist()
    )
    return GroupPicture(marks, usual, ticks, bottom + _FOOT, bottom=bottom)


def _mark(each: Measured, place: int, scale: float) -> GroupMark:
    """One group."""
    y = place * _ROW + _ROW / 2
    label = each.name if len(each.name) <= 30 else each.name[:29] + "…"
    if each.value is None:
        return GroupMark(label, f"{each.name}: {each.text}", y, None, 0.0, 0.0, False)
    x, low, high = (_LABELS + scale * it for it in (each.value, each.low, each.high))
    return GroupMark(label, f"{each.name}: {each.text} ({each.interval})", y, x, low, high, each.reference)


def _round_up(value: float) -> float:
    """The next number with one digit that a scale may end at."""
    if value <= 0:
        return 1.0
    step = 10.0 ** np.floor(np.log10(value))
    return float(next(step * each for each in (1, 2, 4, 6, 8, 10) if step * each >= value))
