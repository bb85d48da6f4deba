"""LACE from the inputs of `model.toml`."""

from __future__ import annotations

from models.formulae import lace
from models.formulae.charlson_codes import GROUPS
from models.runtime.score_answer import Given, Result, first

# From here on more diagnoses do not give more points.
ENOUGH = 4


def answer(given: Given) -> Result:
    """Work out LACE. An admission is acute by its priority, or else by where the patient came from."""
    return lace.work(
        {
            "days": given["days"],
            "acute": first(given["priority"], given["admit_source"]),
            "comorbidity": _comorbidity(given),
            "emergency_visits": given["emergency_visits"],
        }
    )


def _comorbidity(given: Given) -> float | None:
    """LACE's own points; None where a diagnosis that nobody can tell of could give more."""
    groups = [group for group in GROUPS if group in given]
    points = lace.comorbidity_points(group for group in groups if given[group])
    return points if points >= ENOUGH or all(given[group] is not None for group in groups) else None
