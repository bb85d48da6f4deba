"""How well the model does, in words and in small tables, for the forms that people read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from clinical.wording import percent_points
from models.training.model_card.formats import percent, span
from models.training.model_card.tables import Table

SLICE_COLUMNS = {
    "auroc": "AUROC",
    "auprc": "AUPRC",
    "brier": "Brier score",
    "slope": "Calibration slope",
    "ece": "ECE",
    "observed_per_expected": "Observed / expected",
}
THRESHOLD_COLUMNS = {
    "alerted": "Flagged",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "positive_predictive_value": "PPV",
}
GROUP_COLUMNS = {"auroc": "AUROC", "observed_per_expected": "Observed / expected"}
NONE, TOO_FEW = "–", "too few to judge"
Figures = Mapping[str, Any]


def sentences(figures: Figures, rows: str) -> Iterator[str]:
    """The main figures in words, of the first slice. `rows` says what is counted ("stays")."""
    name, one = next(iter(figures["slices"].items()))
    patients = "" if one["rows"] == one["patients"] else f" of {one['patients']:,} patients"
    yield f"Judged on {one['rows']:,} {rows}{patients}, {one['events']:,} of them with the outcome ({name})."
    if one.get("too_few"):
        yield "That is too few to say how well the model does."
        return
    yield _pairs(one["auroc"], rows)
    yield _expected(one["observed_per_expected"])
    yield _distance(one["ece"])
    for tier, at in figures["thresholds"].items():
        yield _threshold(tier, at, rows)
    for score, other in figures["comparators"].items():
        yield _against(score, other, rows)


def _whole(figure: list[float]) -> list[int]:
    """A share with its interval, in whole hundredths."""
    return [percent_points(part) for part in figure]


def _pairs(auroc: list[float], rows: str) -> str:
    """AUROC as what it means."""
    value, low, high = _whole(auroc)
    return (
        f"Of 100 pairs of {rows}, one with the outcome and one without, the model gives the one with the outcome the "
        f"higher risk in about {value} (95 % interval {low} to {high}). Chance would give 50."
    )


def _expected(ratio: list[float]) -> str:
    """Observed over expected."""
    value, low, high = _whole(ratio)
    return f"Where the model expects 100 outcomes, about {value} happen (95 % interval {low} to {high})."


def _distance(ece: list[float]) -> str:
    """The calibration error, in percentage points."""
    value, low, high = (f"{100 * part:.1f}" for part in ece)
    return (
        f"Over ten groups from low to high risk, predicted and observed lie {value} percentage points apart on average "
        f"(95 % interval {low} to {high})."
    )


def _threshold(tier: str, at: Figures, rows: str) -> str:
    """What flagging from a threshold on would have meant."""
    parts = [f"{percent_points(at['alerted'])} of 100 {rows} are flagged"]
    if "sensitivity" in at:
        parts.append(f"{percent_points(at['sensitivity'])} of 100 with the outcome are among them")
    if "positive_predictive_value" in at:
        parts.append(f"of 100 that are flagged, {percent_points(at['positive_predictive_value'])} have the outcome")
    return f"At the threshold “{tier}” ({percent(at['threshold'])}): {'; '.join(parts)}."


def _against(score: str, other: Figures, rows: str) -> str:
    """The model beside a score that clinicians know."""
    if other.get("too_few"):
        return f"{score}: {TOO_FEW} on the same {rows}."
    mine, its = _whole(other["auroc_model"])[0], _whole(other["auroc_score"])[0]
    return (
        f"{score} orders {its} of 100 such pairs rightly, the model {mine} of the same {other['rows']:,} {rows}; the "
        f"difference in AUROC is {span(other['difference'])}."
    )


def tables(figures: Figures) -> list[Table]:
    """Everything that a card shows in tables: slices, thresholds, calibration of the first slice, groups."""
    return [_slices(figures), *_thresholds(figures), _calibration(figures), *groups(figures)]


def _slices(figures: Figures) -> Table:
    """All measures of each slice."""
    rows = [(name, *_counts(one), *_spans(one, SLICE_COLUMNS)) for name, one in figures["slices"].items()]
    return Table("Figures with 95 % intervals", ("Rows of", "Rows", "Events", *SLICE_COLUMNS.values()), rows)


def _thresholds(figures: Figures) -> list[Table]:
    """What each threshold means on the first slice, if there are any."""
    main, found = next(iter(figures["slices"])), figures["thresholds"]
    rows = [
        (name, percent(at["threshold"]), *(percent(at[key]) if key in at else NONE for key in THRESHOLD_COLUMNS))
        for name, at in found.items()
    ]
    return [Table(f"Thresholds, {main}", ("Tier", "From", *THRESHOLD_COLUMNS.values()), rows)] if rows else []


def _calibration(figures: Figures) -> Table:
    """What happened at each predicted risk, in tenths of the rows."""
    main, bins = next(iter(figures["calibration"].items()))
    rows = [
        (percent(one["predicted"]), f"{one['rows']:,}", f"{one['events']:,}", _share(one["observed"], one))
        for one in bins
    ]
    return Table(f"What happened at each predicted risk, {main}", ("Predicted", "Rows", "Events", "Observed"), rows)


def _share(value: float, one: Figures) -> str:
    """A share with its 95 % interval."""
    return f"{percent(value)} ({percent(one['low'])} to {percent(one['high'])})"


def groups(figures: Figures) -> list[Table]:
    """One table for each attribute that groups are formed by, on the first slice."""
    main = next(iter(figures["slices"]))
    return [
        Table(
            f"By {attribute}, {main}",
            ("Group", "Rows", "Events", *GROUP_COLUMNS.values()),
            [(name, *_counts(one), *_spans(one, GROUP_COLUMNS)) for name, one in members.items()],
        )
        for attribute, members in figures["groups"].items()
    ]


def _counts(one: Figures) -> tuple[str, str]:
    """Rows and events."""
    return f"{one['rows']:,}", f"{one['events']:,}"


def _spans(one: Figures, columns: Mapping[str, str]) -> list[str]:
    """The measures with their intervals; a small group has none, and a dash stands for one that cannot be."""
    if one.get("too_few"):
        return [TOO_FEW, *[NONE] * (len(columns) - 1)]
    return [span(one[name]) if name in one else NONE for name in columns]
