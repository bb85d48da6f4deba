"""What a model sees of a record at a moment: the one way from facts to numbers, for the service and for training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from clinical.record import PatientRecord, SetAside
from models.runtime.aggregate import Facts
from models.runtime.columns import Given, load_code
from models.runtime.features import Feature, FeaturePlan, Vector
from models.runtime.gather import Collected, Gatherer, Series
from models.runtime.manifest import Manifest
from models.runtime.needs import only_beside
from models.runtime.placed import Placed
from models.runtime.population import place, too_little
from models.runtime.whereabouts import Refusal

_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Looked:
    """A row with what is behind it: `row` (n,), the facts behind each feature, and what `features.py` gave."""

    placed: Placed
    series: Mapping[str, Series]
    row: Vector
    facts: list[Facts]
    given: Given
    unused: tuple[SetAside, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """Why there is no answer, and what was read and cannot be used."""

    refusal: Refusal
    unused: tuple[SetAside, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a model sees of a record at a moment, and whether it would answer."""

    values: Vector
    answered: bool


class TreeSight:
    """The eyes of a model of trees."""

    def __init__(self, manifest: Manifest) -> None:
        """Load the code of the folder, if it has some. Raises `ManifestInvalid`."""
        self._manifest = manifest
        self._plan = FeaturePlan(manifest)
        self._gatherer = Gatherer(
            manifest.signals.values(), hourly=manifest.population.hourly, beside=only_beside(manifest.needs)
        )
        self._code = load_code(manifest.folder)

    @property
    def features(self) -> tuple[Feature, ...]:
        """The columns of every row."""
        return self._plan.features

    def look(self, record: PatientRecord, as_of: datetime) -> Looked | Refused:
        """One row for the service, or why there is none."""
        placed = place(record, self._manifest.population, as_of)
        if isinstance(placed, Refusal):
            return Refused(placed, self._gatherer.set_aside(record))
        gathered = self._gatherer.gather(record, placed.opens, placed.start, as_of)
        series = gathered.series
        refusal = self._refusal(record, placed, series)
        if refusal is not None:
            return Refused(refusal, gathered.unused)
        given = self._code.columns(record, placed, series)
        row, facts = self._plan.measured(series, placed.person, placed.hours, given)
        return Looked(placed, series, row, facts, given, gathered.unused)

    def see(self, record: PatientRecord, moments: Sequence[datetime]) -> Iterator[Seen | None]:
        """A row for each of rising moments, for training; None for a patient outside the population.

        The facts are collected once, at the last moment, and cut for the others; that gives what `look` gives.
        """
        collected: dict[tuple[datetime, datetime], Collected] = {}
        for as_of in moments:
            placed = place(record, self._manifest.population, as_of)
            if isinstance(placed, Refusal):
                yield None
                continue
            key = (placed.opens, placed.start)
            if key not in collected:
                collected[key] = self._collected(record, placed, moments[-1])
            yield self._seen(record, placed, collected[key].until((as_of - placed.start) / _HOUR))

    def _collected(self, record: PatientRecord, placed: Placed, last: datetime) -> Collected:
        """Without columns of its own nobody asks for the facts, and to leave them out is quicker."""
        collected = self._gatherer.collect(record, placed.opens, placed.start, last)
        return collected if self._code.gives_columns else collected.without_facts()

    def _seen(self, record: PatientRecord, placed: Placed, series: Mapping[str, Series]) -> Seen | None:
        refusal = self._refusal(record, placed, series)
        if refusal is not None and not refusal.in_population:
            return None
        given = self._code.columns(record, placed, series)
        return Seen(self._plan.values(series, placed.person, placed.hours, given), refusal is None)

    def _refusal(self, record: PatientRecord, placed: Placed, series: Mapping[str, Series]) -> Refusal | None:
        """The model's own refusal comes first: it knows for whom it is not meant."""
        return self._code.refusal(record, placed, series) or too_little(series, self._manifest, placed.hours)
