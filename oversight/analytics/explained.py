"""Do the reasons still rank as they did? Week by week, against all stays before the day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from oversight.analytics.drift_rows import DriftRows, Floats, monday
from oversight.statistics.explanation_drift import ExplanationDrift, explanation_drift, mean_absolute
from oversight.statistics.refused import Refused


@dataclass(frozen=True, slots=True)
class ExplainedWeek:
    """A week's reasons against those of the reference period; `now` since the day."""

    week: date
    now: bool
    found: ExplanationDrift | Refused


@dataclass(frozen=True, slots=True)
class Explained:
    """`whole`: all stays since the day against all before; `weeks`: each week of both against all before."""

    whole: ExplanationDrift | Refused
    weeks: tuple[ExplainedWeek, ...]
    version: str


def explained(rows: DriftRows, version: str) -> Explained | Refused:
    """Of one version: the features of another one share the reasons among themselves otherwise."""
    here = rows.valued & (rows.version == version)
    if not (here & ~rows.now).any():
        return Refused(f"version {version} has no assessment with reasons before this day" if version else "no reasons")
    names, effects = _by_concept(rows, here)
    now, week = rows.now[here], rows.week[here]
    both, sizes = mean_absolute(effects, now.astype(np.int64), 2)
    whole = explanation_drift(names, both[0], both[1], int(sizes[1]))
    starts, codes = np.unique(week, return_inverse=True)
    means, numbers = mean_absolute(effects, codes, len(starts))
    since = int(week[now].min()) if now.any() else int(starts[-1]) + 1
    weeks = tuple(
        ExplainedWeek(monday(start), bool(start >= since), explanation_drift(names, both[0], mean, int(number)))
        for start, mean, number in zip(starts, means, numbers, strict=True)
    )
    return Explained(whole, weeks, version)


def _by_concept(rows: DriftRows, here: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> tuple[list[str], Floats]:
    """The log-odds of each concept, shape (rows, concepts): features of one concept may cancel out."""
    labels = {each.concept: each.concept_label for each in rows.features}
    effects = np.nan_to_num(rows.effects[here])
    known = [
        name for name in labels if any(f.concept == name and effects[:, n].any() for n, f in enumerate(rows.features))
    ]
    columns = [effects[:, [n for n, f in enumerate(rows.features) if f.concept == name]].sum(axis=1) for name in known]
    return [labels[name] for name in known], np.column_stack(columns) if columns else np.zeros((len(effects), 0))
