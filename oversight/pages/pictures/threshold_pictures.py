"""Rows and pictures of the curve over thresholds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from oversight.analytics.simulated import CurvePoint
from oversight.pages.outcome_words import risk
from oversight.pages.pictures.line_picture import Line, LinePicture, line_picture
from oversight.statistics.suppression import SMALLEST_SHOWN

Value = Callable[[CurvePoint], float | None]


@dataclass(frozen=True, slots=True)
class CurveRow:
    """One threshold in texts; `marked`: live or chosen."""

    threshold: str
    marked: str
    cards: str
    values: tuple[str, ...]


# Name, share or not, and the naive and the feedback-aware value.
_FIGURES: tuple[tuple[str, bool, Value, Value], ...] = (
    ("PPV", True, lambda at: at.ppv, lambda at: at.aware_ppv),
    ("Sensitivity", True, lambda at: at.sensitivity, lambda at: at.aware_sensitivity),
    ("Net benefit per 1,000", False, lambda at: _thousand(at.net_benefit), lambda at: _thousand(at.aware_net_benefit)),
)


def curve_rows(
    points: Sequence[CurvePoint], marked: Mapping[float, str], hidden: Mapping[float, str]
) -> tuple[CurveRow, ...]:
    """The table behind the pictures; figures of few stays are hidden. `hidden`: what stands for the cards there."""
    return tuple(
        CurveRow(
            risk(at.threshold),
            marked.get(at.threshold, ""),
            hidden.get(at.threshold, f"{at.cards_per_day:,.1f}"),
            tuple(
                _text(value(at) if at.above >= SMALLEST_SHOWN else None, share)
                for _, share, *both in _FIGURES for value in both
            ),
        )
        for at in points
    )  # fmt: skip


def curve_pictures(
    points: Sequence[CurvePoint], marked: Sequence[tuple[str, float]], hidden: Mapping[float, str]
) -> tuple[LinePicture, ...]:
    """Cards a day (but where they are `hidden`), PPV, sensitivity and net benefit against the threshold."""
    labels = [(at.threshold, f"{100 * at.threshold:.1f} %") for at in _apart(points)]
    rulers = [(at, name) for name, at in marked]
    cards = Line(
        "cards a day", "aware", [(at.threshold, at.cards_per_day) for at in points if at.threshold not in hidden],
        [f"{risk(at.threshold)}: {at.cards_per_day:.1f} cards a day" for at in points if at.threshold not in hidden],
    )  # fmt: skip
    pictures = [line_picture("Cards a day", [cards], labels, rulers=rulers, below="threshold")]
    shown = [at for at in points if at.above >= SMALLEST_SHOWN]
    for name, share, naive, aware in _FIGURES:
        level = None if share else 0.0
        lines = [
            _line(shown, name, kind, value, share=share)
            for kind, value in (("naive", naive), ("feedback-aware", aware))
            if any(value(at) is not None for at in shown)
        ]
        if lines:
            pictures.append(
                line_picture(name, lines, labels, share=share, level=level, rulers=rulers, below="threshold")
            )
    return tuple(each for each in pictures if each)


def _line(points: Sequence[CurvePoint], name: str, kind: str, value: Value, *, share: bool) -> Line:
    """One kind of figure over all thresholds."""
    return Line(
        kind,
        "plain" if kind == "naive" else "aware",
        [(at.threshold, value(at)) for at in points],
        [f"{risk(at.threshold)}: {name} {_text(value(at), share)}, {kind}" for at in points],
    )


def _apart(points: Sequence[CurvePoint]) -> list[CurvePoint]:
    """Points whose labels do not touch: thresholds lie closer together the lower they are."""
    if not points:
        return []
    gap = (points[-1].threshold - points[0].threshold) / 9
    kept: list[CurvePoint] = []
    for at in points:
        if not kept or at.threshold - kept[-1].threshold >= gap:
            kept.append(at)
    return kept


def _thousand(value: float | None) -> float | None:
    """Per 1,000 stays."""
    return None if value is None else 1000 * value


def _text(value: float | None, share: bool) -> str:
    """A value in words."""
    if value is None:
        return "–"
    if share:
        return f"{100 * value:.1f} %"
    return f"{value:.1f}" if value >= 0 else f"{value:.1f} (worse than no card)"
