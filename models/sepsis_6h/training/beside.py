"""The scores that clinicians know, on the same rows, as far as hourly tables of this kind tell them.

The rows know the latest value of each vital sign, however old, and nothing of consciousness or of the SpO2 scale; so
these are partial scores (they say so in their names), and what was never measured gives no points. The published rules
are those of `models.formulae`; here they are written for whole columns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import inf
from pathlib import Path

import numpy as np

from models.runtime.features import features_of
from models.runtime.read_manifest import read_untrained
from models.training.fit import Floats
from models.training.rows import Rows

# Room air is 21 %; a value that was rounded up is still room air.
ON_OXYGEN = 21.5
Latest = Mapping[str, Floats]
Score = Callable[[Rows], Floats]
_Bands = Sequence[tuple[float, int]]
# Each band ends with its first number and gives the second (RCP 2017, NEWS2, chart 1, scale 1).
_PULSE: _Bands = ((40, 3), (50, 1), (90, 0), (110, 1), (130, 2), (inf, 3))
_BREATHS: _Bands = ((8, 3), (11, 1), (20, 0), (24, 2), (inf, 3))
_SYSTOLIC: _Bands = ((90, 3), (100, 2), (110, 1), (219, 0), (inf, 3))
_SATURATION: _Bands = ((91, 3), (93, 2), (95, 1), (inf, 0))
_TEMPERATURE: _Bands = ((35, 3), (36, 1), (38, 0), (39, 1), (inf, 2))


def news2(latest: Latest) -> Floats:
    """NEWS2 without consciousness, 0 to 17 (RCP 2017). Shape (n,)."""
    points = _points(latest["HR"], _PULSE) + _points(latest["Resp"], _BREATHS) + _points(latest["SBP"], _SYSTOLIC)
    points += _points(latest["O2Sat"], _SATURATION) + _points(latest["Temp"], _TEMPERATURE, 0.1)
    return points + 2.0 * (latest["FiO2"] > ON_OXYGEN)


def qsofa(latest: Latest) -> Floats:
    """The quick SOFA without consciousness, 0 to 2 (Singer 2016). Shape (n,)."""
    return (latest["Resp"] >= 22).astype(np.float64) + (latest["SBP"] <= 100)


def sirs(latest: Latest) -> Floats:
    """SIRS without band forms, 0 to 4 (Bone 1992). Shape (n,)."""
    heat = (latest["Temp"] > 38) | (latest["Temp"] < 36)
    breath = (latest["Resp"] > 20) | (latest["PaCO2"] < 32)
    cells = (latest["WBC"] > 12) | (latest["WBC"] < 4)
    return heat.astype(np.float64) + (latest["HR"] > 90) + breath + cells


_SIGNALS = ("HR", "Resp", "SBP", "O2Sat", "Temp", "FiO2", "PaCO2", "WBC")
_SCORES = {"NEWS2 (partial)": news2, "SIRS (partial)": sirs, "qSOFA (partial)": qsofa}


def partial_scores(manifest: Path) -> dict[str, Score]:
    """The scores by name, for rows of the columns of a manifest, which must hold the latest values."""
    place = {feature.name: number for number, feature in enumerate(features_of(read_untrained(manifest)))}
    columns = {name: place[f"{name}.last"] for name in _SIGNALS}
    return {name: _of_rows(score, columns) for name, score in _SCORES.items()}


def _of_rows(score: Callable[[Latest], Floats], columns: Mapping[str, int]) -> Score:
    """A score that finds its values in the features of rows."""

    def work(rows: Rows) -> Floats:
        return score({name: rows.features[:, column].astype(np.float64).round(4) for name, column in columns.items()})

    return work


def _points(values: Floats, bands: _Bands, step: float = 1.0) -> Floats:
    """The points of values rounded half up to the resolution of the chart; none where there is no value."""
    charted = np.floor(values / step + 0.5 + 1e-9) * step
    ends, points = zip(*bands, strict=True)
    found = np.array([*points, 0], dtype=np.float64)[np.searchsorted(np.array(ends) + step / 4, charted)]
    return np.where(np.isnan(values), 0.0, found)
