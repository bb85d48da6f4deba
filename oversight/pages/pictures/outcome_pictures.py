"""Rows and pictures of the page of outcomes: figures over time, and the calibration curve."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from oversight.analytics.judged_stays import Known
from oversight.analytics.outcome_periods import Stretch
from oversight.analytics.side_by_side import Figure, SideBySide, as_estimate
from oversight.pages.outcome_words import interval, value
from oversight.pages.pictures.line_picture import Line, LinePicture, line_picture
from oversight.statistics.calibration_curve import CalibrationCurve
from oversight.statistics.estimate import Estimate
from oversight.statistics.hidden_parts import hidden_parts
from oversight.statistics.over_time import InPeriod
from oversight.statistics.refused import Refused
from oversight.statistics.suppression import SMALLEST_SHOWN

NAIVE, AWARE = "naive", "feedback-aware"
_KINDS = {NAIVE: "plain", AWARE: "aware"}
_NOTHING = Refused("no outcome is known")
_COMING = Refused("outcomes are still coming")
_NOT_WEIGHTED = Refused("not weighted")
# Name, field of `PeriodRow`, how it is written, and the level that would be right.
OVER_TIME = (
    ("AUROC", "auroc", "number", None),
    ("AUPRC", "average_precision", "number", None),
    ("Brier score", "brier", "fine", None),
    ("Calibration slope", "slope", "number", 1.0),
    ("O:E", "ratio", "number", 1.0),
    ("PPV", "ppv", "share", None),
)


@dataclass(frozen=True, slots=True)
class PeriodRow:
    """One week or month: stays assessed, with a known outcome, with the event (as text), and figures both ways."""

    start: date
    stays: str
    known: str
    events: str
    complete: bool
    auroc: tuple[Figure, Figure]
    slope: tuple[Figure, Figure]
    ratio: tuple[Figure, Figure]
    average_precision: tuple[Figure, Figure]
    brier: tuple[Figure, Figure]
    ppv: tuple[Figure, Figure]


def period_rows(found: Sequence[Stretch]) -> tuple[PeriodRow, ...]:
    """The table of all stretches; few stays or events are hidden, and what would give them away."""
    stays = _hidden([each.stays for each in found])
    known = _hidden([each.naive.rows if each.naive else 0 for each in found])
    events = _hidden([each.naive.events if each.naive else 0 for each in found])
    return tuple(
        PeriodRow(
            each.start, stays[place], known[place], events[place], each.complete,
            _both(each, lambda one: one.auroc), _both(each, _slope), _both(each, _ratio),
            _both(each, lambda one: one.average_precision), _both(each, lambda one: one.brier),
            _both(each, lambda one: as_estimate(one.ppv)),
        )
        for place, each in enumerate(found)
    )  # fmt: skip


def known_counts(known: Known) -> list[tuple[str, str]]:
    """Where assessments fall, as texts; few are hidden, and what would give them away."""
    names = (
        "Known",
        "Unknown: nobody has said anything",
        "Too early: what was said does not reach the end of the window",
        "Already: the event had come before",
    )
    return list(zip(names, _hidden([known.known, known.unknown, known.too_early, known.already]), strict=True))


def _hidden(counts: Sequence[int]) -> list[str]:
    """Counts as text."""
    numbers = np.array(counts, dtype=np.int64)
    flags, word = hidden_parts(numbers, (numbers > 0) & (numbers < SMALLEST_SHOWN))
    return [word if flag else f"{count:,}" for count, flag in zip(counts, flags, strict=True)]


def _both(each: Stretch, figure: Callable[[InPeriod], Figure]) -> tuple[Figure, Figure]:
    """Naive and feedback-aware."""
    if not each.complete:
        return _COMING, _COMING
    if each.naive is None:
        return _NOTHING, _NOTHING
    return figure(each.naive), figure(each.aware) if each.aware else _NOT_WEIGHTED


def _slope(one: InPeriod) -> Figure:
    """Of the calibration line."""
    line = one.calibration_line
    return line if isinstance(line, Refused) else line.slope


def _ratio(one: InPeriod) -> Figure:
    """Observed over expected."""
    found = one.observed_expected
    return found if isinstance(found, Refused) else found.ratio


def period_pictures(found: Sequence[Stretch]) -> tuple[LinePicture, ...]:
    """Each figure with both lines; those without a value are left out."""
    rows = period_rows(found)
    labels = [(float(place), row.start.isoformat()) for place, row in enumerate(rows)]
    made = []
    for name, key, written, level in OVER_TIME:
        lines = [_line(rows, key, side, kind, name, written) for side, kind in enumerate(_KINDS)]
        drawn = [line for line in lines if line]
        made.append(line_picture(name, drawn, labels, share=written == "share", level=level))
    return tuple(each for each in made if each)


def _line(rows: Sequence[PeriodRow], key: str, side: int, kind: str, name: str, written: str) -> Line | None:
    """One line of a picture; None where it has no value at all."""
    figures: list[Figure] = [getattr(row, key)[side] for row in rows]
    if not any(isinstance(each, Estimate) for each in figures):
        return None
    points = [(float(at), each.value if isinstance(each, Estimate) else None) for at, each in enumerate(figures)]
    ends = [(each.low, each.high) if isinstance(each, Estimate) else None for each in figures]
    texts = [
        f"{row.start}: {name} {value(each, written)} ({interval(each, written)}), {kind}"
        if isinstance(each, Estimate) else ""
        for row, each in zip(rows, figures, strict=True)
    ]  # fmt: skip
    return Line(kind, _KINDS[kind], points, texts, ends)


@dataclass(frozen=True, slots=True)
class BinRow:
    """A bin of the calibration curve; `observed` None where few had the event, or it would give few away."""

    kind: str
    low: float
    high: float
    mean: float
    stays: int
    observed: Estimate | None


def calibration_bins(found: SideBySide) -> tuple[BinRow, ...]:
    """Both curves as rows, naive first."""
    curves = [(NAIVE, found.naive.calibration_curve)]
    if not isinstance(found.weighted, Refused):
        curves.append((AWARE, found.weighted.calibration_curve))
    return tuple(row for kind, curve in curves if not isinstance(curve, Refused) for row in _bins(kind, curve))


def _bins(kind: str, curve: CalibrationCurve) -> list[BinRow]:
    """The rows of one curve. Weighted sums tell as much about few people as counts do."""
    events = np.array([round(each.observed.numerator) for each in curve.bins], dtype=np.int64)
    flags, _ = hidden_parts(events, (events > 0) & (events < SMALLEST_SHOWN))
    return [
        BinRow(
            kind, each.low_risk, each.high_risk, each.mean_risk, each.observed.rows,
            None if flag else Estimate(each.observed.value, each.observed.low, each.observed.high),
        )
        for each, flag in zip(curve.bins, flags, strict=True)
    ]  # fmt: skip


def calibration_picture(found: SideBySide) -> LinePicture | None:
    """Observed against forecast, with the line on which they agree."""
    rows = [row for row in calibration_bins(found) if row.observed]
    lines = []
    for kind, name in _KINDS.items():
        here = [row for row in rows if row.kind == kind]
        if here:
            lines.append(
                Line(
                    kind, name, [(row.mean, row.observed.value) for row in here if row.observed],
                    [_said(row) for row in here],
                    [(row.observed.low, row.observed.high) for row in here if row.observed],
                )
            )  # fmt: skip
    if not lines:
        return None
    most = max(row.mean for row in rows)
    lines.insert(0, Line("perfect", "limit", [(0.0, 0.0), (most, most)], ["", ""]))
    labels = [(most * part / 5, f"{100 * most * part / 5:.0f} %") for part in range(6)]
    return line_picture("Calibration curve", lines, labels, share=True, below="mean risk of the bin")


def _said(row: BinRow) -> str:
    """What stands at a point."""
    observed = f"{100 * row.observed.value:.1f} %" if row.observed else "hidden"
    return f"risk {100 * row.mean:.1f} %: {observed} had the event, {row.kind}"
