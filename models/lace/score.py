"""LACE from the inputs of `model.toml`."""

from __future__ import annotations

from models.formulae import lace
from models.formulae.charlson_codes import GROUPS
from models.runtime.score_answer import Given, Result, Worked, between, first

# From here on more diagnoses do not give more points.
ENOUGH = 4


def answer(given: Given) -> Result:
    """Work out LACE: the least with what is certain, the most with all that it may be."""
    least, most = _comorbidity(given)
    return between(
        _lace(given, given["days"], least, given["emergency_visits"]),
        _lace(given, given["days_most"], most, given["emergency_visits_most"]),
    )


def _lace(given: Given, days: float | None, comorbidity: float | None, visits: float | None) -> Worked:
    """The equation. An admission is acute by its priority, or else by where the patient came from."""
    acute = first(given["priority"], given["admit_source"])
    return lace.work({"days": days, "acute": acute, "comorbidity": comorbidity, "emergency_visits": visits})


def _comorbidity(given: Given) -> tuple[float | None, float | None]:
    """LACE's own points, the least and the most that they can be; None where nothing at all is certain."""
    groups = [group for group in GROUPS if group in given]
    if all(given[group] is None for group in groups):
        return None, None
    least = lace.comorbidity_points((group for group in groups if given[group]), renal=_renal(given, least=True))
    most = lace.comorbidity_points((group for group in groups if given[group] != 0), renal=_renal(given, least=False))
    return least, max(least, most)


def _renal(given: Given, *, least: bool) -> int:
    """Points of a kidney disease. Codes that do not say how severe it is may mean either."""
    if given["renal_severe"]:
        return lace.RENAL_SEVERE
    if least or (given["renal_mild"] and given["renal_open"] == 0 and given["renal_severe"] == 0):
        return lace.RENAL_MILD
    return lace.RENAL_SEVERE
