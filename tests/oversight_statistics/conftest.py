"""Simulated hospitals whose truth is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest


@dataclass(frozen=True)
class TreatedPatients:
    """Simulated patients: `untreated_outcome` is what would have come had no alert been acted on."""

    untreated_outcome: npt.NDArray[np.bool_]
    outcome: npt.NDArray[np.bool_]
    risk: npt.NDArray[np.float64]
    alerted: npt.NDArray[np.bool_]
    treated: npt.NDArray[np.bool_]
    severity: npt.NDArray[np.float64]

    @property
    def features(self) -> npt.NDArray[np.float64]:
        """The logged features: severity only."""
        return self.severity[:, None]


@pytest.fixture(scope="session")
def treated_patients() -> Callable[..., TreatedPatients]:
    """A simulator: alert at risk >= .25, treatment averts 60 %, sicker patients' alerts are accepted more often.

    `hidden` > 0: staff, and the outcome, also go by something that is not logged. `eagerness`: log-odds of treatment.
    """

    def simulate(number: int, seed: int, hidden: float = 0.0, eagerness: float = 0.2) -> TreatedPatients:
        rng = np.random.default_rng(seed)
        risk_part, severity, unlogged = rng.normal(size=(3, number))
        log_odds = -2.2 + risk_part + 0.7 * severity
        risk = 1 / (1 + np.exp(-log_odds))
        truth = 1 / (1 + np.exp(-(log_odds + 0.8 * (hidden > 0) * unlogged)))
        untreated_outcome = rng.random(number) < truth
        alerted = risk >= 0.25
        wish = eagerness + 0.8 * (log_odds + 0.5) + 0.5 * severity + hidden * unlogged
        treated = alerted & (rng.random(number) < 1 / (1 + np.exp(-wish)))
        averted = treated & (rng.random(number) < 0.6)
        return TreatedPatients(untreated_outcome, untreated_outcome & ~averted, risk, alerted, treated, severity)

    return simulate
