"""Shipped models with what-if, charts of the open data, and small made-up charts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from what_if.what_if_desk import Desk, served

from clinical.assessment import RiskAssessment
from clinical.record import Observation, PatientRecord
from models.runtime.catalogue import MODELS_FOLDER
from models.runtime.manifest import Manifest
from models.runtime.model import TreeRiskModel
from models.runtime.read_manifest import read_manifest
from models.runtime.sight import Looked, TreeSight
from models.runtime.what_if import WhatIf
from models.training.cases import Case
from models.training.load_recipe import load_recipe

FOLDERS = ("icu_mortality", "sepsis_6h", "sepsis_6h_physiology", "mortality_10y")
STAYS = {"icu_mortality": 30, "sepsis_6h": 24, "sepsis_6h_physiology": 24, "mortality_10y": 80}
HOURS = (6, 13, 24, 37, 48)


@dataclass(frozen=True)
class Asked:
    """A chart at a moment with what the model says."""

    record: PatientRecord
    as_of: datetime
    finding: RiskAssessment


@dataclass(frozen=True)
class Shelf:
    """One shipped model with its what-if and some charts."""

    name: str
    manifest: Manifest
    model: TreeRiskModel
    sight: TreeSight
    what_if: WhatIf
    asked: tuple[Asked, ...]

    def row(self, record: PatientRecord, as_of: datetime) -> np.ndarray:
        """What the real path gives."""
        looked = self.sight.look(record, as_of)
        assert isinstance(looked, Looked)
        return looked.row

    def case(self, finding: RiskAssessment):
        """The assessment put together again."""
        found = self.what_if._case(finding)
        assert not isinstance(found, str), found
        return found


def with_latest(record: PatientRecord, latest: Observation, value: float) -> PatientRecord:
    """The chart if the latest fact of a signal had another value.

    Of two values of one moment the higher one is the latest; the other one does not come in its place.
    """
    changed = replace(latest, value=value, reported_value=value)
    others = (fact for fact in record.observations if not _together(fact, latest))
    return replace(record, observations=(*others, changed))


def _together(fact: Observation, other: Observation) -> bool:
    return (fact.codings, fact.time) == (other.codings, other.time)


def _files(shared: Path, name: str, folder: Path) -> list[Path]:
    """The model's open data; of the hourly rows only some stays, which is quicker."""
    recipe = load_recipe(MODELS_FOLDER / name)
    paths = [shared / "data" / "tabular" / file for file in recipe.source.sha256]
    if not name.startswith("sepsis"):
        return paths
    table = pd.read_parquet(paths[0])
    table["pid"] = table["pid"].astype(str)
    chosen = table["pid"].drop_duplicates().iloc[:: len(table["pid"].drop_duplicates()) // STAYS[name]]
    rare = table.loc[table["BaseExcess"].notna() & table["FiO2"].notna(), "pid"].drop_duplicates().iloc[::60]
    path = folder / "some.parquet"
    table[table["pid"].isin({*chosen, *rare})].reset_index(drop=True).to_parquet(path)
    return [path]


def _cases(shared: Path, name: str, folder: Path) -> Iterator[Case]:
    recipe = load_recipe(MODELS_FOLDER / name)
    yield from islice(recipe.source.cases(_files(shared, name, folder)), 0, None, 7 if name == "icu_mortality" else 1)


@pytest.fixture(scope="session", params=FOLDERS)
def shelf(request: pytest.FixtureRequest, shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    """Each shipped model with modifiable inputs."""
    name = str(request.param)
    manifest = read_manifest(MODELS_FOLDER / name / "model.toml")
    model = TreeRiskModel(manifest)
    asked = []
    for case in islice(_cases(shared, name, tmp_path_factory.mktemp("rows")), STAYS[name]):
        moments = [m.as_of for m in case.moments if name == "mortality_10y" or m.hour in HOURS]
        for as_of in moments:
            known = tuple(fact for fact in case.record.observations if fact.time <= as_of)
            record = replace(case.record, observations=known)
            finding = model.assess(record, as_of)
            if isinstance(finding, RiskAssessment):
                asked.append(Asked(record, as_of, finding))
    return Shelf(name, manifest, model, TreeSight(manifest), WhatIf.load(manifest), tuple(asked))


@pytest.fixture(scope="session")
def change() -> Callable[[PatientRecord, Observation, float], PatientRecord]:
    """Gives a chart another latest value."""
    return with_latest


@pytest.fixture(scope="session")
def values_between() -> Callable[[float, float], Mapping[int, float]]:
    """A few values of a range, both ends among them."""
    return lambda low, high: dict(enumerate(low + (high - low) * part for part in (0.0, 0.31, 0.5, 0.77, 1.0)))


@pytest.fixture
def desk() -> Iterator[Desk]:
    """A server for a browser."""
    with served() as opened:
        yield opened
