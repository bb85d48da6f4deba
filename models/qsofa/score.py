"""qSOFA from the inputs of `model.toml`."""

from __future__ import annotations

from models.formulae import qsofa
from models.runtime.score_answer import Given, Result


def answer(given: Given) -> Result:
    """Work out qSOFA. Whoever is not alert counts as altered; the coma score counts where there is no such answer."""
    return qsofa.work(
        {
            "respiratory_rate": given["respiratory_rate"],
            "systolic_pressure": given["systolic_pressure"],
            "gcs": given["coma_scale"],
            "altered_mentation": given["acvpu"],
        }
    )
