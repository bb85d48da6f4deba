"""KFRE, the kidney failure risk equation with four variables.

Sources: Tangri N, Stevens LA, Griffith J, et al. A predictive model for progression of chronic kidney disease to kidney
failure. JAMA 2011;305:1553-1559, doi 10.1001/jama.2011.451 (coefficients and centring); Tangri N, Grams ME, Levey AS,
et al. Multinational assessment of accuracy of equations for predicting risk of kidney failure. JAMA 2016;315:164-174,
doi 10.1001/jama.2015.18202 (baseline survival).

Where each baseline survival is from: all four as in the Python package kfre 0.1.18 (MIT), main.py. 0.9240 (North
America, 5 years) and 0.9832 (elsewhere, 2 years) are also proved by its published worked examples; 0.9365 (elsewhere, 5
years) is also printed by a second calculator. 0.9750 (North America, 2 years) has no second source of its own, but the
pairs agree with the calibration factors reported in 2016 (baseline risk lowered by 32.9 % at 2 and 16.5 % at 5 years
outside North America): 1 − 0.0250 × 0.671 = 0.9832 and 1 − 0.0760 × 0.835 = 0.9365.
"""

from __future__ import annotations

import math

from models.formulae.domain import adult, positive, within

# (North America, years) → baseline survival
SURVIVAL = {(True, 2): 0.9750, (True, 5): 0.9240, (False, 2): 0.9832, (False, 5): 0.9365}


def kfre4(*, age: float, male: bool, egfr: float, uacr: float, north_america: bool, years: int) -> float:
    """The probability of kidney failure treated by dialysis or transplant within 2 or 5 years.

    Age in years, eGFR mL/min/1.73 m² below 60 (stages G3 to G5, not on dialysis), urine albumin/creatinine mg/g. Raises
    ValueError for an age under 18, an eGFR of 60 or more, values that are not above 0, and other horizons.
    """
    if (north_america, years) not in SURVIVAL:
        raise ValueError("The kidney failure risk equation knows 2 and 5 years.")
    within("eGFR", positive("eGFR", egfr), 0, 60, "mL/min/1.73 m²", below=True)
    hazard = math.fsum(
        (
            -0.2201 * (adult(age) / 10 - 7.036),
            0.2467 * (float(male) - 0.5642),
            -0.5567 * (egfr / 5 - 7.222),
            0.4510 * (math.log(positive("Urine albumin/creatinine", uacr)) - 5.137),
        )
    )
    return 1.0 - math.pow(SURVIVAL[north_america, years], math.exp(hazard))
