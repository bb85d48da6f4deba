"""The exact path-dependent Shapley values of leaves (Lundberg, Erion & Lee 2018, arXiv:1802.03888).

A leaf with value v and d columns on its path is worth v * prod_j o_j over the known columns j, o_j being 1 if the row's
value leads there and else 0, * prod_j z_j over the unknown ones, z_j being the share of rows that go there. The Shapley
value of column i, the mean over all orders in which the columns may become known, is

    v * (o_i - z_i) * integral from t = 0 to 1 of prod_{j != i} (o_j * t + z_j * (1 - t))

since the weight of a set of k columns, k! (d-1-k)! / d!, is the integral of t^k (1-t)^(d-1-k). The integrand is a
polynomial of degree d - 1, which Gauss's rule with ceil(d / 2) points integrates exactly.
"""

from __future__ import annotations

import numpy as np

from models.runtime.trees import Floats


def gauss(columns: int) -> tuple[Floats, Floats]:
    """Points and weights from 0 to 1 that are exact for leaves of so many columns."""
    points, weights = np.polynomial.legendre.leggauss((columns + 1) // 2)
    return (points + 1) / 2, weights / 2


def shapley_of_patterns(value: Floats, share: Floats) -> Floats:
    """Shapley values of leaves (n,) with shares (n, d) for every pattern of columns that lead there, (n, 2**d, d).

    In the number of a pattern column j is the j-th binary digit.
    """
    count, columns = share.shape
    points, weights = gauss(columns)
    pattern = np.arange(1 << columns)
    leading = sum(pattern >> column & 1 for column in range(columns))
    # For each set of columns that lead there: the integral over these, with (1 - t) for each other column but one.
    product = np.ones((count, len(points), 1))
    astray = np.ones((count, 1)) * value[:, None]
    for column in range(columns):
        z = share[:, column, None]
        known = points + z * (1 - points)
        product = np.concatenate([product, product * known[:, :, None]], axis=2)
        astray = np.concatenate([astray * z, astray], axis=1)
    others = np.maximum(columns - 1 - leading, 0)
    integral = (product * (weights[:, None] * (1 - points[:, None]) ** others)).sum(axis=1)
    found = np.repeat((-astray * integral)[:, :, None], columns, axis=2)
    for column in range(columns):
        leads = np.flatnonzero(pattern >> column & 1)
        inside = astray[:, leads] * integral[:, leads ^ 1 << column]
        found[:, leads, column] = inside * (1 - share[:, column, None])
    return found
