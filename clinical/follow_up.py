"""What came of the advice, known afterwards: outcomes, actions that were seen, and groups for audit."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ObservedOutcome:
    """What happened to a patient in the end, for judging the advice later.

    `outcome` names it as the model's manifest does ("death-in-hospital"); `time` is when it happened or, where it did
    not, until when that is known. `encounter_id` is the stay that it belongs to, where it belongs to one.
    """

    patient_id: str = field(repr=False)
    client: str
    outcome: str
    occurred: bool
    time: datetime
    encounter_id: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class PatientGroup:
    """A group that a patient belongs to, read for audit and never a feature: `("sex", "female")`."""

    patient_id: str = field(repr=False)
    client: str
    attribute: str
    value: str


@dataclass(frozen=True, slots=True)
class ActionSeen:
    """That what an advice suggested was done, seen in the record afterwards. `kind` says what ("lactate-ordered")."""

    advice_id: str
    client: str
    kind: str
    time: datetime
