"""The monitor of values: has what the model reads moved, in the hospital or in one unit of it?"""

from __future__ import annotations

from typing import Any

import numpy as np

from oversight.analytics.drift import CODE_AND_UNIT, Column, drift
from oversight.analytics.drift_rows import DriftRows
from oversight.analytics.drift_words import in_words
from oversight.monitors.result import Check, Family, MonitorResult, Status, refused, told
from oversight.monitors.stays import StayMonitor, StayWeek
from oversight.monitors.thresholds import Thresholds
from oversight.statistics import drift as drift_of
from oversight.statistics.drift import Finding, Level, Measure, drift_report
from oversight.statistics.drift_numeric import NumericDrift
from oversight.statistics.refused import Refused

SUBJECT = "values"
NO_VALUES = "The findings of these weeks hold no values to compare."
_STATUS = {Level.ALARM: Status.ALARM, Level.WATCH: Status.WATCH, Level.NONE: Status.OK}


class FeatureDriftMonitor(StayMonitor):
    """Every value that the ledger keeps, of the first assessments of all stays; codes and units of measurement."""

    name = "feature-drift"
    subject = SUBJECT

    def judge(self, stays: StayWeek, thresholds: Thresholds, rng: np.random.Generator) -> MonitorResult:
        """The week against the reference weeks. Each stay counts once, of codes and units once in each."""
        rows = stays.rows
        if not rows.features:
            return refused(self.name, SUBJECT, NO_VALUES)
        effects = drift_of.Thresholds(thresholds.distribution, thresholds.missing, thresholds.novelty)
        # All values together have a monitor of their own.
        found = drift(stays.mart, rows, effects, None)
        if isinstance(found, Refused):
            return refused(self.name, SUBJECT, found.reason)
        columns = {name: each for name, each in {**found.columns, **found.by_unit}.items() if _of_values(each)}
        # By effect alone: false discoveries are controlled over the whole run, not here.
        report = drift_report([each.drift for each in columns.values()], None, effects, false_discoveries=1.0)
        if not report.findings:
            return refused(self.name, SUBJECT, NO_VALUES)
        # A multiple in one unit says where to look, so it leads the words.
        findings = sorted(report.findings, key=lambda each: not _multiple(each, columns[each.column]))
        checks = tuple(_check(each, columns[each.column], rows, found.version) for each in findings)
        moved = {each.column for each in report.raised}
        figures = {"columns": len(columns), "moved": {name: _figures(columns[name]) for name in sorted(moved)}}
        return told(self.name, SUBJECT, f"None of {len(columns)} columns of values has moved.", figures, checks)


def _of_values(column: Column) -> bool:
    """The risk and the mix have monitors of their own."""
    return column.feature is not None or column.name.startswith(CODE_AND_UNIT)


def _multiple(finding: Finding, column: Column) -> bool:
    """Whether this is a unit of the hospital in which one factor explains a move."""
    shape = column.drift.shape if isinstance(column.drift, NumericDrift) else None
    told_of = finding.measure is Measure.DISTRIBUTION and finding.level is not Level.NONE and column.unit != ""
    return told_of and shape is not None and not isinstance(shape, Refused) and shape.factor is not None


def _check(finding: Finding, column: Column, rows: DriftRows, version: str) -> Check:
    """A finding as a check of the run's family."""
    loud = finding.level is not Level.NONE
    words = in_words(finding, column, rows, version).words if loud else ""
    subject = f"{finding.column}: {finding.measure.value}"
    return Check(subject, _STATUS[finding.level], finding.effect, finding.p, words, family=Family.DRIFT)


def _figures(column: Column) -> dict[str, Any]:
    """What moved, as plain JSON."""
    missing = [column.drift.missing.reference.value, column.drift.missing.current.value]
    shape = column.drift.shape if isinstance(column.drift, NumericDrift) else None
    if shape is None or isinstance(shape, Refused):
        return {"missing": missing}
    medians = [shape.reference_median, shape.current_median]
    return {"missing": missing, "psi": shape.psi, "medians": medians, "factor": shape.factor}
