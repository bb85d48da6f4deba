"""Other predictions for the same rows: LACE as far as the source allows, and the number of earlier stays alone.

LACE is worked out from the codes of the three named diagnoses and diabetes, which everybody here has, by the lists that
the model `lace` has too, and from the emergency visits of twelve months instead of six. So it can only be a little off;
a score of a real record reads all diagnoses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache, lru_cache
from pathlib import Path

import numpy as np

from models.formulae import lace
from models.formulae.charlson_codes import Icd, groups_of
from models.readmission_30d.training.codes import ACUTE
from models.readmission_30d.training.table import Row
from models.runtime.features import features_of
from models.runtime.read_manifest import read_untrained
from models.training.fit import Floats
from models.training.rows import Rows

MANIFEST = Path(__file__).resolve().parent.parent / "model.toml"
LACE = "LACE, as far as the data allow"
# Stages 4 and 5, dialysis and transplant, as in the manifest of `lace`. No stage: mild, the least that it can be.
_SEVERE_KIDNEY = ("585.4", "585.5", "585.6", "V42.0", "V45.1", "V56")


def scores_of(row: Row, codes: Iterable[str]) -> dict[str, float]:
    """The scores of one encounter whose named diagnoses have these codes of ICD-9-CM; none where one is not known."""
    acute = ACUTE.get(row.admission_type)
    return {} if acute is None else {LACE: _lace(row.days, acute, row.emergency, tuple(codes))}


def _lace(days: int, acute: float, visits: int, codes: tuple[str, ...]) -> float:
    """LACE, 0 to 19."""
    given = {"days": days, "acute": acute, "comorbidity": _comorbidity(codes), "emergency_visits": visits}
    return lace.work(given).value


@lru_cache(maxsize=65536)
def _comorbidity(codes: tuple[str, ...]) -> float:
    """LACE's points for the diagnoses."""
    groups = frozenset[str]().union(*(groups_of(code, Icd.ICD9CM) for code in codes))
    severe = any(code.startswith(_SEVERE_KIDNEY) for code in codes)
    return lace.comorbidity_points([*groups, "diabetes"], renal=lace.RENAL_SEVERE if severe else lace.RENAL_MILD)


@cache
def _place(name: str) -> int:
    """Where a column stands."""
    return [feature.name for feature in features_of(read_untrained(MANIFEST))].index(name)


def earlier_stays(rows: Rows) -> Floats:
    """The number of stays in hospital in the year before, shape (n,)."""
    return rows.features[:, _place("inpatient_year")].astype(np.float64)


COMPARATORS: Mapping[str, Callable[[Rows], Floats]] = {"number of stays in the year before": earlier_stays}
