"""The CKD-EPI creatinine equation of 2021, without race.

Source: Inker LA, Eneanya ND, Coresh J, et al. New creatinine- and cystatin C-based equations to estimate GFR without
race. N Engl J Med 2021;385:1737-1749, doi 10.1056/NEJMoa2102953; read at the National Kidney Foundation
(kidney.org/ckd-epi-creatinine-equation-2021). Categories: KDIGO 2012 (table 5), G1 ≥ 90, G2 60–89, G3a 45–59, G3b
30–44, G4 15–29, G5 < 15.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from models.formulae.domain import adult, positive

_CATEGORIES = ((90, "G1"), (60, "G2"), (45, "G3a"), (30, "G3b"), (15, "G4"))


@dataclass(frozen=True, slots=True)
class Egfr:
    """`value` in mL/min/1.73 m², not rounded; `category` of KDIGO, of the value as it is reported (a whole number)."""

    value: float
    category: str


def ckd_epi_2021(*, age: float, female: bool, creatinine: float) -> Egfr:
    """The estimated GFR from serum creatinine (mg/dL, IDMS-traceable) for adults.

    Raises ValueError under 18 years and for creatinine that is not above 0.
    """
    kappa, alpha, factor = (0.7, -0.241, 1.012) if female else (0.9, -0.302, 1.0)
    ratio = positive("Creatinine", creatinine) / kappa
    value = 142 * min(ratio, 1.0) ** alpha * max(ratio, 1.0) ** -1.200 * 0.9938 ** adult(age) * factor
    return Egfr(value, category(value))


def category(egfr: float) -> str:
    """The KDIGO category. Its bands are whole numbers (59, 60), so the value is rounded to one, as laboratories do."""
    whole = math.floor(egfr + 0.5)
    return next((name for edge, name in _CATEGORIES if whole >= edge), "G5")
