"""What the drift of a service comes to, in sentences: the loudest first, and what it looks like."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from oversight.analytics.drift import CODE_AND_UNIT, RISK, UNIT, Column, Drift, since_week
from oversight.analytics.drift_rows import DriftRows
from oversight.analytics.new_categories import newly
from oversight.analytics.unit_mixups import mixup
from oversight.statistics.drift import Finding, Level, Measure
from oversight.statistics.drift_categories import CategoryDrift
from oversight.statistics.drift_numeric import NumericDrift
from oversight.statistics.refused import Refused

MOST_SENTENCES = 6


@dataclass(frozen=True, slots=True)
class Told:
    """A finding in words; `since` is the week from which on it holds, where that can be told."""

    finding: Finding
    words: str
    since: date | None


def told(found: Drift, rows: DriftRows) -> tuple[Told, ...]:
    """Everything that is raised, the loudest first; a unit of the hospital that explains a move of all comes first."""
    alone = _alone(found)
    scaled = {column.unit for _, column in _raised(found) if _factor(column) and column.unit}
    made = [in_words(finding, column, rows, found.version) for finding, column in _raised(found)]
    made += [
        Told(each, "A classifier tells the two periods apart by all values together "
             f"(AUROC {each.effect:.2f}; 0.5 would be chance).", None)
        for each in found.report.raised if each.measure is Measure.JOINT
    ]  # fmt: skip
    columns = {id(finding): column for finding, column in _raised(found)}
    shared = {(each.column, each.measure) for each in found.report.raised} - {
        (_whole(finding, column), finding.measure) for finding, column in _raised(found) if column.name in alone
    }

    def place(it: Told) -> tuple[int, float, float]:
        """Alarms before watches, factors before other moves, values before mixes."""
        column = columns.get(id(it.finding))
        loud = it.finding.level is not Level.ALARM
        if column is None:
            return int(loud), 3.0, 0.0
        kind = 0.0 if column.feature and _factor(column) else 1.0 if column.unit in scaled or column.feature else 2.0
        # What all units share is told once, before it is told of each.
        kind += 0.5 * (bool(column.unit) and (_whole(it.finding, column), it.finding.measure) in shared)
        return int(loud), kind, -it.finding.effect / it.finding.thresholds[1]

    return tuple(sorted(made, key=place))


def _alone(found: Drift) -> set[str]:
    """Columns that are a multiple in units but not in the hospital, or in one unit alone: there one has to look."""
    scaled = {column.name: column.feature for _, column in _raised(found) if column.unit and _factor(column)}
    whole = {each.feature for each in found.columns.values() if _factor(each)}
    features = list(scaled.values())
    return {
        name
        for name, feature in scaled.items()
        if feature not in whole or (features.count(feature) == 1 and len(found.units) > 1)
    }


def verdict(found: Drift, said: tuple[Told, ...]) -> str:
    """One sentence."""
    loud = [each for each in said if each.finding.level is Level.ALARM]
    if loud:
        return loud[0].words
    if said:
        return f"Nothing raises the alarm; {_count(len(said), 'figure is', 'figures are')} on watch. {said[0].words}"
    number = len(found.report.findings) + len(found.unit_report.findings)
    return f"No column moved beyond chance and its threshold: {number} comparisons were made."


def inputs_moved(found: Drift, said: tuple[Told, ...]) -> str:
    """The loudest alarm about what the model is given, or where, in words; "" where there is none.

    What it answers (risk, tier, abstentions) moves with the share of events too, and who asks for it is no input.
    """
    loud = (each for each in said if each.finding.level is Level.ALARM)
    return next((each.words for each in loud if _is_given(found.column(each.finding.column))), "")


def _is_given(column: Column | None) -> bool:
    """Whether a column is of a feature or of the units; None is the joint test of all features."""
    return column is None or column.feature is not None or column.name == UNIT or column.name.startswith(CODE_AND_UNIT)


def _whole(finding: Finding, column: Column) -> str:
    """The column of all units, by the name of that of one."""
    return finding.column.removesuffix(f" in {column.unit}")


def _count(number: int, one: str, many: str) -> str:
    """`1 figure is`, `2 figures are`."""
    return f"{number} {one if number == 1 else many}"


def _raised(found: Drift) -> Iterator[tuple[Finding, Column]]:
    """Findings with their columns."""
    for finding in (*found.report.raised, *found.unit_report.raised):
        if (column := found.column(finding.column)) is not None:
            yield finding, column


def _factor(column: Column) -> float | None:
    """The factor that explains a move, if one does."""
    shape = column.drift.shape if isinstance(column.drift, NumericDrift) else None
    return None if shape is None or isinstance(shape, Refused) else shape.factor


def in_words(finding: Finding, column: Column, rows: DriftRows, version: str) -> Told:
    """One finding."""
    since = since_week(rows, column, version) if finding.measure is Measure.DISTRIBUTION else None
    when = f" since the week of {since}" if since else ""
    if finding.measure is Measure.MISSING and isinstance(column.drift, NumericDrift | CategoryDrift):
        missing = column.drift.missing
        before, now = (f"{100 * each.value:.1f} %" for each in (missing.reference, missing.current))
        return Told(finding, f"{column.name} is missing in {now} of stays, {before} before.", None)
    if finding.measure is Measure.NOVELTY and isinstance(column.drift, CategoryDrift):
        return Told(finding, newly(column.drift), None)
    return Told(finding, _moved(finding, column, when), since)


def _moved(finding: Finding, column: Column, when: str) -> str:
    """A distribution."""
    factor, size = _factor(column), f"(PSI {finding.effect:.2f})"
    if factor is not None and column.feature is not None:
        label = f"{column.feature.concept_label} {column.feature.label}"
        looks = mixup(label, column.feature.unit, factor)
        guess = f": looks like {looks}" if looks else ""
        return f"{column.name} is {_times(factor)} as large{when}{guess}."
    shape = column.drift.shape if isinstance(column.drift, NumericDrift) else None
    if shape is None or isinstance(shape, Refused):
        return f"The mix of “{column.name}” has moved {size}."
    before, now = (_value(each, column) for each in (shape.reference_median, shape.current_median))
    if before == now:
        return f"The distribution of {column.name} has moved {size}, around the same median ({now})."
    return f"{column.name} has moved{when} {size}: median {now}, {before} before."


def _times(factor: float) -> str:
    """`18 times`, or `a 10th`."""
    return f"{factor:.2g} times" if factor >= 1 else f"1/{1 / factor:.2g}"


def _value(value: float, column: Column) -> str:
    """A median with its unit; a risk in percent."""
    if column.feature is None and column.name.startswith(RISK):
        return f"{100 * value:.1f} %"
    unit = column.feature.unit if column.feature else ""
    return f"{value:.3g} {unit}".strip() if unit != "1" else f"{value:.3g}"
