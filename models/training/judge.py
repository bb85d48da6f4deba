"""From rows and predictions to evidence: who is judged, in which slices, by which groups."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from models.training.evidence.scored import Scored
from models.training.fit import Flags, Floats
from models.training.rows import Names, Rows

NOT_SAID = "not recorded"


def scored(rows: Rows, probabilities: Floats, main: str, comparators: Mapping[str, Floats] | None = None) -> Scored:
    """The rows that the model would answer, with their predictions (n,); `main` names the slice to report first.

    Raises ValueError where no row is in that slice.
    """
    kept = rows.answered
    found = _members(rows.slice[kept])
    if main not in found:
        raise ValueError(f"no row that the model answers is in {main!r}")
    return Scored(
        outcome=rows.outcome[kept],
        probability=probabilities[kept],
        patient=rows.patient[kept],
        slices={main: found.pop(main)} | found,
        groups={name: _members(values[kept]) for name, values in rows.groups.items()},
        comparators={name: values[kept] for name, values in (comparators or {}).items()},
        periods=_members(rows.period[kept]) if len(set(rows.period.tolist())) > 1 else {},
    )


def _members(values: Names) -> dict[str, Flags]:
    """Who has each value, in the order in which values first come."""
    order = dict.fromkeys(values.tolist())
    return {value or NOT_SAID: np.asarray(values == value) for value in order}
