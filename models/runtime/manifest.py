"""The words of a `model.toml`, as frozen dataclasses. `read_manifest` fills them and checks them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from clinical.assessment import ModelInfo, Tier
from clinical.need import DataNeed
from clinical.record import Coding
from models.runtime.aggregate import Take
from models.runtime.evidence import Evidence

# The longest documented life is 122 years; above that the birth date is wrong.
OLDEST = 122
# What is known of every patient of an intensive care unit, in the order of the vector.
PERSON = ("age", "sex", "hours")
# Stands for the recipe of a model that is only about to be trained.
ANY_RECIPE = "any"


class PerHour(StrEnum):
    """What of several facts of an hour counts, in a model that counts by the hour (`Population.hourly`)."""

    NEWEST = "newest"
    SUM = "sum"


@dataclass(frozen=True, slots=True)
class Modifiable:
    """What may be asked of a signal that treatment changes: latest values from `low` to `high`, `step` apart."""

    low: float
    high: float
    step: float


@dataclass(frozen=True, slots=True)
class Signal:
    """One thing that is measured: its codes, its canonical UCUM unit, its plausible range, what is taken from it.

    `need` is the key of the data need that fetches it. Values outside [low, high] are not used; `source` says why
    there. `direction` is 1 where a higher level may never lower the risk, -1 where it may never raise it, else 0.
    `show` is the statistic that people are shown, with `show_unit`; without one it is the newest value. `unless` names
    a signal beside which this one is not used. `per_hour` matters where the population is `hourly`. `modifiable` is
    there where treatment changes it, for what-if (`models.runtime.what_if`).
    """

    name: str
    label: str
    need: str
    codes: tuple[Coding, ...]
    unit: str
    low: float
    high: float
    source: str
    take: tuple[Take, ...]
    direction: int = 0
    show: Take | None = None
    show_unit: str = ""
    unless: str = ""
    per_hour: PerHour = PerHour.NEWEST
    modifiable: Modifiable | None = None


@dataclass(frozen=True, slots=True)
class Derived:
    """A feature made of two others. `kind` is one of `derive.KINDS`; `top` and `bottom` are what that kind needs.

    `concept` is the signal under which a clinician would look for it, or the feature's own name.
    """

    name: str
    label: str
    concept: str
    kind: str
    top: str
    bottom: str
    scale: float
    unit: str
    direction: int = 0


@dataclass(frozen=True, slots=True)
class Column:
    """A number that `features.py` gives. `concept` is the signal or column under which a clinician would look.

    `rests_on` are the signals that it is worked out from, None where the manifest does not say.
    """

    name: str
    label: str
    concept: str
    concept_label: str
    unit: str
    direction: int = 0
    rests_on: tuple[str, ...] | None = None


class Kind(StrEnum):
    """Where the patients of a model are: each kind has its own way of placing them (`population.place`)."""

    INTENSIVE_CARE = "intensive-care"
    DISCHARGE = "discharge"
    OUTPATIENT = "outpatient"


@dataclass(frozen=True, slots=True)
class Population:
    """For whom there is an answer. Ages in completed years, hours since the start of the intensive care stay.

    `age_cap` is the highest age the training data tell apart; `allowance` is how long before the recorded start of the
    stay a fact still counts as the first of the stay. `look_back` is how old a fact of somebody outside hospital may
    be. `hourly` reduces each signal to one value an hour (`Signal.per_hour`).
    """

    minimum_age: int
    age_cap: int
    from_hour: float
    to_hour: float
    landmarks: tuple[float, ...]
    allowance: timedelta
    kind: Kind = Kind.INTENSIVE_CARE
    maximum_age: int = OLDEST
    look_back: timedelta = timedelta()
    hourly: bool = False


@dataclass(frozen=True, slots=True)
class Minimum:
    """The least that must have been measured: so many signals, and one of `any_of` within `hours` (0: at any time).

    `required` are signals without which there is no answer.
    """

    signals: int
    any_of: tuple[str, ...]
    hours: float
    source: str
    required: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ArtefactEntry:
    """The trained file and the SHA-256 it must have; `recipe` digests the feature recipe it was trained with."""

    folder: Path
    file: str
    sha256: str
    recipe: str

    @property
    def path(self) -> Path:
        """Where the file lies."""
        return self.folder / self.file


@dataclass(frozen=True, slots=True)
class Manifest:
    """A whole `model.toml` with its artefact entry. `outcome` is the coding of what the risk is a risk of.

    `evidence` is None where training left no `evaluation.json`. `comparators` are the ids of published scores that are
    worked out for the same patient, and `needs` covers what they need too once the catalogue has joined them. `served`
    says whether the model is offered unasked.
    """

    info: ModelInfo
    outcome: Coding
    population: Population
    minimum: Minimum
    signals: Mapping[str, Signal]
    derived: Mapping[str, Derived]
    tiers: tuple[Tier, ...]
    needs: tuple[DataNeed, ...]
    artefact: ArtefactEntry
    evidence: Evidence | None = None
    comparators: tuple[str, ...] = ()
    served: bool = True
    person: tuple[str, ...] = PERSON
    columns: Mapping[str, Column] = field(default_factory=dict)
    code_digest: str = ""

    @property
    def folder(self) -> Path:
        """Where the manifest lies."""
        return self.artefact.folder

    @property
    def code_labels(self) -> Mapping[str, str]:
        """What is asked for by code, each code with its label in a clinician's words."""
        return {coding.code: signal.label for signal in self.signals.values() for coding in signal.codes}

    @property
    def artefact_beside_manifest(self) -> bool:
        """Whether the artefact is a plain file name; a path would lead out of the model's folder."""
        return self.artefact.file == Path(self.artefact.file).name

    @property
    def recipe(self) -> str:
        """SHA-256 over what decides a feature's number and direction; codes and labels may change without it.

        It differs when any unit, range, statistic, ratio, direction or cap differs, or a byte of `features.py`.
        """
        parts = [f"age_cap={self.population.age_cap}"]
        parts += [
            f"{s.name} {s.unit} {s.low!r} {s.high!r} {s.take!r} {s.direction} {s.unless}" for s in self.signals.values()
        ]
        parts += [f"{d.name} {d.kind} {d.top} {d.bottom} {d.scale!r} {d.direction}" for d in self.derived.values()]
        parts += [f"{c.name} {c.unit} {c.direction}" for c in self.columns.values()]
        p = self.population
        parts.append(f"{p.kind} {p.allowance} {p.look_back} {p.hourly} {self.person!r} {self.code_digest}")
        # Only where it is asked for: the recipes of models from before this key stay as they are.
        parts += [f"{s.name} by {s.per_hour}" for s in self.signals.values() if s.per_hour is not PerHour.NEWEST]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()
