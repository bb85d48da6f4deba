"""What the model is compared with on the same rows: age alone, and PhenoAge."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from models.training.fit import Floats
from models.training.rows import Rows

# Levine et al., Aging 2018;10:573 (doi 10.18632/aging.101414), table 1: the mortality score, of which PhenoAge is a
# rising function. Per column of this model: what makes it the unit of the paper, and the coefficient.
_PHENO_AGE: Mapping[str, tuple[float, float]] = {
    "age": (1, 0.0804),
    "Albumin.last": (10, -0.0336),
    "Creatinine.last": (88.42, 0.0095),
    "Glucose.last": (1 / 18.016, 0.1953),
    "Lymphocytes.last": (1, -0.0120),
    "MCV.last": (1, 0.0268),
    "RDW.last": (1, 0.3306),
    "ALP.last": (1, 0.00188),
    "WBC.last": (1, 0.0554),
}
_LOG_CRP = 0.0954
_MG_L_PER_MG_DL = 10


def age_alone(names: Sequence[str]) -> Callable[[Rows], Floats]:
    """Age (n,)."""
    return lambda rows: _column(rows, names, "age")


def pheno_age(names: Sequence[str]) -> Callable[[Rows], Floats]:
    """The mortality score behind PhenoAge, without its constant (n,); NaN where one of its nine results is missing."""

    def score(rows: Rows) -> Floats:
        parts = [_column(rows, names, name) * unit * weight for name, (unit, weight) in _PHENO_AGE.items()]
        crp = _column(rows, names, "CRP.last") / _MG_L_PER_MG_DL
        found: Floats = np.sum([*parts, _LOG_CRP * np.log(np.where(crp > 0, crp, np.nan))], axis=0)
        return found

    return score


def _column(rows: Rows, names: Sequence[str], name: str) -> Floats:
    return rows.features[:, names.index(name)].astype(np.float64)
