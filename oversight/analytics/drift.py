"""Drift of one service: every value that the ledger keeps, the predicted risk, and the mix, before a day and since."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from oversight.analytics.drift_rows import DriftRows, Feature, Flags, Floats, monday
from oversight.analytics.drift_since import apart, medians_by_week
from oversight.mart.mart import Questions
from oversight.mart.values import DRAWS
from oversight.statistics.drift import DriftReport, Thresholds, drift_report
from oversight.statistics.drift_categories import CategoryDrift, category_drift
from oversight.statistics.drift_numeric import NumericDrift, numeric_drift, numeric_reference
from oversight.statistics.refused import Refused
from oversight.statistics.two_sample import JointDrift, two_sample
from oversight.stored_numbers import APART

RISK = "Predicted risk"
TIER = "Tier"
UNIT = "Unit of the hospital"
CODE_AND_UNIT = "Code and unit of"
# Fewer stays than this have no distribution worth comparing.
LEAST_STAYS = 20
# Under so many stays in either period a unit is not judged by itself.
LEAST_IN_UNIT = 50
# Units make many small cells. Ten bins pass 1.9 times the mean of chance once in twenty times (χ² of nine degrees).
CHANCE_IN_UNIT = 2.0
# Enough for an AUROC within a hundredth; the classifier is the slowest part.
JOINT_ROWS = 2_000
# The column in words, and how it is asked for: NULL is what is missing.
MIX = {
    TIER: ("CASE WHEN abstention IS NULL THEN coalesce(tier, 'below every tier') END", True),
    "Reason of abstention": ("coalesce(abstention, 'assessed')", False),
    UNIT: ("nullif(unit_name, '')", False),
    "Role": ("nullif(role, '')", False),
    "Hook": ("hook", False),
    "Stay named": ("CASE WHEN encounter THEN 'named' END", False),
}
_READS = """
SELECT now, read, count(*) FROM (
  SELECT now, unnest(reads) AS read FROM drift_drawn JOIN value USING (sequence) WHERE value.draw < $limit)
GROUP BY 1, 2
"""


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """A column as it was judged; `unit` is the hospital unit that it is of, "" for all, `feature` None for the risk.

    `week` (since 1970): where the move began, if the periods were held apart there and not at the day that was asked.
    """

    name: str
    drift: NumericDrift | CategoryDrift
    feature: Feature | None = None
    unit: str = ""
    week: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Drift:
    """`columns` and `by_unit` by the name that their findings have; both reports together are one family of tests.

    `joint` tells the two periods apart by all values together. `left_out`: units with too few stays to be judged by
    themselves. `version` is the one in use, of which the risk and the tier are; values are of all versions.
    """

    report: DriftReport
    unit_report: DriftReport
    columns: Mapping[str, Column]
    by_unit: Mapping[str, Column]
    joint: JointDrift | Refused
    units: tuple[str, ...]
    left_out: int
    version: str

    def column(self, name: str) -> Column | None:
        """That of a finding; None for the joint test."""
        return self.columns.get(name) or self.by_unit.get(name)


def drift(mart: Questions, rows: DriftRows, thresholds: Thresholds, rng: np.random.Generator | None) -> Drift | Refused:
    """Judge all columns, and all together (for None not). The tables of `drift_rows` must be there.

    Refused where one of the periods has few stays.
    """
    if min(rows.stays) < LEAST_STAYS:
        return Refused(f"One of the two periods has fewer than {LEAST_STAYS} stays of this service.")
    version, labels = rows.version_in_use, labels_of(rows.features)
    columns = {
        each.name: each for each in (*_numeric(rows, labels, version), *_mix(mart, version), *_reads(mart, rows))
    }
    units, left_out = _units(rows)
    by_unit = {each.name: each for unit in units for each in _numeric(rows, labels, version, unit)}
    joint = Refused("not asked") if rng is None else joint_drift(rows, rng)
    everything = drift_report([each.drift for each in (*columns.values(), *by_unit.values())], joint, thresholds)
    return Drift(
        everything.of(lambda name: name not in by_unit),
        everything.of(by_unit.__contains__),
        columns,
        by_unit,
        joint,
        units,
        left_out,
        version,
    )


def labels_of(features: tuple[Feature, ...]) -> tuple[str, ...]:
    """What each feature is called: by its concept where it is the only one of it, never two alike or like our own."""
    concepts = [each.concept for each in features]
    labels = [each.concept_label if concepts.count(each.concept) == 1 else each.label for each in features]
    return tuple(
        label if labels.count(label) == 1 and label not in {RISK, *MIX} else f"{label} ({each.name})"
        for label, each in zip(labels, features, strict=True)
    )


def column_values(rows: DriftRows, feature: Feature | None, version: str) -> tuple[Floats, Flags]:
    """Values of a feature (the risk for None), and the rows in which they were asked for."""
    if feature is None:
        return rows.risk, rows.version == version
    place = rows.features.index(feature)
    # An attribution always has an effect, also where its value is missing; without one the version does not ask for it.
    return rows.values[:, place], np.isfinite(rows.effects[:, place])


def _numeric(rows: DriftRows, labels: tuple[str, ...], version: str, unit: str = "") -> Iterator[Column]:
    """The risk and every feature, of all units or of one."""
    here = rows.unit == unit if unit else np.ones(len(rows.now), dtype=np.bool_)
    pairs: list[tuple[str, Feature | None]] = [(RISK, None), *zip(labels, rows.features, strict=True)]
    for label, feature in pairs:
        name = f"{label} in {unit}" if unit else label
        values, asked = column_values(rows, feature, version)
        asked = asked & here
        if unit and min(int((asked & rows.now).sum()), int((asked & ~rows.now).sum())) < LEAST_IN_UNIT:
            continue
        prepared = numeric_reference(name, values[asked & ~rows.now])
        moved = prepared if isinstance(prepared, Refused) else numeric_drift(prepared, values[asked & rows.now])
        if not isinstance(moved, Refused):
            found = apart(moved, values[asked], rows.week[asked], rows.now[asked]) if feature else None
            held, week = found or (moved, None)
            yield Column(name, _strict(held) if unit else held, feature, unit, week)


def _strict(moved: NumericDrift) -> NumericDrift:
    """That of one unit of the hospital: more is put down to chance."""
    if isinstance(moved.shape, Refused):
        return moved
    return replace(moved, shape=replace(moved.shape, chance=CHANCE_IN_UNIT * moved.shape.chance))


def _units(rows: DriftRows) -> tuple[tuple[str, ...], int]:
    """Units with enough stays in both periods, and how many others there are."""
    names, codes = np.unique(rows.unit, return_inverse=True)
    counts = np.stack([np.bincount(codes[rows.now == now], minlength=len(names)) for now in (False, True)])
    enough = (counts >= LEAST_IN_UNIT).all(axis=0) & (names != "")
    return tuple(names[enough].tolist()), int(len(names) - enough.sum())


def _mix(mart: Questions, version: str) -> Iterator[Column]:
    """The mix of tiers, reasons of abstention, units, roles and hooks, over all stays."""
    for name, (what, of_version) in MIX.items():
        where = "model_version = $version" if of_version else "true"
        asked = {"version": version} if of_version else {}
        question = f"SELECT now, {what}, count(*) FROM drift_first WHERE {where} GROUP BY 1, 2"  # noqa: S608 (our words)
        yield from _categories(name, mart.rows(question, asked), None)


def _reads(mart: Questions, rows: DriftRows) -> Iterator[Column]:
    """Codes and units of what each concept was read from; a new one may be another analyte or another scale."""
    found: dict[str, list[tuple[bool, str, int]]] = {}
    for now, read, number in mart.rows(_READS, {"limit": round(DRAWS * rows.share)}):
        concept, code, unit = read.split(APART, 2)
        found.setdefault(concept, []).append(
            (now, f"{code.rpartition('|')[2] or 'no code'} in {unit or 'no unit'}", number)
        )
    labels = {each.concept: each.concept_label for each in rows.features}
    for concept, counts in sorted(found.items()):
        yield from _categories(f"{CODE_AND_UNIT} {labels.get(concept, concept)}", counts, None)


def _categories(name: str, counts: Sequence[tuple[bool, str | None, int]], feature: Feature | None) -> Iterator[Column]:
    """One column of categories out of counts by period."""
    before, now = ({what: number for is_now, what, number in counts if is_now is period} for period in (False, True))
    moved = category_drift(name, before, now)
    if not isinstance(moved, Refused):
        yield Column(name, moved, feature)


def joint_drift(rows: DriftRows, rng: np.random.Generator) -> JointDrift | Refused:
    """A classifier on all values that both periods ask for; a missing one tells too, if any is there at all."""
    if not rows.features:
        return Refused("there are no values to tell the periods apart by")
    asked = np.isfinite(rows.effects).any(axis=1)
    known = [np.isfinite(rows.effects[asked & (rows.now == now)]).any(axis=0) for now in (False, True)]
    both = known[0] & known[1]
    if not np.isfinite(rows.values[asked][:, both]).any():
        return Refused("no value is known in both periods")
    table = np.log1p(np.abs(rows.values[:, both])) * np.sign(rows.values[:, both])
    return two_sample(table[asked & ~rows.now], table[asked & rows.now], rng, rows=JOINT_ROWS)


def since_week(rows: DriftRows, column: Column, version: str) -> date | None:
    """The Monday of the first week from which on the median is nearer to that of now than to that of before."""
    if column.week is not None:
        return monday(column.week)
    shape = column.drift.shape if isinstance(column.drift, NumericDrift) else None
    if shape is None or isinstance(shape, Refused) or shape.reference_median == shape.current_median:
        return None
    middle = (shape.reference_median + shape.current_median) / 2
    if shape.reference_median > 0 and shape.current_median > 0:
        middle = float(np.sqrt(shape.reference_median * shape.current_median))
    up = shape.current_median > shape.reference_median
    first = None
    for week, median, _ in reversed(weekly_medians(rows, column, version)):
        if (median > middle) is not up:
            break
        first = week
    return None if first is None else monday(first)


def weekly_medians(rows: DriftRows, column: Column, version: str) -> list[tuple[int, float, int]]:
    """Week, median and number of values of each week that has at least eleven."""
    values, asked = column_values(rows, column.feature, version)
    here = asked & ((rows.unit == column.unit) if column.unit else True)
    return medians_by_week(values[here], rows.week[here], 11)
