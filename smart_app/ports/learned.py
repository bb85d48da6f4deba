"""What training and validation say of a model, beyond its assessment of one patient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Group:
    """A group of patients in validation. `low` and `high` are the least and the highest age, or both the sex (1 male).

    `too_few` says that its figures were not worked out.
    """

    kind: str
    label: str
    low: float
    high: float
    patients: int
    too_few: bool = False


@dataclass(frozen=True, slots=True)
class Learned:
    """What a model learned from. All in the units of the features: years, hours.

    `ages` are the least and the highest age that training saw; ages from `age_cap` on (0: none) look the same to it.
    `hours` is the window in which the model answers; `ranges` are the 5th and the 95th percentile of a signal's latest
    value in training, by concept and in its unit; `groups` those that validation looked at; `report` says whether there
    is an evaluation report under `/models/`; `old_after` from what age on a value counts as old.
    """

    ages: tuple[float, float] | None = None
    age_cap: float = 0.0
    hours: tuple[float, float] | None = None
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    groups: tuple[Group, ...] = ()
    report: bool = False
    old_after: timedelta = timedelta(hours=24)
