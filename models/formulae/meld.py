"""MELD 3.0, the model for end-stage liver disease (2021).

Source: Kim WR, Mannalithara A, Heimbach JK, et al. MELD 3.0: the model for end-stage liver disease updated for the
modern era. Gastroenterology 2021;161:1887-1895, doi 10.1053/j.gastro.2021.08.050 (PMC8608337). In force for liver
allocation in the US since 13 July 2023: OPTN policies, section 9.1.D. Formula and bounds read in an openEHR transcript
of the paper, a SAS macro that cites the policy (University of Colorado Anschutz), and three calculators, which agree.
The policy text itself could not be opened. The 1.33 points: for women, and for everyone aged 12 to 17 (policy, as in
the macro and the transcript). The paper sets no cap; the policy caps at 40.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from models.formulae.domain import positive, within

LOWEST, HIGHEST = 6, 40


@dataclass(frozen=True, slots=True)
class Meld:
    """`raw` is the sum of the formula, `score` the whole number from 6 to 40."""

    raw: float
    score: int


def meld3(
    *,
    age: float,
    female: bool,
    bilirubin: float,
    inr: float,
    creatinine: float,
    sodium: float,
    albumin: float,
    dialysis: bool,
) -> Meld:
    """MELD 3.0 from age 12: bilirubin and creatinine mg/dL, sodium mmol/L, albumin g/dL, INR.

    `dialysis`: two or more dialysis treatments within 7 days before the creatinine test, or 24 hours of continuous
    venovenous haemodialysis; creatinine then counts as 3.0. Bounds: bilirubin and INR at least 1.0, creatinine 1.0 to
    3.0, sodium 125 to 137, albumin 1.5 to 3.5; values beyond are set to the bound, as published. Raises ValueError for
    an age outside 12 to 120 years and for values that are not above 0.
    """
    within("Age", age, 12, 120, "years")
    ln_bilirubin = math.log(max(positive("Bilirubin", bilirubin), 1.0))
    ln_inr = math.log(max(positive("INR", inr), 1.0))
    ln_creatinine = math.log(3.0 if dialysis else _bounded(positive("Creatinine", creatinine), 1.0, 3.0))
    lacking_sodium = 137.0 - _bounded(positive("Sodium", sodium), 125.0, 137.0)
    lacking_albumin = 3.5 - _bounded(positive("Albumin", albumin), 1.5, 3.5)
    raw = math.fsum(
        (
            1.33 if female or age < 18 else 0.0,
            4.56 * ln_bilirubin,
            0.82 * lacking_sodium,
            -0.24 * lacking_sodium * ln_bilirubin,
            9.09 * ln_inr,
            11.14 * ln_creatinine,
            1.85 * lacking_albumin,
            -1.83 * lacking_albumin * ln_creatinine,
            6.0,
        )
    )
    return Meld(raw, min(max(math.floor(raw + 0.5), LOWEST), HIGHEST))


def _bounded(value: float, low: float, high: float) -> float:
    """The value, or the bound that it lies beyond."""
    return min(max(value, low), high)
