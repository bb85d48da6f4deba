"""The exact test of two shares, for counts that are too small for the normal distribution."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def hypergeometric_tail(count: int, total: int, other_count: int, other_total: int) -> float:
    """P(at least `count` of `total`) if the cases of both samples were dealt out blindly (Fisher's exact test)."""
    if count == 0:
        return 1.0
    from scipy.special import gammaln, logsumexp  # noqa: PLC0415  heavy

    cases, everyone = count + other_count, total + other_total
    here = np.arange(count, min(cases, total) + 1, dtype=np.float64)

    def ways(of: float | Floats, chosen: float | Floats) -> Floats:
        """Logarithm of the number of ways to choose."""
        result: Floats = gammaln(np.add(of, 1)) - gammaln(np.add(chosen, 1)) - gammaln(np.subtract(of, chosen) + 1)
        return result

    possible = cases - here <= other_total
    here = here[possible]
    terms = ways(float(total), here) + ways(float(other_total), cases - here) - ways(float(everyone), float(cases))
    return float(min(1.0, np.exp(logsumexp(terms))))
