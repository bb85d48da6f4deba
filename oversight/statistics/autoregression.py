"""Regression of a series whose errors resemble their neighbours, averaged over how alike the neighbours are.

Errors are a stationary AR(1) of unknown correlation ρ. With a flat prior on the coefficients and 1 / σ² on the variance
of the innovations (Zellner and Tiao 1964, JASA 59:763-778), given ρ each combination of coefficients is t about its
generalised least-squares value, and ρ itself has the density

    p(ρ | y) ∝ π(ρ) √(1 - ρ²) |X'WX|^(-1/2) S(ρ)^(-(T - k) / 2)

with W the inverse covariance for innovations of variance 1 and S the weighted residual sum of squares: π times the
restricted likelihood (Harville 1974, Biometrika 61:383-385). π is the reference prior √(tr U² - (tr U)² / (T - k)) with
U = ∂W⁻¹/∂ρ (W - WX (X'WX)⁻¹ X'W) (Berger, De Oliveira and Sansó 2001, JASA 96:1361-1374). A flat π makes intervals of
short series too wide, as it holds strong likeness for as probable as any, which few points cannot gainsay: intervals of
the slopes of two lines on 16 independent points cover in 97 to 98 % instead of 95 to 96.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oversight.statistics.estimate import Estimate

Floats = npt.NDArray[np.float64]

# Gauss-Legendre in √((1 + ρ) / 2), which smooths the density's 1 / √(1 + ρ) at -1. With 300 nodes the ends of intervals
# move by less than 1e-7 of the length for 16 to 104 points, 1e-6 for 260 and 1e-4 for 520.
NODES = 64


@dataclass(frozen=True, slots=True)
class Averaged:
    """A regression for each correlation in turn, and how much each is to be believed; n correlations, k coefficients.

    `weights` (n) sum to 1. `coefficients` (n × k) are the generalised least-squares values, `roots` (n × k × k) turn a
    combination of coefficients into its standard error: the length of the combination times the root.
    """

    correlations: Floats
    weights: Floats
    coefficients: Floats
    roots: Floats
    freedom: int

    @property
    def mean(self) -> Floats:
        """The coefficients, averaged."""
        return self.weights @ self.coefficients

    @property
    def likeness(self) -> float:
        """The correlation of neighbours, averaged."""
        return float(self.weights @ self.correlations)

    def combination(self, row: Floats, confidence: float) -> Estimate:
        """The mean of a combination of coefficients, and the quantiles that leave as much out on either side."""
        from scipy.optimize import brentq  # noqa: PLC0415  heavy
        from scipy.special import stdtr, stdtrit  # noqa: PLC0415  heavy

        # What weighs less than a rounding error has no say, but could put the ends of the search very far apart.
        told = self.weights > np.finfo(np.float64).eps
        weights, centres = self.weights[told], self.coefficients[told] @ row
        errors = np.sqrt(((row @ self.roots[told]) ** 2).sum(axis=1))

        def quantile(share: float) -> float:
            """Where the averaged distribution function reaches a share: between the least and the most of its parts."""
            parts = centres + float(stdtrit(self.freedom, share)) * errors
            room = 1e-9 * float(errors.max())
            low, high = float(parts.min()) - room, float(parts.max()) + room

            def beyond(value: float) -> float:
                """How far the share below a value is above the share that is sought."""
                return float(weights @ (stdtr(self.freedom, (value - centres) / errors) - share))

            return float(brentq(beyond, low, high, xtol=1e-12 * (high - low)))

        return Estimate(float(row @ self.mean), quantile((1 - confidence) / 2), quantile((1 + confidence) / 2))


def averaged(design: Floats, values: Floats) -> Averaged:
    """The regression of `values` (T) on `design` (T × k, of full rank, with T > k), errors AR(1).

    The values have to leave the lines somewhere, and should be of the order of 1.
    """
    size, columns = design.shape
    freedom = size - columns
    correlations, quadrature = _nodes()
    basis, triangle = np.linalg.qr(whitened(design, correlations))
    root = np.linalg.inv(triangle)
    aims = whitened(values[:, None], correlations)
    turned = basis.transpose(0, 2, 1) @ aims
    squares = ((aims - basis @ turned) ** 2).sum(axis=(1, 2))
    likelihood = (
        np.log1p(-correlations * correlations) / 2
        - np.log(np.abs(np.einsum("nii->ni", triangle))).sum(axis=1)
        - freedom / 2 * np.log(squares)
    )
    weights = quadrature * reference_prior(design, root, correlations) * np.exp(likelihood - likelihood.max())
    return Averaged(
        correlations=correlations,
        weights=weights / weights.sum(),
        coefficients=(root @ turned)[:, :, 0],
        roots=np.sqrt(squares / freedom)[:, None, None] * root,
        freedom=freedom,
    )


def whitened(rows: Floats, correlations: Floats) -> Floats:
    """Rows (T × k) less each correlation (n) times the row before, n × T × k; the first row is kept, scaled."""
    rho = correlations[:, None, None]
    first = np.sqrt(1 - rho * rho) * rows[None, :1]
    return np.concatenate((first, rows[1:] - rho * rows[:-1]), axis=1)


def reference_prior(design: Floats, root: Floats, correlations: Floats) -> Floats:
    """π at each correlation, up to a factor; `root` (n × k × k) has root root' = (X'WX)⁻¹.

    With W the tridiagonal inverse covariance and W' its derivative, U has the traces of -W⁻¹W' less what the
    coefficients take: tr U = -tr W⁻¹W' + tr B and tr U² = tr (W⁻¹W')² - 2 tr C + tr B², with B = root' X'W'X root and
    C = root' X'W'W⁻¹W'X root.
    """
    rho = correlations[:, None, None]
    slope = 2 * rho * design  # W'X
    slope[:, [0, -1]] = 0
    slope[:, 1:] -= design[:-1]
    slope[:, :-1] -= design[1:]
    taken = slope.transpose(0, 2, 1) @ design
    taken = root.transpose(0, 2, 1) @ taken @ root
    left = 1 - correlations * correlations
    first = -2 * correlations / left - np.einsum("nii->n", taken)
    both = (2 * (len(design) - 2) + 2 * (1 + correlations**2) / left) / left
    second = both - 2 * ((_unwound(slope, rho) @ root) ** 2).sum(axis=(1, 2)) + (taken**2).sum(axis=(1, 2))
    # Next to 1 it vanishes, and rounding could take it below.
    result: Floats = np.sqrt(np.maximum(second - first * first / (len(design) - design.shape[1]), 0.0))
    return result


def _unwound(rows: Floats, rho: Floats) -> Floats:
    """Rows Z (n × T × k) whose whitening, transposed, gives `rows`: so Z'Z = rows' W⁻¹ rows."""
    result = rows.copy()
    for place in range(rows.shape[1] - 2, -1, -1):
        result[:, place] += rho[:, 0] * result[:, place + 1]
    result[:, 0] /= np.sqrt(1 - rho[:, 0] ** 2)
    return result


def _nodes() -> tuple[Floats, Floats]:
    """Correlations between -1 and 1, and the length that each stands for."""
    places, lengths = np.polynomial.legendre.leggauss(NODES)
    share = (1 + places) / 2
    return 2 * share**2 - 1, 2 * share * lengths
