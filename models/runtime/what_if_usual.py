"""Between which values a signal usually lies in training, to ask what a missing one could change.

`usual_values.toml` in a model's folder has the percentiles of the latest value of each signal; `chartside` reads it and
nothing else of the data. A model without that file goes by the lowest and the highest value that training saw.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

from clinical.errors import ManifestInvalid
from models.runtime.artefact import Artefact
from models.runtime.manifest import Manifest
from models.runtime.manifest_parts import parse
from models.runtime.toml_table import TomlTable

USUAL_FILE = "usual_values.toml"
PERCENTILES = (5, 95)
OF_PERCENTILES = "5th and 95th percentile in training"
OF_EXTREMES = "lowest and highest value in training"
# The columns that show a signal's level, the best first.
_LEVELS = ("last", "mean@6h", "mean", "max", "min")


@dataclass(frozen=True, slots=True)
class Usual:
    """A lower and an upper value of a signal in its unit, and what they are."""

    low: float
    high: float
    source: str


def usual_values(manifest: Manifest, artefact: Artefact) -> Mapping[str, Usual]:
    """By signal; one of which training saw nothing is left out. Raises `ManifestInvalid`."""
    path = manifest.folder / USUAL_FILE
    return _read(path, manifest) if path.is_file() else _extremes(manifest, artefact)


def level_column(manifest: Manifest, signal: str) -> str | None:
    """The column that shows a signal's level best."""
    taken = {
        take.statistic if take.hours is None else f"{take.statistic}@{take.hours:g}h"
        for take in manifest.signals[signal].take
    }
    return next((f"{signal}.{name}" for name in _LEVELS if name in taken), None)


def _read(path: Path, manifest: Manifest) -> Mapping[str, Usual]:
    faults: list[str] = []
    document = TomlTable(parse(path, faults), USUAL_FILE, faults)
    document.text("of")
    document.integer("rows")
    table = document.table("signals")
    found = {name: table.span(name) for name in table.names()}
    document.close()
    for name, (low, high) in found.items():
        if name not in manifest.signals or not low <= high:
            table.fault(f"{name} is no signal, or its values do not rise")
    if faults:
        raise ManifestInvalid(f"{path}: " + "; ".join(faults))
    return {name: Usual(low, high, OF_PERCENTILES) for name, (low, high) in found.items()}


def _extremes(manifest: Manifest, artefact: Artefact) -> Mapping[str, Usual]:
    place = {name: i for i, name in enumerate(artefact.features)}
    found: dict[str, Usual] = {}
    for signal in manifest.signals.values():
        column = level_column(manifest, signal.name)
        if column is not None:
            low, high = float(artefact.lowest[place[column]]), float(artefact.highest[place[column]])
            if isfinite(low) and isfinite(high):
                # A float32 may lie a hair outside the plausible range that it was cut to.
                found[signal.name] = Usual(max(low, signal.low), min(high, signal.high), OF_EXTREMES)
    return found
