"""Training data as the service sees patients: a record, the moments at which it is asked, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol, runtime_checkable

from clinical.record import PatientRecord
from models.runtime.features import Feature
from models.runtime.provenance import file_digest
from models.runtime.sight import Seen


class WrongData(Exception):
    """A data file is missing, or is not the one that the figures were made with."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A question: the time at which it is asked, the answer that turned out true, and the slice it is reported in.

    `hour` is how many hours the stay had lasted. `weight` is how much the row counts in fitting; it never counts in
    judging.
    """

    as_of: datetime
    outcome: bool
    slice: str
    hour: float = 0.0
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Case:
    """One patient's record with its rising moments. `groups` are for audit only and reach no feature.

    `patient` is the same number for all cases of one person. `period` names a stretch of time, where the data have any.
    `beside` are scores that the data bring along, to compare with.
    """

    record: PatientRecord
    patient: int
    moments: Sequence[Moment]
    groups: Mapping[str, str] = field(default_factory=dict)
    period: str = ""
    beside: Mapping[str, float] = field(default_factory=dict)


class Sight(Protocol):
    """Turns a record into what a model sees: the code that serves (`models.runtime.sight`), and no other."""

    @property
    def features(self) -> tuple[Feature, ...]:
        """The columns."""
        ...

    def see(self, record: PatientRecord, moments: Sequence[datetime]) -> Iterable[Seen | None]:
        """A row for each of rising moments; None for a patient outside the population."""
        ...


class Source(Protocol):
    """Where a model's training data come from. Each model of trees has one, in `training/data.py` of its folder."""

    @property
    def sha256(self) -> Mapping[str, str]:
        """The files that the shipped figures were made with, by name."""
        ...

    def cases(self, files: Sequence[Path]) -> Iterator[Case]:
        """Every patient in files of this format, in an order that is always the same. Raises `WrongData`."""
        ...


@runtime_checkable
class Remarking(Protocol):
    """A source that has something to say about files: what it did not find in them, whom it leaves out, and how many.

    A source may do without.
    """

    def remarks(self, files: Sequence[Path]) -> Sequence[str]:
        """Sentences without a full stop, for people. Raises `WrongData`."""
        ...


def remarks_of(source: Source, files: Sequence[Path]) -> list[str]:
    """What a source has to say about these files. Raises `WrongData`."""
    return list(source.remarks(files)) if isinstance(source, Remarking) else []


def check_files(folder: Path, sha256: Mapping[str, str]) -> list[Path]:
    """The files of a folder, if they are those with these hashes. Raises `WrongData`."""
    found = []
    for name, expected in sha256.items():
        path = folder / name
        if not path.is_file():
            raise WrongData(f"{path} is missing")
        if file_digest(path) != expected:
            raise WrongData(f"{path} is not the file that the figures were made with (SHA-256 differs)")
        found.append(path)
    return found
