"""The charts of the report, each with the table behind it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from models.training.evidence import svg

# Calibration is drawn for so many slices: the first that was named, then the earliest and the latest of the others.
MOST_CALIBRATIONS = 3
Figures = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture and the table behind it."""

    title: str
    svg: Markup
    legend: Markup
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


def charts(figures: Figures) -> Iterator[Chart]:
    """ROC, precision and recall, calibration, decision curve: those that the outcomes allow."""
    if figures["roc"]:
        yield _roc(figures)
        yield _precision(figures)
    yield from _calibrations(figures)
    yield _decisions(figures)


def _chart(title: str, axes: svg.Axes, lines: Sequence[svg.Line], columns: Sequence[str], rows: Any) -> Chart:
    """A chart with its table."""
    texts = [[f"{cell:.4g}" for cell in cells] for cells in rows]
    return Chart(title, Markup(svg.chart(title, axes, lines)), Markup(svg.legend(lines)), columns, texts)  # noqa: S704


def _roc(figures: Figures) -> Chart:
    """Sensitivity against false alarms, and where the tiers lie."""
    points = [(x, y) for x, y in figures["roc"]]
    lines = [svg.Line("model", points), svg.Line("chance", [(0, 0), (1, 1)]), *_tiers(figures)]
    axes = svg.Axes("1 − specificity", "sensitivity")
    return _chart("ROC curve", axes, lines, ("1 − specificity", "sensitivity"), points)


def _tiers(figures: Figures) -> Iterator[svg.Line]:
    """A dot for each threshold."""
    main = next(iter(figures["slices"]))
    for tier, slices in figures["by_threshold"].items():
        at = slices.get(main, {})
        if "sensitivity" in at and "specificity" in at:
            place = (1 - at["specificity"], at["sensitivity"])
            yield svg.Line(f"threshold “{tier}”", [place], [(place[1], place[1])])


def _precision(figures: Figures) -> Chart:
    """PPV against sensitivity."""
    points = [(x, y) for x, y in figures["precision_recall"]]
    main = next(iter(figures["slices"].values()))
    share = main["events"] / main["n"]
    lines = [svg.Line("model", points), svg.Line("share with the outcome", [(0, share), (1, share)])]
    axes = svg.Axes("sensitivity (recall)", "PPV (precision)")
    return _chart("Precision and recall", axes, lines, ("sensitivity", "PPV"), points)


def _calibrations(figures: Figures) -> Iterator[Chart]:
    """Observed against predicted, for the first slice and the two ends of the others."""
    names = [name for name, rows in figures["calibration"].items() if rows]
    chosen = names if len(names) <= MOST_CALIBRATIONS else [names[0], names[1], names[-1]]
    for name in chosen:
        yield _calibration(name, figures["calibration"][name])


def _calibration(name: str, rows: Sequence[Figures]) -> Chart:
    """One of them."""
    end = min(svg.round_end(max(max(row["high"], row["predicted"]) for row in rows)), 1.0)
    axes = svg.Axes("predicted", "observed", (0.0, end), (0.0, end))
    points = [(row["predicted"], row["observed"]) for row in rows]
    whiskers = [(row["low"], row["high"]) for row in rows]
    lines = [svg.Line("tenth of the rows, 95 % interval", points, whiskers), svg.Line("ideal", [(0, 0), (end, end)])]
    keys = ("predicted", "observed", "low", "high", "n", "events")
    return _chart(f"Calibration, {name}", axes, lines, keys, [[row[key] for key in keys] for row in rows])


def _decisions(figures: Figures) -> Chart:
    """Net benefit of alerting by the model, on everybody, on nobody; as far as the model has any."""
    useful = [row["threshold"] for row in figures["decision_curve"] if row["model"] > 0]
    end = min(svg.round_end(max(useful, default=0.1)), 0.5)
    curve = [row for row in figures["decision_curve"] if row["threshold"] <= end]
    names = {"model": "by the model", "everybody": "on everybody"}
    lines = [svg.Line(label, [(row["threshold"], row[name]) for row in curve]) for name, label in names.items()]
    lines.append(svg.Line("on nobody", [(0, 0), (end, 0)]))
    step = svg.round_end(max(0.001, *(row["model"] for row in curve)) / 4)
    axes = svg.Axes("threshold probability", "net benefit", (0.0, end), (-step, 4 * step))
    table = [[row[name] for name in ("threshold", "model", "everybody")] for row in curve]
    return _chart("Decision curve (Vickers & Elkin 2006)", axes, lines, ("threshold", *names.values()), table)
