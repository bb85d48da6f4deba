"""How well a model did in validation, from the `evaluation.json` that training writes beside the manifest.

Only what people are shown is read here: one sentence, and what happened to patients who were given about the same risk
at about the same hour. A model without the file has no evidence to show.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from clinical import strict_json
from clinical.assessment import Observed
from clinical.errors import RequestRefused
from clinical.wording import percent
from models.runtime.toml_table import TomlTable

EVALUATION_FILE = "evaluation.json"


@dataclass(frozen=True, slots=True)
class Evidence:
    """`validation` is one sentence; `reliability` holds, per landmark hour in rising order, bins that cover 0 to 1."""

    validation: str
    reliability: tuple[tuple[float, tuple[Observed, ...]], ...]

    def observed(self, probability: float, hours: float) -> Observed:
        """The bin of a probability at the latest landmark that has been reached (before the first: at the first)."""
        reached = bisect_right(self.reliability, hours, key=lambda landmark: landmark[0])
        bins = self.reliability[max(reached, 1) - 1][1]
        return bins[min(bisect_right(bins, probability, key=lambda one: one.low), len(bins)) - 1]


def read_evidence(path: Path, artefact_sha256: object, faults: list[str]) -> Evidence | None:
    """Read an evaluation of the artefact with this hash, if there is one; its faults are added to `faults`."""
    if not path.exists():
        return None
    before = len(faults)
    document = TomlTable(_parse(path, faults), path.name, faults)
    if len(faults) > before:
        return None
    if document.text("artefact_sha256") != artefact_sha256:
        document.fault("artefact_sha256 is not that of artefact.toml; train again")
    evidence = Evidence(_sentence(document), _reliability(document.table("reliability")))
    return evidence if len(faults) == before else None


def _parse(path: Path, faults: list[str]) -> dict[str, object]:
    try:
        document = strict_json.loads(path.read_bytes())
    except (OSError, RequestRefused) as error:
        faults.append(f"{path.name} cannot be read ({error})")
        return {}
    if not isinstance(document, dict):
        faults.append(f"{path.name} must be an object")
        return {}
    return document


def _sentence(document: TomlTable) -> str:
    """Discrimination at the hour that the thresholds were set for, and what followed at the lowest of them."""
    summary = document.table("summary")
    how, hour = summary.text("how"), summary.text("hour")
    at_hour = document.table("by_hour").table(hour)
    thresholds = document.table("thresholds")
    limits = {name: thresholds.number(name) for name in thresholds.names()}
    if not limits:
        thresholds.fault("there is none")
        return ""
    name, limit = min(limits.items(), key=lambda item: item[1])
    alert = document.table("by_budget").table(name).table(hour)
    return (
        f"{how} on {at_hour.integer('stays'):,} stays at hour {hour}: AUROC {_interval(at_hour)}; of the stays given "
        f"{percent(limit)} or more, {percent(alert.number('positive_predictive_value'))} had the outcome."
    )


def _interval(at_hour: TomlTable) -> str:
    """`.84 (.83 to .86)`."""
    figures = at_hour.numbers("auroc")
    if len(figures) != 3:
        at_hour.fault("auroc must be [value, low, high]")
        return ""
    value, low, high = (f"{figure:.2f}".lstrip("0") for figure in figures)
    return f"{value} ({low} to {high})"


def _reliability(table: TomlTable) -> tuple[tuple[float, tuple[Observed, ...]], ...]:
    """The bins of every landmark hour."""
    found = []
    for name in table.names():
        bins = tuple(_bin(row) for row in table.rows(name))
        if not name.isdecimal():
            table.fault(f"{name} is not an hour")
        elif not _covers_all(bins):
            table.fault(f"the bins of hour {name} must rise from 0 to 1 without a gap")
        else:
            found.append((float(name), bins))
    if not found:
        table.fault("there is no hour")
    return tuple(sorted(found, key=lambda landmark: landmark[0]))


def _covers_all(bins: tuple[Observed, ...]) -> bool:
    """Whether every probability has its bin."""
    joined = all(below.high == above.low for below, above in pairwise(bins))
    return bool(bins) and joined and bins[0].low == 0 and bins[-1].high == 1 and all(b.low < b.high for b in bins)


def _bin(row: TomlTable) -> Observed:
    """One bin whose numbers fit together."""
    found = Observed(
        low=row.number("low"),
        high=row.number("high"),
        patients=row.integer("patients"),
        events=row.integer("events"),
        lower=row.number("lower"),
        upper=row.number("upper"),
    )
    row.close()
    if found.patients < 1 or not 0 <= found.lower <= found.share <= found.upper <= 1:
        row.fault("patients, events and interval do not fit together")
    return found
