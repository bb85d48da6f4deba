"""The optional table `[monitoring]` of a manifest: from which effect on the monitors of this model speak.

The defaults are those of oversight and stand there; what is here are changes of them. Names and kinds are checked, so
that a mistyped threshold is not silently without effect.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

from clinical.errors import ManifestInvalid
from models.runtime.toml_table import TomlTable

# [watch, alarm]: shares that change, factors to either side of 1, and areas that are .5 by chance.
SHARES = ("rate", "missing", "novelty", "quality", "reasons", "classifier", "auroc", "false_discoveries")
FACTORS = ("volume", "observed_expected", "slope")
AREAS = ("classifier",)
PAIRS = (
    "rate", "volume", "distribution", "missing", "novelty", "quality", "reasons", "classifier", "observed_expected",
    "slope", "auroc",
)  # fmt: skip
FEWEST_WEEKS, MOST_WEEKS = 8, 104

Monitoring = Mapping[str, tuple[float, float] | float | int | str]


def monitoring_of(path: Path) -> Monitoring:
    """The table of a `model.toml` that was read before; empty where there is none. Raises `ManifestInvalid`."""
    faults: list[str] = []
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ManifestInvalid(f"{path} cannot be read ({type(error).__name__})") from None
    found = read_monitoring(TomlTable(document, "", faults))
    if faults:
        raise ManifestInvalid(f"{path}: " + "; ".join(faults))
    return found


def read_monitoring(doc: TomlTable) -> Monitoring:
    """The table of a document, with every fault noted."""
    if not doc.has("monitoring"):
        return {}
    table = doc.table("monitoring")
    found: dict[str, tuple[float, float] | float | int | str] = {
        name: _pair(table, name) for name in PAIRS if table.has(name)
    }
    if table.has("reference_weeks"):
        found["reference_weeks"] = _weeks(table)
    if table.has("false_discoveries"):
        found["false_discoveries"] = _share(table)
    if any(table.has(name) for name in ("outcome", "outcome_hours", "outcome_whole_stay")):
        found["outcome"] = table.text("outcome")
        found["outcome_hours"] = _hours(table)
        found |= {"outcome_whole_stay": True} if table.flag("outcome_whole_stay", default=False) else {}
    table.close()
    return found


def _pair(table: TomlTable, name: str) -> tuple[float, float]:
    """`[watch, alarm]`, rising."""
    watch, alarm = table.span(name)
    lowest = 1.0 if name in FACTORS else 0.5 if name in AREAS else 0.0
    if not lowest < watch < alarm or (name in SHARES and alarm >= 1):
        table.fault(f"{name} must be [watch, alarm], rising, above {lowest:g}{' and below 1' * (name in SHARES)}")
    return watch, alarm


def _weeks(table: TomlTable) -> int:
    """How many weeks a week is held against."""
    weeks = table.integer("reference_weeks")
    if not FEWEST_WEEKS <= weeks <= MOST_WEEKS:
        table.fault(f"reference_weeks must be from {FEWEST_WEEKS} to {MOST_WEEKS}")
    return weeks


def _share(table: TomlTable) -> float:
    """The share of alarms that may be false."""
    share = table.number("false_discoveries")
    if not 0 < share < 1:
        table.fault("false_discoveries must be above 0 and below 1")
    return share


def _hours(table: TomlTable) -> float:
    """How long the outcome has to come."""
    hours = table.number("outcome_hours")
    if not 0 < hours <= 24 * 366:
        table.fault("outcome_hours must be above 0 and at most a year")
    return hours
