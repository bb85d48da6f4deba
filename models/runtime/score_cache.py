"""A model that remembers its latest answers, so that a chart that is opened again at once costs next to nothing.

Only risks are remembered. "Not assessed" is always asked anew, because it often depends on the hour; so is a score,
which is worked out sooner than its record is compared.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from clinical.assessment import Finding, ModelInfo, RiskAssessment
from clinical.need import DataNeed
from clinical.ports import RiskModel
from clinical.record import PatientRecord
from models.runtime.record_digest import record_digest


@dataclass(frozen=True, slots=True)
class _Entry:
    """A remembered answer, good from its own `as_of` to `until`."""

    answer: RiskAssessment
    until: datetime

    def holds(self, at: datetime) -> bool:
        """Whether the answer may be given at a moment."""
        return self.answer.as_of <= at <= self.until


class RememberingModel:
    """Another model with a bounded memory. Fills `clinical.ports.RiskModel`; safe to share between threads."""

    def __init__(self, model: RiskModel, max_entries: int = 128, max_age: timedelta = timedelta(minutes=5)) -> None:
        """Remember at most `max_entries` answers, each for at most `max_age`; the least recently used is forgotten.

        An answer holds the facts that it rests on: about 100 KB.
        """
        self._model = model
        self._max_entries = max_entries
        self._max_age = max_age
        self._entries: OrderedDict[bytes, _Entry] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def info(self) -> ModelInfo:
        """Name, version and meaning of the model behind."""
        return self._model.info

    @property
    def needs(self) -> tuple[DataNeed, ...]:
        """What must be read for the model behind."""
        return self._model.needs

    def assess(self, record: PatientRecord, as_of: datetime) -> Finding:
        """The remembered answer about the same content, with its own earlier `as_of`, else a new finding."""
        digest = record_digest(record)
        remembered = self._recall(digest, as_of)
        if remembered is not None:
            return remembered
        finding = self._model.assess(record, as_of)
        if isinstance(finding, RiskAssessment):
            self._remember(digest, _Entry(finding, _good_until(record, as_of, self._max_age)))
        return finding

    def _recall(self, digest: bytes, as_of: datetime) -> RiskAssessment | None:
        """The answer, if there is one that holds."""
        with self._lock:
            entry = self._entries.get(digest)
            if entry is None or not entry.holds(as_of):
                return None
            self._entries.move_to_end(digest)
            return entry.answer

    def _remember(self, digest: bytes, entry: _Entry) -> None:
        """Keep an answer, and forget the oldest where there are too many."""
        with self._lock:
            self._entries[digest] = entry
            self._entries.move_to_end(digest)
            while len(self._entries) > self._max_entries:
                self._entries.popitem(last=False)


def _good_until(record: PatientRecord, as_of: datetime, max_age: timedelta) -> datetime:
    """The last moment for an answer: before anything that the record dates in the future has come about."""
    latest = as_of + max_age
    coming = min((time for time in _times(record) if as_of < time <= latest), default=None)
    return latest if coming is None else coming - timedelta.resolution


def _times(record: PatientRecord) -> Iterator[datetime]:
    """Every time in a record at which it may come to mean something else."""
    yield from (fact.time for fact in record.observations)
    yield from (answer.time for answer in record.answers)
    for stay in record.stays:
        yield from _present(stay.start, stay.end, stay.latest_end)
        yield from _present(*(time for place in stay.locations for time in (place.start, place.end)))
    yield from _present(*(time for use in record.medications for time in (use.start, use.end, use.latest_start)))
    yield from _present(*(time for condition in record.conditions for time in (condition.onset, condition.recorded)))
    yield from _present(*(time for done in record.procedures for time in (done.performed, done.end, done.latest_start)))


def _present(*times: datetime | None) -> Iterator[datetime]:
    """The times that are known."""
    return (time for time in times if time is not None)
