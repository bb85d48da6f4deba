"""Monitors of drift: have the predicted risks moved, has the mix of what the ledger holds?

Each patient counts once a week, with the first entry: entries about one patient resemble each other, and counting them
all would make every week look moved.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from oversight.analytics.new_categories import newly
from oversight.analytics.selection import Selection
from oversight.mart.mart import Questions
from oversight.monitors.result import Check, Family, Figures, MonitorResult, Status, refused, told
from oversight.monitors.thresholds import Thresholds
from oversight.monitors.weeks import during, reference
from oversight.statistics import drift
from oversight.statistics.drift import Finding, Level, Measure, drift_report
from oversight.statistics.drift_categories import CategoryDrift, category_drift
from oversight.statistics.drift_numeric import NumericDrift, numeric_drift, numeric_reference
from oversight.statistics.refused import Refused

SCORE = "predicted risk"
_FIRSTS = """
SELECT {what} FROM event WHERE hook <> 'smart-launch' AND {where}
QUALIFY row_number() OVER (PARTITION BY client, patient, (day - $first) // 7 ORDER BY time, sequence) = 1
"""
# The column in words, and how it is asked for: NULL is what is missing.
MIX = {
    "tier": "CASE WHEN abstention IS NULL THEN coalesce(tier, 'below every tier') END",
    "unit": "nullif(unit_name, '')",
    "abstention": "coalesce(abstention, 'assessed')",
    "role": "nullif(role, '')",
    "hook": "hook",
    "encounter": "CASE WHEN encounter IS NOT NULL THEN 'named' END",
}


class ScoreDriftMonitor:
    """The week's predicted risks against those of the reference weeks, of the version in use."""

    name = "score-drift"
    subject = SCORE
    needs = ("day", "time", "client", "service", "patient", "hook", "model_version", "probability")

    def run(
        self, mart: Questions, selection: Selection, thresholds: Thresholds, rng: np.random.Generator
    ) -> MonitorResult:
        """Compare the distributions. An abstention is a missing risk."""
        now, before = _periods(mart, selection, thresholds)
        columns = [_risks(mart, period) for period in (before, now)]
        prepared = numeric_reference(SCORE, columns[0])
        moved = prepared if isinstance(prepared, Refused) else numeric_drift(prepared, columns[1])
        if isinstance(moved, Refused):
            return refused(self.name, SCORE, f"{moved.reason}.", {"version": now.model_version})
        return _told(self.name, SCORE, [moved], thresholds, _numeric(moved))


class MixDriftMonitor:
    """The mix of tiers, units, reasons of abstention, roles and hooks, and what is missing."""

    name = "mix-drift"
    subject = "mix of entries"
    needs = (
        "day", "time", "client", "service", "patient", "hook", "model_version", "tier", "unit_name", "abstention",
        "role", "encounter",
    )  # fmt: skip

    def run(
        self, mart: Questions, selection: Selection, thresholds: Thresholds, rng: np.random.Generator
    ) -> MonitorResult:
        """Compare the shares."""
        now, before = _periods(mart, selection, thresholds)
        columns: list[CategoryDrift] = []
        missed: list[Refused] = []
        for name, then, present in zip(MIX, _counts(mart, before), _counts(mart, now), strict=True):
            found = category_drift(name, then, present)
            if isinstance(found, Refused):
                missed.append(found)
            else:
                columns.append(found)
        if missed:
            return refused(self.name, self.subject, f"{missed[0].reason}.", {"version": now.model_version})
        return _told(self.name, self.subject, columns, thresholds, {each.column: _mix(each) for each in columns})


def _periods(mart: Questions, selection: Selection, thresholds: Thresholds) -> tuple[Selection, Selection]:
    """The week and the reference weeks, both of the version that most entries of the week are of."""
    now = in_use(mart, selection)
    return now, during(now, reference(selection.period, thresholds.reference_weeks))


def in_use(mart: Questions, selection: Selection) -> Selection:
    """The same entries of the version that most of them are of; of no entries the same selection."""
    where, values = selection.where()
    # Without the answers, joining which would take most of the time.
    found = mart.rows(f"SELECT mode(model_version) FROM advice WHERE {where}", values)  # noqa: S608
    return during(selection, selection.period, model_version=found[0][0])


def _risks(mart: Questions, selection: Selection) -> Any:
    """The risks as numbers, NaN where there is none."""
    where, values = selection.where()
    found = mart.arrays(_FIRSTS.format(what="probability", where=where), values)["probability"]
    return np.ma.filled(np.ma.asarray(found, dtype=np.float64), np.nan)


def _counts(mart: Questions, selection: Selection) -> list[dict[str | None, int]]:
    """How many have what, for each column of `MIX`."""
    where, values = selection.where()
    listed = ", ".join(f"{what} AS {name}_" for name, what in MIX.items())
    question = _FIRSTS.format(what=listed, where=where)
    found: list[dict[str | None, int]] = [{} for _ in MIX]
    for *row, number in mart.rows(f"SELECT *, count(*) FROM ({question}) GROUP BY ALL", values):  # noqa: S608
        for counts, value in zip(found, row, strict=True):
            counts[value] = counts.get(value, 0) + number
    return found


def _told(
    name: str, subject: str, columns: Sequence[NumericDrift | CategoryDrift], thresholds: Thresholds, figures: Figures
) -> MonitorResult:
    """The family's levels by effect alone: false discoveries are controlled over the whole run, not here."""
    effects = drift.Thresholds(thresholds.distribution, thresholds.missing, thresholds.novelty)
    report = drift_report(columns, thresholds=effects, false_discoveries=1.0)
    missed = {"not_compared": [f"{each.column}, {each.measure.value}: {each.reason}" for each in report.not_compared]}
    if not report.findings:
        return refused(name, subject, "Nothing could be compared.", missed)
    by_name = {each.column: each for each in columns}
    checks = tuple(_check(each, by_name[each.column]) for each in report.findings)
    return told(name, subject, f"The {subject} has not moved.", {**figures, **missed}, checks)


def _check(finding: Finding, column: NumericDrift | CategoryDrift) -> Check:
    """A finding as a check of the run's family."""
    effect = f"PSI {finding.effect:.2f}" if finding.measure is Measure.DISTRIBUTION else f"{finding.effect:.1%}"
    words = {
        Measure.DISTRIBUTION: f"The distribution of {finding.column} moved ({effect}).",
        Measure.MISSING: f"The missing share of {finding.column} changed by {effect}.",
        Measure.NOVELTY: newly(column) if isinstance(column, CategoryDrift) else "",
    }.get(finding.measure, f"{finding.column}: {effect}.")
    level = {Level.ALARM: Status.ALARM, Level.WATCH: Status.WATCH}.get(finding.level, Status.OK)
    return Check(
        f"{finding.column}: {finding.measure.value}", level, finding.effect, finding.p, words, family=Family.DRIFT
    )


def _numeric(moved: NumericDrift) -> dict[str, Any]:
    """The figures of a column of numbers."""
    missing = {"missing": [moved.missing.reference.value, moved.missing.current.value]}
    if isinstance(moved.shape, Refused):
        return {**missing, "refused": moved.shape.reason}
    shape = moved.shape
    return {
        **missing,
        "psi": shape.psi,
        "js": shape.js,
        "ks": shape.ks,
        "p": shape.p,
        "medians": [shape.reference_median, shape.current_median],
        "factor": shape.factor,
    }


def _mix(moved: CategoryDrift) -> dict[str, Any]:
    """The figures of a column of categories."""
    mix, new = moved.mix, moved.novelty
    return {
        "missing": [moved.missing.reference.value, moved.missing.current.value],
        "psi": None if isinstance(mix, Refused) else mix.psi,
        "p": None if isinstance(mix, Refused) else mix.p,
        "new": None if isinstance(new, Refused) else [name for name, _ in new.categories[:10]],
    }
