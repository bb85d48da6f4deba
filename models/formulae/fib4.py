"""FIB-4, the likelihood of advanced liver fibrosis (2006).

Sources: Sterling RK, Lissen E, Clumeck N, et al. Development of a simple noninvasive index to predict significant
fibrosis in patients with HIV/HCV coinfection. Hepatology 2006;43:1317-1325, doi 10.1002/hep.21178 (formula). Cut-offs
for fatty liver disease 1.30 and 2.67: Shah AG et al., Clin Gastroenterol Hepatol 2009;7:1104-1112 (read in restatements
that differ in whether 1.30 and 2.67 themselves belong to the middle; here they do). Lower cut-off 2.0 from age 65, and
poor performance up to age 35: McPherson S, Hardy T, Dufour JF, et al. Am J Gastroenterol 2017;112:740-751, doi
10.1038/ajg.2016.453.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from models.formulae.domain import adult, positive

UPPER = 2.67


@dataclass(frozen=True, slots=True)
class Fib4:
    """`band` is "low", "indeterminate" or "high", or "not validated" up to age 35; `lower` the lower cut-off used."""

    value: float
    band: str
    lower: float


def fib4(*, age: float, ast: float, alt: float, platelets: float) -> Fib4:
    """Age (years) × AST (U/L) / (platelets (10*3/uL) × √ALT (U/L)).

    Given to two decimals, as the cut-offs are. Raises ValueError under 18 years and for values that are not above 0.
    """
    value = adult(age) * positive("AST", ast) / (positive("Platelets", platelets) * math.sqrt(positive("ALT", alt)))
    value = float(Decimal(repr(value)).quantize(Decimal("0.01"), ROUND_HALF_UP))
    lower = 2.0 if age >= 65 else 1.30
    return Fib4(value, _band(value, age, lower), lower)


def _band(value: float, age: float, lower: float) -> str:
    """What the value says at this age."""
    if age < 36:
        return "not validated"
    if value < lower:
        return "low"
    return "high" if value > UPPER else "indeterminate"
