"""How well a model did in validation, from the `evaluation.json` that training writes beside the manifest.

Only what people are shown is read here: one sentence, and what happened to patients who were given about the same risk
(where the figures are by hour: at about the same hour). A model without the file has no evidence to show.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from clinical import strict_json
from clinical.assessment import Observed
from clinical.errors import RequestRefused
from models.runtime.toml_table import TomlTable

EVALUATION_FILE = "evaluation.json"
FORMAT = 2
# Slices of this name are landmarks in time ("hour 24"); without them the main slice stands for every hour.
HOUR = "hour "
Landmark = tuple[float, tuple[Observed, ...]]


@dataclass(frozen=True, slots=True)
class Evidence:
    """`validation` is one sentence; `reliability` holds, per landmark hour in rising order, bins that cover 0 to 1.

    A model that was not judged by hour has one landmark, at hour 0.
    """

    validation: str
    reliability: tuple[Landmark, ...]

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
    if document.integer("format") != FORMAT:
        document.fault(f"format must be {FORMAT}; train again")
        return None
    if document.text("artefact_sha256") != artefact_sha256:
        document.fault("artefact_sha256 is not that of artefact.toml; train again")
    summary, noun = document.table("summary"), document.text_or("counted", "patients")
    bins = _reliability(document.table("reliability"), summary.text("slice"), noun)
    evidence = Evidence(summary.text("sentence"), bins)
    return evidence if len(faults) == before else None


def _parse(path: Path, faults: list[str]) -> dict[str, object]:
    """The object in the file, or nothing and a fault."""
    try:
        document = strict_json.loads(path.read_bytes())
    except (OSError, RequestRefused) as error:
        faults.append(f"{path.name} cannot be read ({error})")
        return {}
    if not isinstance(document, dict):
        faults.append(f"{path.name} must be an object")
        return {}
    return document


def _reliability(table: TomlTable, main: str, noun: str) -> tuple[Landmark, ...]:
    """The bins of every landmark hour, or those of the main slice where that is no hour; `noun` is what they count."""
    if not main.startswith(HOUR):
        return ((0.0, _bins(table, main, noun)),)
    found = [(_hour(table, name), _bins(table, name, noun)) for name in table.names() if name.startswith(HOUR)]
    if not found:
        table.fault("there is no hour")
    return tuple(sorted(found, key=lambda landmark: landmark[0]))


def _hour(table: TomlTable, name: str) -> float:
    """The number in `hour 24`."""
    number = name.removeprefix(HOUR)
    if not number.isdecimal():
        table.fault(f"{name} is not an hour")
        return 0.0
    return float(number)


def _bins(table: TomlTable, name: str, noun: str) -> tuple[Observed, ...]:
    """The bins of one slice."""
    bins = tuple(_bin(row, noun) for row in table.rows(name))
    if not _covers_all(bins):
        table.fault(f"the bins of {name} must rise from 0 to 1 without a gap")
    return bins


def _covers_all(bins: tuple[Observed, ...]) -> bool:
    """Whether every probability has its bin."""
    joined = all(below.high == above.low for below, above in pairwise(bins))
    return bool(bins) and joined and bins[0].low == 0 and bins[-1].high == 1 and all(b.low < b.high for b in bins)


def _bin(row: TomlTable, noun: str) -> Observed:
    """One bin whose numbers fit together."""
    found = Observed(
        low=row.number("low"),
        high=row.number("high"),
        patients=row.integer("patients"),
        events=row.integer("events"),
        lower=row.number("lower"),
        upper=row.number("upper"),
        noun=noun,
    )
    row.close()
    if found.patients < 1 or not 0 <= found.lower <= found.share <= found.upper <= 1:
        row.fault("patients, events and interval do not fit together")
    return found
