"""Made-up predictions whose truth is known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from models.training.fit import Flags, Floats


@pytest.fixture(scope="session")
def calibrated() -> Callable[..., tuple[Floats, Flags]]:
    """Predictions and outcomes drawn from them: calibrated by construction."""

    def make(number: int, seed: int = 1) -> tuple[Floats, Flags]:
        rng = np.random.default_rng(seed)
        p = rng.beta(1.2, 6.0, number)
        return p, rng.random(number) < p

    return make
