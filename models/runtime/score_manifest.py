"""The words of a `model.toml` of the kind "score", as frozen dataclasses; `read_score_manifest` fills them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from clinical.assessment import ModelInfo, Tier
from clinical.need import DataNeed
from clinical.record import Coding
from models.runtime.manifest import Signal
from models.runtime.score_inputs import Answered, AnyInput, Measured, Way


class Setting(StrEnum):
    """Where a patient must be for a score to be meant for them. Discharge: in hospital, or just gone from it."""

    ANY = "any"
    INPATIENT = "inpatient"
    DISCHARGE = "discharge"
    INTENSIVE_CARE = "intensive-care"
    OUTPATIENT = "outpatient"


class Answers(StrEnum):
    """What kind of number a score gives."""

    SCORE = "score"
    PROBABILITY = "probability"


@dataclass(frozen=True, slots=True)
class ScorePopulation:
    """For whom there is an answer. Ages in completed years.

    `only_with` names inputs that must be 1, `not_with` inputs that must be 0; else the score is not meant for the
    patient, and where nobody can say there is no answer. `not_with_recorded` names inputs that must not be 1: where
    nobody can say there is an answer, which tells that. `in_doubt_with` names inputs whose codes leave open
    whether the score is meant for the patient: where one is 1, there is no answer.
    """

    minimum_age: int
    maximum_age: int
    setting: Setting
    only_with: tuple[str, ...] = ()
    not_with: tuple[str, ...] = ()
    not_with_recorded: tuple[str, ...] = ()
    in_doubt_with: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Least:
    """The least number of lines that something must have been found for, and why."""

    items: int
    source: str


@dataclass(frozen=True, slots=True)
class Scale:
    """How the number reads. `decimals` is where the number of an equation is rounded; None leaves it as it is.

    `falling` and `unit` are as in `clinical.assessment.Score`. `by_band` says that the tier is the band that the
    formula names, and not the tier that the level reaches.
    """

    answers: Answers
    unit: str
    falling: bool = False
    decimals: int | None = None
    by_band: bool = False


@dataclass(frozen=True, slots=True)
class ScoreManifest:
    """A whole `model.toml`. `outcome` codes what the score is about; `served` says whether it is offered unasked.

    `draft` says why it is not offered at all, or is empty. `items` are the labels of lines that are not called as their
    first input is; `labels` those of all lines. `of_item` has the inputs that feed a line, and `in_place` for each
    input the names of those of which one is used, the input that they stand for first; `ways` has the same with those
    that say something only together as one, `same_within` how far apart these may be timed and tell one thing.
    """

    info: ModelInfo
    outcome: Coding
    population: ScorePopulation
    least: Least
    scale: Scale
    inputs: Mapping[str, AnyInput]
    items: Mapping[str, str]
    tiers: tuple[Tier, ...]
    needs: tuple[DataNeed, ...]
    served: bool
    folder: Path
    draft: str = ""
    labels: Mapping[str, str] = field(init=False)
    of_item: Mapping[str, tuple[AnyInput, ...]] = field(init=False)
    in_place: Mapping[str, tuple[str, ...]] = field(init=False)
    ways: Mapping[str, tuple[Way, ...]] = field(init=False)
    same_within: Mapping[str, timedelta] = field(init=False)

    def __post_init__(self) -> None:
        """Gather once what every answer asks for many times."""
        object.__setattr__(self, "labels", _labels(self))
        object.__setattr__(self, "of_item", _of_item(self))
        object.__setattr__(self, "in_place", _in_place(self))
        object.__setattr__(self, "ways", _ways(self))
        object.__setattr__(self, "same_within", _same_within(self))

    @property
    def signals(self) -> Mapping[str, Signal]:
        """What is measured, by the name of the input."""
        return {name: one.signal for name, one in self.inputs.items() if isinstance(one, Measured)}

    @property
    def code_labels(self) -> Mapping[str, str]:
        """What is asked for by code, each code with its label in a clinician's words."""
        return {
            coding.code: one.label
            for one in self.inputs.values()
            if isinstance(one, Measured | Answered)
            for coding in (one.signal.codes if isinstance(one, Measured) else one.codes)
        }


def _labels(manifest: ScoreManifest) -> dict[str, str]:
    """The lines of a score, in the order of the manifest, each with its own label or that of its first input."""
    labels: dict[str, str] = {}
    for one in manifest.inputs.values():
        if not one.helper:
            labels.setdefault(one.item, manifest.items.get(one.item, one.label))
    return labels


def _of_item(manifest: ScoreManifest) -> dict[str, tuple[AnyInput, ...]]:
    """The inputs of each line; what only helps to find others feeds none."""
    inputs = [one for one in manifest.inputs.values() if not one.helper]
    return {item: tuple(one for one in inputs if one.item == item) for item in dict.fromkeys(i.item for i in inputs)}


def _same_within(manifest: ScoreManifest) -> dict[str, timedelta]:
    """The widest tolerance of a group. A manifest may name an input that is none; that is told when it is checked."""
    return {
        name: max((manifest.inputs[one].same_within for one in group if one in manifest.inputs), default=timedelta())
        for name, group in manifest.in_place.items()
    }


def _in_place(manifest: ScoreManifest) -> dict[str, tuple[str, ...]]:
    """For each input the one that it may stand for, or itself, and all that may stand for that one."""
    roots = {name: one.unless or name for name, one in manifest.inputs.items()}
    return {
        name: (root, *(other.name for other in manifest.inputs.values() if other.unless == root))
        for name, root in roots.items()
    }


def _ways(manifest: ScoreManifest) -> dict[str, tuple[Way, ...]]:
    """For each input the ways to know what it is about."""
    joined = {
        name: (name, *(other.name for other in manifest.inputs.values() if other.together_with == name))
        for name, one in manifest.inputs.items()
        if not one.together_with
    }
    return {name: tuple(joined[one] for one in group if one in joined) for name, group in manifest.in_place.items()}
