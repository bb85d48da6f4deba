"""Landmark rows: one row per stay and landmark hour, made by the code that serves."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import numpy.typing as npt

from models.icu_mortality.training.data import START, TrainingStay
from models.runtime.features import FeaturePlan, Vector
from models.runtime.gather import Gatherer
from models.runtime.manifest import Manifest
from models.runtime.population import Placed, place, too_little


@dataclass(frozen=True, slots=True)
class Rows:
    """Aligned arrays of length n, one entry per row.

    `features` (n, m) float32; `answered` says whether the model would answer; `sex`, `age`, `icu_type` are for audit.
    """

    features: npt.NDArray[np.float32]
    stay: npt.NDArray[np.int64]
    hour: npt.NDArray[np.float64]
    died: npt.NDArray[np.bool_]
    answered: npt.NDArray[np.bool_]
    sex: npt.NDArray[np.str_]
    age: npt.NDArray[np.float64]
    icu_type: npt.NDArray[np.str_]


@dataclass(frozen=True, slots=True)
class _Row:
    features: Vector
    stay: int
    hour: float
    died: bool
    answered: bool
    sex: str
    age: float
    icu_type: str


class RowMaker:
    """Makes rows of a manifest's features."""

    def __init__(self, manifest: Manifest) -> None:
        """Build the plan once."""
        self._manifest = manifest
        self._gatherer = Gatherer(manifest.signals.values())
        self._plan = FeaturePlan(manifest)

    def rows(self, stays: Iterable[TrainingStay], progress: Callable[[int], None]) -> Rows:
        """All rows of all stays in the population (a child gives none). `progress` is told the number of stays done."""
        found: list[_Row] = []
        for done, stay in enumerate(stays, start=1):
            found += [row for hour in self._manifest.population.landmarks if (row := self._row(stay, hour))]
            progress(done)
        return Rows(
            features=np.stack([row.features for row in found]),
            stay=np.array([row.stay for row in found]),
            hour=np.array([row.hour for row in found]),
            died=np.array([row.died for row in found]),
            answered=np.array([row.answered for row in found]),
            sex=np.array([row.sex for row in found]),
            age=np.array([row.age for row in found]),
            icu_type=np.array([row.icu_type for row in found]),
        )

    def _row(self, stay: TrainingStay, hour: float) -> _Row | None:
        as_of = START + timedelta(hours=hour)
        placed = place(stay.record, self._manifest.population, as_of)
        if not isinstance(placed, Placed):
            return None
        opens = placed.start - self._manifest.population.allowance
        gathered = self._gatherer.gather(stay.record, opens, placed.start, as_of)
        return _Row(
            features=self._plan.values(gathered.series, placed.person, placed.hours),
            stay=int(stay.record.patient_id),
            hour=hour,
            died=stay.died,
            answered=too_little(gathered.series, self._manifest, placed.hours) is None,
            sex=stay.record.sex or "unknown",
            age=placed.person.age,
            icu_type=stay.icu_type,
        )
