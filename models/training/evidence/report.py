"""The evaluation report of a model: one HTML file without script, made from the figures and from nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from models.training.evidence import svg

LABELS = {
    "auroc": "AUROC",
    "auprc": "AUPRC",
    "brier": "Brier score",
    "slope": "Slope",
    "ece": "ECE",
    "observed_per_expected": "O:E",
}
_ALERT = ("alerted", "sensitivity", "specificity", "positive_predictive_value")
Figures = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Table:
    """A table that only this model has."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class About:
    """Whose figures these are. `facts` are names and values of what was judged: data, split, seed, digest."""

    title: str
    description: str
    intended_use: str
    facts: Mapping[str, str]
    tables: Sequence[Table] = ()
    groups_note: str = ""
    periods_note: str = ""


@dataclass(frozen=True, slots=True)
class _Chart:
    """A picture and the table behind it."""

    title: str
    svg: Markup
    legend: Markup
    columns: Sequence[str]
    rows: Sequence[Sequence[str]] = field(default_factory=list)


def report(figures: Figures, about: About) -> str:
    """The page. The same figures give the same bytes."""
    environment = Environment(
        loader=PackageLoader("models.training.evidence", ""), autoescape=True, undefined=StrictUndefined
    )
    environment.globals |= {"row": _row, "alert": _alert, "group": _group, "span": _span, "percent": _percent}
    page = environment.get_template("report.html.j2")
    main = next(iter(figures["slices"]))
    charts = [_roc(figures), _precision(figures), *_calibration(figures), _decisions(figures)]
    return page.render(figures=figures, about=about, labels=LABELS, charts=charts, main=main) + "\n"


def _percent(share: float) -> str:
    """`12.3 %`."""
    return f"{share * 100:.1f} %"


def _span(figure: Sequence[float]) -> str:
    """`.844 (.833 to .855)`, with a real minus."""
    value, low, high = (f"{part:.3f}".replace("-", "−").replace("0.", ".", 1) for part in figure)
    return f"{value} ({low} to {high})"


def _cells(texts: Sequence[str]) -> Markup:
    """Table cells of numbers that this program wrote."""
    return Markup("").join(Markup("<td>{}</td>").format(text) for text in texts)


def _row(one: Figures) -> Markup:
    """Counts and all measures of a slice."""
    counts = [f"{one[name]:,}" for name in ("rows", "patients", "events")]
    if one.get("too_few"):
        return _cells([*counts, "too few to judge", *[""] * (len(LABELS) - 1)])
    return _cells([*counts, *(_span(one[name]) for name in LABELS)])


def _alert(one: Figures) -> Markup:
    """What one threshold means."""
    shares = [_percent(one[name]) if name in one else "–" for name in _ALERT]
    needed = one.get("number_needed_to_alert")
    return _cells([*shares, f"{needed:.1f}" if needed else "–"])


def _group(one: Figures) -> Markup:
    """The figures of one audit group."""
    if one.get("too_few"):
        return _cells(["too few to judge"])
    at = [
        _percent(limit[name]) if name in limit else "–"
        for limit in one["at"].values()
        for name in ("alerted", "sensitivity", "positive_predictive_value")
    ]
    return _cells([*(_span(one[name]) for name in ("auroc", "observed_per_expected", "ece")), *at])


def _chart(title: str, axes: svg.Axes, lines: Sequence[svg.Line], columns: Sequence[str], rows: Any) -> _Chart:
    """A chart with its table."""
    texts = [[f"{cell:.4g}" for cell in cells] for cells in rows]
    return _Chart(title, Markup(svg.chart(title, axes, lines)), Markup(svg.legend(lines)), columns, texts)  # noqa: S704


def _roc(figures: Figures) -> _Chart:
    """Sensitivity against false alarms."""
    points = [(x, y) for x, y in figures["roc"]]
    lines = [svg.Line("model", points), svg.Line("chance", [(0, 0), (1, 1)])]
    axes = svg.Axes("1 − specificity", "sensitivity")
    return _chart("ROC curve", axes, lines, ("1 − specificity", "sensitivity"), points)


def _precision(figures: Figures) -> _Chart:
    """PPV against sensitivity."""
    points = [(x, y) for x, y in figures["precision_recall"]]
    main = next(iter(figures["slices"].values()))
    share = main["events"] / main["rows"]
    lines = [svg.Line("model", points), svg.Line("share with the outcome", [(0, share), (1, share)])]
    axes = svg.Axes("sensitivity (recall)", "PPV (precision)")
    return _chart("Precision and recall", axes, lines, ("sensitivity", "PPV"), points)


def _calibration(figures: Figures) -> list[_Chart]:
    """Observed against predicted, a chart a slice."""
    found = []
    for name, rows in figures["calibration"].items():
        end = svg.round_end(max(max(row["high"], row["predicted"]) for row in rows))
        axes = svg.Axes("predicted", "observed", (0.0, end), (0.0, end))
        points = [(row["predicted"], row["observed"]) for row in rows]
        whiskers = [(row["low"], row["high"]) for row in rows]
        lines = [
            svg.Line("tenth of the rows, 95 % interval", points, whiskers),
            svg.Line("ideal", [(0, 0), (end, end)]),
        ]
        keys = ("predicted", "observed", "low", "high", "rows", "events")
        table = [[row[key] for key in keys] for row in rows]
        found.append(_chart(f"Calibration, {name}", axes, lines, keys, table))
    return found


def _decisions(figures: Figures) -> _Chart:
    """Net benefit of alerting by the model, on everybody, on nobody."""
    curve = figures["decision_curve"]
    names = {"model": "by the model", "everybody": "on everybody"}
    lines = [svg.Line(label, [(row["threshold"], row[name]) for row in curve]) for name, label in names.items()]
    lines.append(svg.Line("on nobody", [(0, 0), (0.5, 0)]))
    top = svg.round_end(max(0.001, *(row["model"] for row in curve)))
    axes = svg.Axes("threshold probability", "net benefit", (0.0, 0.5), (-0.25 * top, top))
    table = [[row[name] for name in ("threshold", "model", "everybody")] for row in curve]
    return _chart("Decision curve (Vickers & Elkin 2006)", axes, lines, ("threshold", *names.values()), table)
