"""Do the reasons still rank as they did? Week by week, against all stays before the day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from oversight.analytics.drift_rows import DriftRows, Flags, Floats, monday
from oversight.statistics.drift_categories import CategoryDrift, category_drift
from oversight.statistics.explanation_drift import LEAST_ROWS, ExplanationDrift, explanation_drift, mean_absolute
from oversight.statistics.reason_weights import ReasonWeights, WeightMove, reason_weights
from oversight.statistics.refused import Refused

LEADING = "leading reason"
# A concept is ranked only if it stands in this share of the stays of either period, and in 50 of them (as many as a
# week needs). The mean of one that is hardly ever there says how rare it is, not how strong; and concepts that are in
# one period only are all tied at the foot of the other's ranking, which makes a move of its own and hides any other.
LEAST_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class ExplainedWeek:
    """A week's reasons against those of the reference period; `now` since the day."""

    week: date
    now: bool
    found: ExplanationDrift | Refused


@dataclass(frozen=True, slots=True)
class Explained:
    """`whole`: all stays since the day against all before; `weeks`: each week of both against all before.

    All rank the same concepts; `left_out` others stand in too few stays of one of the two periods.
    """

    whole: ExplanationDrift | Refused
    weeks: tuple[ExplainedWeek, ...]
    version: str
    left_out: int


@dataclass(frozen=True, slots=True, eq=False)
class _Concepts:
    """The log-odds of each concept and whether the model asked for it at all, both of shape (rows, concepts)."""

    names: list[str]
    effects: Floats
    asked: Flags

    def often(self, now: Flags) -> _Concepts:
        """Those that stand in enough stays of both periods; a period that is too short to be ranked asks nothing."""
        enough = np.ones(len(self.names), dtype=np.bool_)
        for side in (now, ~now):
            if (stays := int(side.sum())) >= LEAST_ROWS:
                enough &= self.asked[side].sum(axis=0) >= max(LEAST_ROWS, LEAST_SHARE * stays)
        kept = [name for name, each in zip(self.names, enough, strict=True) if each]
        return _Concepts(kept, self.effects[:, enough], self.asked[:, enough])


@dataclass(frozen=True, slots=True)
class ReasonsNow:
    """Since the day against before it: which concept leads (the largest |SHAP| of a stay), and what share each has.

    `leads`: of each concept the share of stays that it leads, the largest change first. `ranks` is what the page of
    drift says of the same rows.
    """

    leading: CategoryDrift | Refused
    leads: tuple[WeightMove, ...]
    weights: ReasonWeights | Refused
    ranks: ExplanationDrift | Refused


def explained(rows: DriftRows, version: str) -> Explained | Refused:
    """Of one version: the features of another one share the reasons among themselves otherwise."""
    here = _of_version(rows, version)
    if isinstance(here, Refused):
        return here
    every = _by_concept(rows, here)
    now, week = rows.now[here], rows.week[here]
    ranked = every.often(now)
    names = ranked.names
    both, _ = mean_absolute(ranked.effects, now.astype(np.int64), 2)
    starts, codes = np.unique(week, return_inverse=True)
    means, numbers = mean_absolute(ranked.effects, codes, len(starts))
    since = int(week[now].min()) if now.any() else int(starts[-1]) + 1
    weeks = tuple(
        ExplainedWeek(monday(start), bool(start >= since), explanation_drift(names, both[0], mean, int(number)))
        for start, mean, number in zip(starts, means, numbers, strict=True)
    )
    return Explained(_ranks(ranked, now), weeks, version, len(every.names) - len(names))


def reasons_now(rows: DriftRows, version: str) -> ReasonsNow | Refused:
    """Of one version, by effect size, with a chance: for who asks every week."""
    here = _of_version(rows, version)
    if isinstance(here, Refused):
        return here
    concepts = _by_concept(rows, here)
    names, effects, now = concepts.names, concepts.effects, rows.now[here]
    if not now.any():
        return Refused(f"version {version} has no assessment with reasons in these days")
    sizes = np.bincount(now.astype(np.int64), minlength=2)
    then, present = _leads(names, effects[~now]), _leads(names, effects[now])
    moves = [WeightMove(name, then[name] / int(sizes[0]), present[name] / int(sizes[1])) for name in names]
    return ReasonsNow(
        category_drift(LEADING, then, present),
        tuple(sorted(moves, key=lambda each: -abs(each.now - each.before))),
        reason_weights(names, effects[~now], effects[now]),
        _ranks(concepts.often(now), now),
    )


def _ranks(ranked: _Concepts, now: Flags) -> ExplanationDrift | Refused:
    """All stays since the day against all before."""
    both, sizes = mean_absolute(ranked.effects, now.astype(np.int64), 2)
    return explanation_drift(ranked.names, both[0], both[1], int(sizes[1]))


def _leads(names: list[str], effects: Floats) -> Mapping[str | None, int]:
    """How many rows each concept leads; None: a row without a reason."""
    sizes = np.abs(effects)
    some = sizes.any(axis=1) if sizes.size else np.zeros(len(sizes), dtype=np.bool_)
    counts = np.bincount(sizes[some].argmax(axis=1), minlength=len(names)) if some.any() else np.zeros(len(names))
    return dict(zip(names, counts.astype(np.int64).tolist(), strict=True)) | {None: int((~some).sum())}


def _of_version(rows: DriftRows, version: str) -> Flags | Refused:
    """The rows of a version that have reasons; refused where the time before has none."""
    here: Flags = rows.valued & (rows.version == version)
    if not (here & ~rows.now).any():
        return Refused(f"version {version} has no assessment with reasons before this day" if version else "no reasons")
    return here


def _by_concept(rows: DriftRows, here: Flags) -> _Concepts:
    """Of some rows: features of one concept may cancel out."""
    labels = {each.concept: each.concept_label for each in rows.features}
    effects = np.nan_to_num(rows.effects[here])
    known = [
        name for name in labels if any(f.concept == name and effects[:, n].any() for n, f in enumerate(rows.features))
    ]
    places = [[n for n, feature in enumerate(rows.features) if feature.concept == name] for name in known]
    asked = np.isfinite(rows.effects[here])
    return _Concepts(
        [labels[name] for name in known],
        _beside([effects[:, each].sum(axis=1) for each in places], len(effects)),
        _beside([np.asarray(asked[:, each].any(axis=1), dtype=np.float64) for each in places], len(effects)) > 0,
    )


def _beside(columns: Sequence[Floats], rows: int) -> Floats:
    """Columns as a matrix, also none of them."""
    return np.column_stack(columns) if columns else np.zeros((rows, 0))
