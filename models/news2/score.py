"""NEWS2 from the inputs of `model.toml`."""

from __future__ import annotations

from models.formulae import news2
from models.runtime.score_answer import Given, Result, worst

ROOM_AIR = 21.0


def answer(given: Given) -> Result:
    """Work out NEWS2. Of inputs that were found at the same time, the worse counts: oxygen, and consciousness."""
    return news2.work(
        {
            "respiratory_rate": given["respiratory_rate"],
            "oxygen_saturation": given["oxygen_saturation"],
            "supplemental_oxygen": worst(
                given["oxygen_answer"], _above(given["oxygen_flow"], 0.0), _above(given["inhaled_oxygen"], ROOM_AIR)
            ),
            "systolic_pressure": given["systolic_pressure"],
            "pulse": given["pulse"],
            "not_alert": worst(given["acvpu"], _below(given["coma_scale"], 15.0)),
            "temperature": given["temperature"],
            "hypercapnic": given["saturation_scale"],
        }
    )


def _above(value: float | None, limit: float) -> float | None:
    """1 above a limit, else 0."""
    return None if value is None else float(value > limit)


def _below(value: float | None, limit: float) -> float | None:
    """1 below a limit, else 0."""
    return None if value is None else float(value < limit)
